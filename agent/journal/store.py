"""Where a journal stands: at home in its file, or in memory while its disk takes nothing or does not give it back.

What could not be written is kept in the runtime directory too (`unwritten.py`), and goes home before anything else.
"""

import sqlite3
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from agent.journal.file import (
    LOST,
    JournalUnreadable,
    NotWritten,
    begin_again,
    migrate,
    open_read_only,
    open_writable,
    quick_check,
    reading,
)
from agent.journal.statements import DELETE, PUT, Statement
from agent.journal.tally import Tally, counted
from agent.journal.unwritable import committed
from agent.journal.unwritten import Record, Unwritten

RECORDED = "SELECT value FROM entries WHERE kind='unwritten'"


class Store:
    """The connection behind a journal, and the way home.

    `away` says why it is not at home; empty: it is. `pending`: what an earlier process could not write, executed
    here already if away, and still to be written. `generation` counts the connections of this life, `commits` the
    transactions that the disk took and `refused` those that it did not.
    """

    def __init__(self, path: Path, unwritten: Unwritten | None, *, adrift: str = "") -> None:
        """Raises JournalUnreadable, and NotWritten if there is no `unwritten`.

        `adrift`: why the file at `path` cannot be read, when it cannot be kept aside either.
        """
        self._path = path
        self._unwritten = unwritten
        self._adrift = adrift
        self.generation = self.commits = self.refused = 0
        record = unwritten.record if unwritten else None
        self.pending: list[Statement] = list(record.statements) if record else []
        self.db, self.away = self._opened()
        if record and self._has(record):
            self._cleared()
            self.pending = []
        if self.pending:
            self._catch_up()

    def _opened(self) -> tuple[sqlite3.Connection, str]:
        if self._adrift:
            return self._in_memory(), self._adrift
        try:
            return open_writable(self._path), ""
        except NotWritten as error:
            if self._unwritten is None:
                raise
            return self._in_memory(), str(error)

    def _in_memory(self) -> sqlite3.Connection:
        with reading(self._path):
            db = in_memory()
            if self._adrift:
                migrate(db)
                db.execute(PUT, (*LOST, self._adrift))
                return db
            if self._path.exists():
                db.deserialize(committed(self._path))
            migrate(db)
            quick_check(db)
            return db

    def _has(self, record: Record) -> bool:
        with reading(self._path):
            row = self.db.execute(RECORDED).fetchone()
        return row is not None and row[0] == record.id

    def _catch_up(self) -> None:
        """Write what an earlier process could not, or at least see it."""
        if not self.away:
            try:
                self.write(self.pending, Tally())
            except NotWritten as error:
                self.db.close()
                self.db, self.away = self._in_memory(), str(error)
            else:
                self.pending = []
                return
        with reading(self._path):
            for statement, values in self.pending:
                self.db.execute(statement, values)

    def write(self, statements: Sequence[Statement], tally: Tally, *, synced: bool = True) -> Tally:
        """Execute these in one transaction at home; gives the new tally. Raises NotWritten; then they are kept.

        `synced`: a power cut must not forget them.
        """
        try:
            db = self._home() if self.away else self.db
            tally = self._written(db, statements, tally, synced=synced)
        except NotWritten:
            self.refused += 1
            self._keep(statements)
            raise
        self.commits += 1
        if self.away:
            self.db.close()
            self.db, self.away, self._adrift = db, "", ""
            self.generation += 1
            tally = counted(db)
        self._cleared()
        return tally

    def _home(self) -> sqlite3.Connection:
        if self._adrift:
            begin_again(self._path, self._adrift)
        return open_writable(self._path)

    def _written(self, db: sqlite3.Connection, statements: Sequence[Statement], tally: Tally, *, synced: bool) -> Tally:
        record = self._unwritten.record if self._unwritten else None
        only_marks = all(statement in DELETE.values() for statement, _ in statements)
        light = not record and (only_marks or not synced)
        try:
            # what a power cut forgets of marks is sent again under its key: they need no sync of their own
            db.execute(f"PRAGMA synchronous={'NORMAL' if light else 'FULL'}")
            db.execute("BEGIN IMMEDIATE")
            for statement, values in statements:
                tally = tally.after(statement, db.execute(statement, values).fetchall())
            if record:
                db.execute(PUT, ("unwritten", "", record.id))
            db.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):  # SQLite has often rolled back by itself, and says so by an error
                db.execute("ROLLBACK")
            if self.away:
                db.close()
            raise NotWritten(
                f"The journal {self._path} was not written: {error}. Free space or change the card."
            ) from error
        return tally

    def checkpoint(self, *, empty: bool = False) -> None:
        """Bring what stands in the log into the file, and `empty` the log; a disk that refuses is told by a commit."""
        if not self.away:
            with suppress(sqlite3.Error):
                self.db.execute(f"PRAGMA wal_checkpoint({'TRUNCATE' if empty else 'PASSIVE'})").fetchall()

    def _keep(self, statements: Sequence[Statement]) -> None:
        if self._unwritten:
            record = self._unwritten.record
            self._unwritten.save(Record(record.id if record else str(uuid.uuid4()), statements))

    @property
    def keeps(self) -> bool:
        """Whether the next start finds what could not be written."""
        return self._unwritten is not None and self._unwritten.record is not None

    def _cleared(self) -> None:
        if self._unwritten:
            self._unwritten.clear()

    def reader(self) -> sqlite3.Connection:
        """A connection for one other thread, which closes it: it sees committed rows only.

        Away it sees those of the moment. Any thread while at home.
        """
        if not self.away:
            return open_read_only(self._path)
        copy = in_memory()
        self.db.backup(copy)
        return copy

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        self.db.close()


def in_memory() -> sqlite3.Connection:
    """An empty journal without a file or tables."""
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)


class ReadOnly:
    """The connection behind a journal that is only looked at."""

    away = ""
    keeps = False
    generation = commits = refused = 0

    def __init__(self, path: Path) -> None:
        """Raises JournalUnreadable."""
        self._path = path
        self.pending: list[Statement] = []
        try:
            self.db = open_read_only(path)
        except sqlite3.Error as error:
            raise JournalUnreadable(f"The journal {path} cannot be opened: {error}. Run this as root.") from error

    def write(self, statements: Sequence[Statement], tally: Tally, *, synced: bool = True) -> Tally:
        """Nothing is written. Raises NotWritten."""
        del statements, tally, synced
        raise NotWritten(f"The journal {self._path} was opened to be read only.")

    def checkpoint(self, *, empty: bool = False) -> None:
        """Nothing is written."""

    def reader(self) -> sqlite3.Connection:
        """Another such connection."""
        return open_read_only(self._path)

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        self.db.close()
