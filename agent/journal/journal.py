"""The journal itself: what is staged, committed and read back.

What one fact changed (the fact, the state's rows, what is owed) is staged and goes into one transaction. A durable fact
commits at once; others ride along, at the latest after `FLUSH_S`. SQLite runs in WAL mode with `synchronous=FULL`: a
commit that returned survives a power cut, unless all of it comes again: marks of delivery, a start that was delivered.
"""

import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from agent.clock import DAY_S
from agent.effects import Aside, Order
from agent.facts import KnownCommand
from agent.journal.age import Kept, too_old
from agent.journal.copies import forget_copies
from agent.journal.file import (
    LOST,
    JournalUnreadable,
    NotWritten,
    examined,
    is_damage,
    orphaned,
    quick_check,
    reading,
)
from agent.journal.queries import (
    ENTRIES,
    known_command,
    read_aside,
    read_command,
    read_newest,
    read_orders,
    read_owed,
    read_station,
)
from agent.journal.rows import OwedRow, Writing
from agent.journal.sound import unsound
from agent.journal.statements import (
    ANSWER,
    ORDER,
    RESERVE,
    TAKE,
    Statement,
    Table,
    deletions,
    mark_of,
    putting_aside,
    statements_of,
)
from agent.journal.store import ReadOnly, Store
from agent.journal.tally import counted
from agent.journal.unwritten import Unwritten
from agent.state import Station

log = logging.getLogger(__name__)

FLUSH_S = 5.0
"""How long a change that is not durable may wait for the next commit."""
WAITING_MAX = 10_000
"""Statements that wait for a disk which takes none; beyond, facts are left out of the history, and nothing else."""

IDS_AHEAD = 100
"""Ids are reserved this many at a time: the table of the last ones would cost a page (4 KiB) in each commit."""

RELEASES = 40
"""After how many releases the log is brought home: about 1000 pages."""
TABLES: tuple[Table, ...] = ("owed", "messages")


