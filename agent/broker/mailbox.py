"""What is owed to the broker, read from the journal: only what is committed leaves, in order."""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence

from agent.broker.mail import Parcel
from agent.journal import Journal

MESSAGES_MAX = 200_000
"""How many messages may be owed before the station starts nothing any more; ends go on, and nothing is ever shed."""
BATCH = 100
"""How many rows are read ahead; the rest stays on disk, however long the broker is away."""
MARKS = 500
"""So many marks are written down at once: main waits a few milliseconds for it, and a driver who taps then too."""
FEW = 20
"""While more is owed, main is not told of each message that was delivered, but of each `MARKS`."""


class Mailbox:
    """The broker thread takes parcels; main collects the marks of what was delivered or set aside.

    `owed_last` is what `owed` found last, for any thread.
    """

    def __init__(self, journal: Journal, fewer: Callable[[], None] = lambda: None) -> None:
        """`fewer` is called, in the broker's thread, when main should look what is owed and what was delivered."""
        self._journal = journal
        self._db = journal.reader()
        self._generation = journal.generation
        self._fewer = fewer
        self._oldest: tuple[int, float] | None = None
        self.owed_last: tuple[int, float | None] = (0, None)
        self._lock = threading.Lock()
        self._read_to = 0
        self._ahead: deque[Parcel] = deque()
        self._gone: list[int] = []
        self._aside: list[tuple[int, str]] = []
        self._forgotten: set[int] = set()  # dealt with, but perhaps not in the journal yet

    def take(self, limit: int) -> Sequence[Parcel]:
        """The next owed messages in order that are not in flight, at most `limit`. Raises sqlite3.Error."""
        with self._lock:
            while len(self._ahead) < limit and self._read():
                pass
            return [self._ahead.popleft() for _ in range(min(limit, len(self._ahead)))]

    def _read(self) -> bool:
        """Read on. False: there is nothing more."""
        query = (
            "SELECT id, topic, payload, content_type, correlation FROM messages WHERE id > ? AND aside IS NULL"
            " ORDER BY id LIMIT ?"
        )
        found = self._connection().execute(query, (self._read_to, BATCH)).fetchall()
        self._ahead += [Parcel(*row) for row in found if row[0] not in self._forgotten]
        if found:
            self._read_to = found[-1][0]
        return len(found) == BATCH

    def _connection(self) -> sqlite3.Connection:
        """The journal may have come home since."""
        if self._generation != self._journal.generation:
            self._db.close()
            self._generation = self._journal.generation
            self._db = self._journal.reader()
        return self._db

    def delivered(self, parcel_id: int) -> None:
        """The broker has it."""
        with self._lock:
            self._forget(parcel_id)
            self._gone.append(parcel_id)
            self._tell()

    def aside(self, parcel_id: int, reason: str) -> None:
        """The broker refused it for good: an operator has to look."""
        with self._lock:
            self._forget(parcel_id)
            self._aside.append((parcel_id, reason))
            self._tell()

    def _forget(self, parcel_id: int) -> None:
        self._forgotten.add(parcel_id)
        if self._ahead and self._ahead[0].id <= parcel_id:
            # An answer may come after `release`, when its parcel has been read once more.
            self._ahead = deque(parcel for parcel in self._ahead if parcel.id != parcel_id)

    def _tell(self) -> None:
        if self._journal.tally.messages - len(self._forgotten) <= FEW or self._many():
            self._fewer()

    def _many(self) -> bool:
        return len(self._gone) + len(self._aside) >= MARKS

    def release(self) -> None:
        """Nothing is in flight any more: what was, is owed again, in its old order."""
        with self._lock:
            self._read_to = 0
            self._ahead.clear()

    def owed(self) -> tuple[int, float | None]:
        """How many committed messages are owed, and since when the oldest is (Unix seconds). Main only."""
        with self._lock:
            count = self._journal.tally.messages - len(self._forgotten)
            if count and (self._oldest is None or self._oldest[0] in self._forgotten):
                self._oldest = self._look_for_oldest(self._oldest[0] if self._oldest else 0)
            self.owed_last = count, self._oldest[1] if count and self._oldest else None
            return self.owed_last

    def _look_for_oldest(self, after: int) -> tuple[int, float] | None:
        query = "SELECT id, since FROM messages WHERE aside IS NULL AND id > ? ORDER BY id"
        rows = self._connection().execute(query, (after,))
        return next((row for row in rows if row[0] not in self._forgotten), None)

    def marks(self) -> tuple[list[int], list[tuple[int, str]]]:
        """Rows delivered and rows set aside since the last call."""
        with self._lock:
            marks = self._gone, self._aside
            self._gone, self._aside = [], []
            return marks

    def committed(self, ids: Sequence[int]) -> None:
        """These marks are in the journal: a later read cannot find the rows again."""
        with self._lock:
            self._forgotten.difference_update(ids)
            if self._oldest and self._oldest[0] in ids:
                self._oldest = None

    @property
    def marked(self) -> bool:
        """Whether marks wait for a commit."""
        with self._lock:
            return bool(self._gone or self._aside)

    @property
    def full(self) -> bool:
        """Whether so many marks wait that they should be committed now."""
        with self._lock:
            return self._many()

    def close(self) -> None:
        """Close the connection to the journal."""
        with self._lock:
            self._db.close()
