"""The journal's file: made whole or not at all, examined before it is touched, kept aside when it cannot be read."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

MIGRATIONS = (
    """
    CREATE TABLE entries (kind TEXT, key TEXT, value BLOB NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (kind, key))
        WITHOUT ROWID;
    CREATE TABLE owed (id INTEGER PRIMARY KEY AUTOINCREMENT, act BLOB NOT NULL, since REAL NOT NULL, aside TEXT);
    CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, content_type TEXT NOT NULL,
        payload BLOB NOT NULL, since REAL NOT NULL, aside TEXT);
    CREATE TABLE taken (source TEXT, id TEXT, wall REAL NOT NULL, PRIMARY KEY (source, id)) WITHOUT ROWID;
    CREATE TABLE history (id INTEGER PRIMARY KEY, wall REAL NOT NULL, kind TEXT NOT NULL, fact BLOB NOT NULL);
    """,
    """
    CREATE TABLE known (card BLOB PRIMARY KEY, wall REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE salt (value BLOB NOT NULL);
    INSERT INTO salt VALUES (randomblob(32));
    """,
    """
    CREATE TABLE commands (id TEXT PRIMARY KEY, fact TEXT NOT NULL, wall REAL NOT NULL, replies BLOB NOT NULL,
        answer BLOB) WITHOUT ROWID;
    ALTER TABLE messages ADD COLUMN correlation BLOB NOT NULL DEFAULT x'';
    """,
)
"""Schema versions; each only adds, so that the version before still reads the file.

An index costs a page (4 KiB) in each commit, so there is none; the order of `entries` stands in `place`.
"""

TABLES_SINCE = {
    1: ("entries", "owed", "messages", "taken", "history", "sqlite_sequence"),
    2: ("known", "salt"),
    3: ("commands",),
}
"""Which tables a schema version brought."""

SALTED = "SELECT typeof(value) = 'blob' AND length(value) = 32 FROM salt"

LARGE = 16 * 2**20
"""Bytes of a journal; one of 30 days with 50 sessions each has half as many."""
EDGE = 100
"""How many facts are read at either end of the history: new ones are put behind them, and old ones taken away."""

LOST = ("lost", "")
"""Kind and key of the entry that says why the journal before this one could not be read, until the station knows."""

PRAGMAS = ("synchronous=FULL", "busy_timeout=5000", "secure_delete=ON", "wal_autocheckpoint=4000", "cache_size=-512")
"""A commit that returned survives a power cut; what is deleted (a card's UID) is overwritten.

The log is brought home after some releases (`RELEASES`), when nobody waits; 4000 pages (16 MiB) are the last resort.
512 KiB hold all pages that a commit touches; more would fill with history that nobody reads again.
"""

DAMAGE = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
"""Primary result codes (sqlite.org/rescode.html) of a file that is no journal; SQLITE_ERROR: a table is missing."""
UNREADABLE = frozenset({sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_CORRUPTFS})
"""Extended codes of a disk that does not give the file back."""


class JournalError(Exception):
    """The journal cannot do what it is for; the message says why and what to do next."""


class JournalUnreadable(JournalError):
    """The file is not a journal this version can read; nothing was changed."""


class NotWritten(JournalError):
    """The file cannot be opened or written; what was staged is kept and goes with the next commit."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever cannot be read in here is a JournalUnreadable; a damaged row may hold another type, or no text."""
    try:
        yield
    except (sqlite3.Error, msgspec.MsgspecError, OSError, TypeError, UnicodeDecodeError) as error:
        raise JournalUnreadable(f"The journal {path} cannot be read: {error}. Keep it aside and look.") from error


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is bad; anything else may pass (rights, space, a lock)."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code in UNREADABLE or code & 0xFF in DAMAGE


def open_read_only(path: Path) -> sqlite3.Connection:
    """A connection that sees committed rows only and changes nothing. Raises sqlite3.Error."""
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA busy_timeout=5000")
    db.execute("PRAGMA cache_size=-512")
    return db


def open_writable(path: Path) -> sqlite3.Connection:
    """The journal's own connection, brought to the newest schema; a missing file is made. Raises NotWritten."""
    try:
        if not path.exists():
            _make(path)
        return _opened(path)
    except (sqlite3.Error, OSError) as error:
        raise NotWritten(f"The journal {path} cannot be opened: {error}. Check rights and free space.") from error


def _make(path: Path) -> None:
    """Make it under another name first: a journal without its tables is damage, never a start cut short.

    One that was made to follow a lost one, and has not got its name yet, is it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = _new(path)
    if not _follows_a_lost_one(new):
        _build(new)
    _install(new, path)


def begin_again(path: Path, reason: str) -> None:
    """Keep an unreadable journal aside and make a new one that says so (`LOST`). Raises NotWritten.

    The new one is whole before the old one loses its name: cut short, no start takes the station for a new one.
    """
    try:
        new = _new(path)
        if not _follows_a_lost_one(new):
            _build(new, lost=reason)
        keep_aside(path)
        _install(new, path)
    except (sqlite3.Error, OSError) as error:
        raise NotWritten(f"No new journal {path} could be made: {error}. Check rights and free space.") from error


def _new(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _build(new: Path, *, lost: str = "") -> None:
    for part in parts(new):
        part.unlink(missing_ok=True)
    new.touch(mode=0o600)
    with closing(_opened(new)) as db:
        if lost:
            db.execute("INSERT INTO entries VALUES (?, ?, ?, 1)", (*LOST, lost))


def _follows_a_lost_one(new: Path) -> bool:
    if not new.exists():
        return False
    try:
        with examined(new) as db:
            return db.execute("SELECT 1 FROM entries WHERE kind=? AND key=?", LOST).fetchone() is not None
    except sqlite3.Error:
        return False


def _install(new: Path, path: Path) -> None:
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        _prepare(db)
        migrate(db)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection) -> None:
    for pragma in PRAGMAS:
        db.execute(f"PRAGMA {pragma}")
    mode = db.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal":
        raise OSError(f"its file system gives no write-ahead log (journal_mode {mode})")


def migrate(db: sqlite3.Connection) -> None:
    """Bring a journal to the newest schema. Raises sqlite3.Error."""
    version = db.execute("PRAGMA user_version").fetchone()[0]
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        db.executescript(f"BEGIN; {script} PRAGMA user_version={number}; COMMIT;")


def quick_check(db: sqlite3.Connection) -> None:
    """Read every page once; of a large file all but the middle of its history, which decides nothing.

    Raises sqlite3.DatabaseError if it is damaged or lacks a table.
    """
    version = db.execute("PRAGMA user_version").fetchone()[0]
    tables = [name for number, names in TABLES_SINCE.items() if number <= max(version, 1) for name in names]
    db.execute(f"SELECT 1 FROM {', '.join(tables)} LIMIT 1")  # noqa: S608  names of ours
    for part in [f"'{name}'" for name in tables if name != "history"] if is_large(db) else ["1"]:
        found = db.execute(f"PRAGMA quick_check({part})").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found)
    for way in ("", "DESC"):
        db.execute(f"SELECT * FROM history ORDER BY id {way} LIMIT {EDGE}").fetchall()  # noqa: S608
    if "salt" in tables and db.execute(SALTED).fetchall() != [(1,)]:
        raise sqlite3.DatabaseError("the salt is not what it was")


def is_large(db: sqlite3.Connection) -> bool:
    """Whether reading all of it would keep the station from being ready (1,000,000 facts: 270 MB, half a second)."""
    pages, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return bool(pages * size > LARGE)


def orphaned(path: Path) -> bool:
    """Whether a log is left over from a journal that is gone."""
    return not path.exists() and any(part.exists() for part in parts(path))


def parts(path: Path) -> list[Path]:
    """A journal's files: a -wal left behind would be played into a new file of the old name."""
    return [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")]


def keep_aside(path: Path) -> Path:
    """Give an unreadable journal another name, its log with it, so that a new one can be made. Raises NotWritten.

    Gives the new name. The file itself goes first: cut short, what is left over is found by the next start.
    """
    try:
        number = 1
        while any(part.exists() for part in parts(path.with_name(f"{path.name}.unreadable-{number}"))):
            number += 1
        aside = path.with_name(f"{path.name}.unreadable-{number}")
        for part, named in zip(parts(path), parts(aside), strict=True):
            if part.exists():
                part.rename(named)
    except OSError as error:
        raise NotWritten(f"The journal {path} cannot be kept aside: {error}. Check the folder's rights.") from error
    return aside


def examined(path: Path) -> closing[sqlite3.Connection]:
    """A read-only connection to look at before anything is written, closed by the `with` block."""
    return closing(open_read_only(path))