class Journal:
    """Used by the main thread only; `reader()` gives another thread a connection of its own.

    `tally`: how much is owed and set aside, as committed.
    """

    def __init__(
        self, path: Path, *, read_only: bool = False, unwritten: Unwritten | None = None, adrift: str = ""
    ) -> None:
        """Open or make the file. Raises JournalUnreadable before any change, NotWritten without rights or space.

        `read_only` opens an existing one, with or without an agent running, and changes nothing. With `unwritten` a
        disk that takes nothing is no error: the journal is read into memory then. `adrift`: see `open_journal`.
        """
        self._path = path
        if not adrift:
            self._examine(read_only=read_only)
        self._store = ReadOnly(path) if read_only else Store(path, unwritten, adrift=adrift)
        self._staged: list[Statement] = self._store.pending
        with reading(path):
            self.tally = counted(self._db)
        self._ids = {table: self._last_id(table) for table in TABLES}
        self._reserved = dict(self._ids)
        self._forgets = False
        self._releases = 0
        self._newest = self.newest()
        self._salt: bytes = b"" if read_only else self._one("SELECT value FROM salt")

    @property
    def _db(self) -> sqlite3.Connection:
        return self._store.db

    @property
    def away(self) -> str:
        """Why nothing can be written now, since the start; empty if it can, as far as anybody knows."""
        return self._store.away

    @property
    def generation(self) -> int:
        """Counts up when whoever holds a `reader()` should get another."""
        return self._store.generation

    @property
    def commits(self) -> tuple[int, int]:
        """How many commits the disk took and how many it refused, since the start. Any thread."""
        return self._store.commits, self._store.refused

    @property
    def lost(self) -> str:
        """Why the journal before this one could not be read, until `JournalLost` is committed."""
        return self._one("SELECT value FROM entries WHERE kind=? AND key=?", *LOST) or ""

    def _examine(self, *, read_only: bool) -> None:
        if orphaned(self._path):
            raise JournalUnreadable(f"The journal {self._path} is gone, but its log is there. Keep it aside and look.")
        if not self._path.exists():
            if read_only:
                raise JournalUnreadable(f"There is no journal {self._path}; has an agent run here? Look at state_dir.")
            return
        with reading(self._path):
            try:
                with examined(self._path) as db:
                    quick_check(db)
                    read_owed(db)
                    if why := unsound(db.execute(ENTRIES)):
                        raise sqlite3.DatabaseError(why)
            except sqlite3.Error as error:
                if is_damage(error):
                    raise
                # Anything else (rights, a lock) is told when the file is opened.

    def _last_id(self, table: Table) -> int:
        return self._one("SELECT seq FROM sqlite_sequence WHERE name=?", table) or 0

    def _one(self, query: str, *values: Any) -> Any:
        with reading(self._path):
            row = self._db.execute(query, values).fetchone()
        return row[0] if row else None

    def restore(self, slots: Iterable[int]) -> Station:
        """The station as it was last written; slots that are new in the config are free. Raises JournalUnreadable."""
        with reading(self._path):
            return read_station(self._db, slots)

    def owed(self) -> list[OwedRow]:
        """Everything owed to the supplier, in the order in which it became owed. Raises JournalUnreadable."""
        with reading(self._path):
            return read_owed(self._db)

    def aside(self) -> list[Aside]:
        """Everything that was set aside. Raises JournalUnreadable."""
        with reading(self._path):
            return read_aside(self._db)

    def aside_now(self) -> list[Aside]:
        """As `aside`, over a connection of its own: any thread may call this."""
        with reading(self._path), examined(self._path) as db:
            return read_aside(db)

    def new_id(self, table: Table) -> int:
        """The next id of `owed` or `messages`; none is used twice, and a restart leaves some out."""
        self._ids[table] += 1
        return self._ids[table]

    def was_taken(self, source: str, event_id: str) -> bool:
        """Whether an inbox event with this source and id was staged or committed before. Raises JournalUnreadable."""
        event = (source, event_id)
        if any(statement == TAKE and values[:2] == event for statement, values in self._staged):
            return True
        return self._one("SELECT 1 FROM taken WHERE source=? AND id=?", *event) is not None

    def command(self, name: str) -> KnownCommand | None:
        """What is staged or committed of the command with this id. Raises JournalUnreadable."""
        with reading(self._path):
            known = read_command(self._db, name)
        for statement, values in self._staged:
            if statement == ORDER and values[0] == name:
                known = known_command(values[1], None, values[3])
            elif statement == ANSWER and values[1] == name and known:
                known = replace(known, answer=values[0])
        return known

    def orders(self) -> list[Order]:
        """The commands that have no reply yet. Raises JournalUnreadable."""
        with reading(self._path):
            return read_orders(self._db)

    def is_known(self, card: str, since: float, until: float) -> bool:
        """Whether a session of this card was last paid between these moments (Unix seconds), and it was not refused."""
        query = "SELECT 1 FROM known WHERE card=? AND wall BETWEEN ? AND ?"
        return self._one(query, mark_of(card, self._salt), since, until) is not None

    def newest(self) -> float:
        """The newest moment that was written down, Unix seconds; 0 if there is none. Raises JournalUnreadable."""
        with reading(self._path):
            return read_newest(self._db)

    def counts(self) -> Mapping[str, Any]:
        """How much is owed: acts, messages, those set aside, and since when (Unix seconds; None: nothing).

        Raises JournalUnreadable.
        """
        found = [self._one(f"SELECT since FROM {each} WHERE aside IS NULL ORDER BY id LIMIT 1") for each in TABLES]  # noqa: S608
        return {
            "supplier": self.tally.acts,
            "broker": self.tally.messages,
            "refused": self.tally.aside,
            "oldest": min((moment for moment in found if moment is not None), default=None),
        }

    def stage(self, writing: Writing) -> None:
        """Put what one fact changed into the next commit; a fact that changed nothing is not kept."""
        self._newest = max(self._newest, writing.fact.at.wall)
        statements = list(statements_of(writing, self._salt, self._newest))
        if not statements:
            return
        if writing.historic and len(self._staged) < WAITING_MAX:
            fact = (writing.fact.at.wall, type(writing.fact).__name__, msgspec.json.encode(writing.fact))
            statements.append(("INSERT INTO history (wall, kind, fact) VALUES (?, ?, ?)", fact))
        self._staged += [*statements, *self._reserving()]

    def _reserving(self) -> Iterator[Statement]:
        """What one commit in many needs, behind its rows; lost, it only costs pages until the next."""
        for table in TABLES:
            if self._ids[table] > self._reserved[table]:
                self._reserved[table] = self._ids[table] + IDS_AHEAD
                yield RESERVE, (self._reserved[table], table)

    def forget(self, table: Table, ids: Iterable[int]) -> None:
        """What was delivered is owed no longer, from the next commit on."""
        self._staged += deletions(table, ids)

    def set_aside(self, table: Table, row_id: int, reason: str) -> None:
        """What was refused waits for an operator, from the next commit on."""
        self._staged.append(putting_aside(table, row_id, reason))

    def mark(self) -> int:
        """How much is staged now, for `unstage`."""
        return len(self._staged)

    def unstage(self, mark: int) -> None:
        """Take back what was staged since `mark`."""
        del self._staged[mark:]

    @property
    def staged(self) -> bool:
        """Whether anything waits for a commit."""
        return bool(self._staged)

    def commit(self, *, synced: bool = True) -> None:
        """Write what is staged, in one transaction. Raises NotWritten; then everything stays staged.

        `synced`: a power cut must not forget it; else only a kill may not.
        """
        if not self._staged:
            return
        self.tally = self._store.write(self._staged, self.tally, synced=synced)
        self._staged.clear()
        if self._forgets:
            self._forgets = False
            self._store.checkpoint(empty=True)

    def vehicle_left(self) -> None:
        """A release is committed: after so many of them the log is brought home, since nobody waits now."""
        self._releases += 1
        if self._releases >= RELEASES:
            self._releases = 0
            self._store.checkpoint()

    def prune(self, wall: float, kept: Kept) -> None:
        """Forget what is too old, from the next commit on, in the log too; what is owed is never touched.

        Copies of the journal (`copies.py`) are history too. The log is emptied even if nothing is too old: what was
        delivered since may still stand in it.

        Raises JournalUnreadable.
        """
        forget_copies(self._path, wall - kept.history_days * DAY_S)
        with reading(self._path):
            self._staged += too_old(self._db, wall, kept)
        if self._staged:
            self._forgets = True
        else:
            self._store.checkpoint(empty=True)

    def reader(self) -> sqlite3.Connection:
        """A read-only connection for one other thread, which closes it: it sees committed rows only."""
        return self._store.reader()

    def close(self) -> None:
        """Commit what is staged and close. Raises NotWritten after closing if that failed and nothing else keeps it."""
        try:
            self.commit()
        except NotWritten as error:
            if not self._store.keeps:
                raise
            log.error("%s", error)  # noqa: TRY400  the cause is in the sentence
        finally:
            self._store.close()
