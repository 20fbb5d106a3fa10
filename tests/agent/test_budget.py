"""What a start and an end may cost the card that the journal stands on: 3 synced commits and 64 KiB each."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.lane import Lane
from support.owing import CARD, tap

from agent.broker.mailbox import FEW, MARKS
from agent.effects import Message
from agent.facts import CardRemoved, CardTapped, LockSettled
from agent.journal import FLUSH_S, Writing
from agent.state import Station

COMMITS = 3
"""That are synced."""
BYTES = 64 * 1024
FRAME = 4096 + 24
"""A page and its header in the log (SQLite file format, section 4.1)."""
SESSIONS = 50
QUIET_S = 60.0


class Counted:
    """A road on which commits and the log's growth are counted; the log is never brought home.

    `unsynced` are those of the commits for which nobody waits until the disk has them.
    """

    def __init__(self, folder: Path) -> None:
        self.lane = Lane(folder / "journal.db")
        self.commits = self.unsynced = 0
        self._synced = True
        self._log = folder / "journal.db-wal"
        self.lane.journal._db.execute("PRAGMA wal_autocheckpoint=0")
        self.lane.journal._store.checkpoint = lambda **_: None  # type: ignore[method-assign]
        self.lane.journal._db.set_trace_callback(self._count)

    def _count(self, statement: str) -> None:
        if statement.startswith("PRAGMA synchronous"):
            self._synced = statement.endswith("FULL")
        elif statement == "COMMIT":
            self.commits += 1
            self.unsynced += not self._synced

    def cost(self, story: Callable[[], object]) -> tuple[int, int]:
        """Commits and bytes of what happens in `story`."""
        commits, size = self.commits, self._size()
        story()
        return self.commits - commits, self._size() - size

    def _size(self) -> int:
        return self._log.stat().st_size if self._log.exists() else 0

    def start(self) -> None:
        """A tap, up to the delivered start with its event."""
        self.lane.start()
        self._settle_lock(locked=True)
        self._exchange(3)

    def end(self) -> None:
        """The same card again, up to the released vehicle and everything told to the supplier."""
        self.lane.happens(CardTapped, card=CARD)
        self._exchange(3)
        self._settle_lock(locked=False)
        self._exchange(2)

    def _exchange(self, count: int) -> None:
        for _ in range(count):
            self.lane.exchange()

    def _settle_lock(self, *, locked: bool) -> None:
        move = self.lane.road.station.slots[1].move
        self.lane.happens(LockSettled, slot=1, move=move, locked=locked)

    def deliver(self) -> None:
        """The broker takes everything."""
        for parcel in self.lane.mailbox.take(100):
            self.lane.mailbox.delivered(parcel.id)

    def rest(self, seconds: float = QUIET_S) -> None:
        """Time goes by: whatever is due is done when it is due."""
        until = self.lane.hand() + seconds
        while (wait := self.lane.road.wait_s()) <= until - self.lane.hand():
            self.lane.hand.pass_(wait)
            self.lane.road.tick()
        self.lane.hand.pass_(until - self.lane.hand())

    def leave(self) -> None:
        """The card goes, and the broker gets its message: marks are written, by themselves on a quiet station."""
        self.lane.happens(CardRemoved, card=CARD)
        self.deliver()
        self.lane.road.tick()
        self.rest()

    def close(self) -> None:
        self.lane.close()


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[Counted]:
    with closing(Counted(tmp_path)) as made:
        yield made


def test_a_start_and_an_end_keep_to_their_budgets(counted: Counted) -> None:
    starts, ends, marks = [], [], []
    for _ in range(SESSIONS):
        for costs, story in ((starts, counted.start), (ends, counted.end)):
            costs.append(counted.cost(story))
            marks.append(counted.cost(counted.leave))
    assert counted.lane.supplier.names.count("pay") == SESSIONS
    assert {commits for commits, _ in starts} == {COMMITS + 1}
    assert counted.unsynced == SESSIONS + len(marks), "a delivered start, and each time the marks"
    assert {commits for commits, _ in ends} == {COMMITS - 1}
    assert max(size for _, size in (*starts, *ends)) <= BYTES
    assert {commits for commits, _ in marks} == {1}
    for costs, own in ((starts, marks[::2]), (ends, marks[1::2])):
        assert sum(size for _, size in (*costs, *own)) / SESSIONS <= BYTES, "with its marks"


def test_marks_ride_with_what_follows_soon(counted: Counted) -> None:
    def session() -> None:
        counted.start()
        counted.lane.happens(CardRemoved, card=CARD)
        counted.deliver()
        counted.rest(FLUSH_S - 1.0)
        counted.end()

    assert counted.cost(session)[0] - counted.unsynced == 2 * COMMITS - 1
    assert counted.unsynced == 1, "the delivered start"
    assert "session-started" not in counted.lane.written()


def test_marks_are_written_after_five_seconds_in_one_commit(counted: Counted) -> None:
    counted.start()
    counted.deliver()
    counted.lane.road.tick()
    assert counted.cost(lambda: counted.rest(FLUSH_S - 0.01)) == (0, 0)
    assert "session-started" in counted.lane.written()
    assert counted.cost(lambda: counted.rest(0.01)) == (1, FRAME)
    assert "session-started" not in counted.lane.written()


def test_many_marks_are_written_in_batches_that_are_small(counted: Counted) -> None:
    """Events that waited for the broker: main writes each batch when it is there, in one short commit."""
    journal, mailbox = counted.lane.journal, counted.lane.mailbox
    messages = tuple(
        (journal.new_id("messages"), Message(topic="stations/ST-42/events/session-started", payload=bytes(300)))
        for _ in range(MARKS + FEW + 1)
    )
    journal.stage(Writing(fact=tap(), before=Station(slots={}), after=Station(slots={}), messages=messages))
    journal.commit()
    for parcel in mailbox.take(MARKS):
        assert counted.lane.road.wait_s() > 0.0
        mailbox.delivered(parcel.id)
    assert counted.lane.road.wait_s() == 0.0
    commits, size = counted.cost(counted.lane.road.tick)
    assert (commits, mailbox.owed()[0]) == (1, FEW + 1)
    assert size <= 2 * MARKS * 300


def test_a_stop_writes_the_marks(counted: Counted) -> None:
    counted.start()
    counted.deliver()
    assert counted.lane.road.flush()
    assert "session-started" not in counted.lane.written()
    assert counted.cost(counted.lane.road.flush) == (0, 0)


def test_nothing_is_written_while_nothing_happens(counted: Counted) -> None:
    counted.start()
    counted.leave()
    assert counted.cost(lambda: counted.rest(3 * 86400.0)) == (0, 0)


def test_a_card_that_is_told_to_wait_writes_nothing_more(counted: Counted) -> None:
    """A second tap of a card whose own tap is being worked on is seen, and that is all."""
    counted.lane.happens(CardTapped, card=CARD)
    assert counted.cost(lambda: counted.lane.happens(CardTapped, card=CARD)) == (0, 0)
