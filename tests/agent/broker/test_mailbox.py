"""The mailbox: what is committed leaves in order, once, whatever the broker and the disk do in between."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from support.owing import tap

from agent.broker.mail import Parcel
from agent.broker.mailbox import BATCH, FEW, MARKS, Mailbox
from agent.effects import Message
from agent.journal import Journal, Writing
from agent.state import Station

STATION = Station(slots={})


class Box:
    """A journal and its mailbox; `write` stages messages, `commit` does what main does."""

    def __init__(self, path: Path) -> None:
        self.journal = Journal(path)
        self.mailbox = Mailbox(self.journal)

    def write(self, count: int = 1) -> list[int]:
        ids = [self.journal.new_id("messages") for _ in range(count)]
        messages = tuple((n, Message(topic=f"t/{n}", payload=f"{n}".encode(), content_type="c")) for n in ids)
        self.journal.stage(Writing(fact=tap(), before=STATION, after=STATION, messages=messages))
        return ids

    def put(self, count: int = 1) -> list[int]:
        ids = self.write(count)
        self.journal.commit()
        return ids

    def commit(self) -> None:
        gone, aside = self.mailbox.marks()
        self.journal.forget("messages", gone)
        for row_id, reason in aside:
            self.journal.set_aside("messages", row_id, reason)
        self.journal.commit()
        self.mailbox.committed([*gone, *(row_id for row_id, _ in aside)])

    def take(self, limit: int = 20) -> list[int]:
        return [parcel.id for parcel in self.mailbox.take(limit)]

    def close(self) -> None:
        self.mailbox.close()
        self.journal.close()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with closing(Box(tmp_path / "journal.db")) as made:
        yield made


class TestTaking:
    def test_parcels_are_whole_and_in_order(self, box: Box) -> None:
        box.put(3)
        assert box.mailbox.take(2) == [Parcel(1, "t/1", b"1", "c"), Parcel(2, "t/2", b"2", "c")]
        assert box.take() == [3]
        assert box.take() == []

    def test_what_comes_later_is_behind(self, box: Box) -> None:
        box.put(2)
        assert box.take(1) == [1]
        box.put(1)
        assert box.take() == [2, 3]

    def test_only_what_is_committed_leaves(self, box: Box) -> None:
        box.write(2)
        assert box.take() == []
        box.commit()
        assert box.take() == [1, 2]

    def test_what_was_set_aside_before_does_not_leave(self, box: Box) -> None:
        box.put(3)
        box.journal.set_aside("messages", 2, "reason code 144")
        box.journal.commit()
        assert box.take() == [1, 3]

    def test_a_restart_begins_with_the_oldest(self, box: Box, tmp_path: Path) -> None:
        box.put(3)
        box.take()
        box.mailbox.delivered(1)
        box.commit()
        box.close()
        with closing(Box(tmp_path / "journal.db")) as again:
            assert again.take() == [2, 3]

    def test_a_broker_that_is_away_for_long_costs_no_memory(self, box: Box) -> None:
        box.put(10_000)
        seen: list[int] = []
        while taken := box.take(20):
            seen += taken
            assert len(box.mailbox._ahead) <= BATCH
            for parcel_id in taken:
                box.mailbox.delivered(parcel_id)
            if len(seen) % 1000 == 0:
                box.commit()
                assert not box.mailbox._forgotten
        assert seen == list(range(1, 10_001))
        box.commit()
        assert box.journal.counts()["broker"] == 0

    def test_more_than_is_read_ahead_can_be_taken(self, box: Box) -> None:
        box.put(2 * BATCH + 50)
        assert len(box.take(2 * BATCH + 30)) == 2 * BATCH + 30
        assert len(box.take(30)) == 20


class TestMarks:
    def test_delivered_and_refused_are_collected_once(self, box: Box) -> None:
        box.put(3)
        box.take()
        assert not box.mailbox.marked
        box.mailbox.aside(2, "reason code 144")
        assert box.mailbox.marked
        box.mailbox.delivered(1)
        assert box.mailbox.marked
        assert box.mailbox.marks() == ([1], [(2, "reason code 144")])
        assert not box.mailbox.marked
        assert box.mailbox.marks() == ([], [])

    def test_one_refused_counts_as_refused_once_it_is_committed(self, box: Box) -> None:
        box.put(2)
        box.take()
        box.mailbox.aside(2, "reason code 144")
        box.mailbox.delivered(1)
        box.commit()
        assert box.journal.counts() == {"supplier": 0, "broker": 0, "refused": 1, "oldest": None}


class TestTelling:
    def test_main_is_told_of_the_last_ones_each_and_of_many_in_batches(self, tmp_path: Path) -> None:
        told: list[int] = []
        with closing(Box(tmp_path / "journal.db")) as box:
            count = 3 * MARKS + FEW
            box.put(count)
            box.mailbox._fewer = lambda: told.append(count - len(box.mailbox._forgotten))
            for parcel_id in range(1, count + 1):
                box.mailbox.delivered(parcel_id)
                if box.mailbox.full:
                    box.commit()
                    count -= MARKS
        assert told == [2 * MARKS + FEW, MARKS + FEW, *range(FEW, -1, -1)]

    def test_the_oldest_is_another_once_it_is_committed_as_delivered(self, box: Box) -> None:
        box.put(2)
        since = box.mailbox.owed()[1]
        box.journal._db.execute("UPDATE messages SET since = since + 5 WHERE id = 2")
        box.take()
        box.mailbox.delivered(1)
        box.commit()
        assert since is not None
        assert box.mailbox.owed() == (1, since + 5)


class TestRelease:
    def test_what_was_in_flight_is_given_again_in_its_old_order(self, box: Box) -> None:
        box.put(4)
        box.take(3)
        box.mailbox.release()
        assert box.take() == [1, 2, 3, 4]

    @pytest.mark.parametrize("collected", [False, True])
    def test_what_was_delivered_is_not_given_again_before_its_commit(self, box: Box, collected: bool) -> None:
        box.put(4)
        box.take()
        box.mailbox.delivered(1)
        box.mailbox.aside(3, "reason code 144")
        if collected:
            box.mailbox.marks()
        box.mailbox.release()
        assert box.take() == [2, 4]

    def test_nor_after_its_commit(self, box: Box) -> None:
        box.put(3)
        box.take()
        box.mailbox.delivered(2)
        box.mailbox.release()
        box.commit()
        box.mailbox.release()
        assert box.take() == [1, 3]

    def test_an_answer_that_comes_after_the_release_counts(self, box: Box) -> None:
        box.put(3)
        box.take()
        box.mailbox.release()
        assert box.take(1) == [1]
        box.mailbox.delivered(2)
        box.commit()
        assert box.take() == [3]

    def test_an_answer_that_comes_twice_changes_nothing(self, box: Box) -> None:
        box.put(2)
        box.take()
        box.mailbox.delivered(1)
        box.commit()
        box.mailbox.delivered(1)
        box.commit()
        box.mailbox.release()
        assert box.take() == [2]

    def test_more_delivered_than_is_read_at_once_hides_nothing(self, box: Box) -> None:
        """Marks may wait long on a disk that takes nothing; the broker must hear of what is behind them."""
        ids = box.put(2 * BATCH + 1)
        box.take(2 * BATCH)
        for parcel_id in ids[:-1]:
            box.mailbox.delivered(parcel_id)
        box.mailbox.release()
        assert box.take() == ids[-1:]

    def test_what_is_delivered_while_main_commits_is_not_forgotten_too_early(self, box: Box) -> None:
        box.put(2)
        box.take()
        box.mailbox.delivered(1)
        gone, _ = box.mailbox.marks()
        box.mailbox.delivered(2)
        box.journal.forget("messages", gone)
        box.journal.commit()
        box.mailbox.committed(gone)
        box.mailbox.release()
        assert box.take() == []
        box.commit()
        assert box.journal.counts()["broker"] == 0


class MailboxModel(RuleBasedStateMachine):
    """Writing, taking, answering, releasing and committing in any order: nothing is lost, doubled or out of order."""

    folder: Path
    count = 0

    def __init__(self) -> None:
        super().__init__()
        MailboxModel.count += 1
        self.box = Box(self.folder / f"{MailboxModel.count}.db")
        self.box.journal._db.execute("PRAGMA synchronous=OFF")
        self.staged: list[int] = []
        self.owed: list[int] = []
        self.in_flight: list[int] = []

    def teardown(self) -> None:
        self.box.close()

    @rule(count=st.integers(1, 3))
    def write(self, count: int) -> None:
        self.staged += self.box.write(count)

    @rule(limit=st.integers(1, 5))
    def take(self, limit: int) -> None:
        waiting = [row_id for row_id in self.owed if row_id not in self.in_flight]
        taken = self.box.take(limit)
        assert taken == waiting[:limit]
        self.in_flight += taken

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data(), refused=st.booleans())
    def answer(self, data: st.DataObject, refused: bool) -> None:
        row_id = data.draw(st.sampled_from(self.in_flight))
        self.in_flight.remove(row_id)
        self.owed.remove(row_id)
        if refused:
            self.box.mailbox.aside(row_id, "reason code 144")
        else:
            self.box.mailbox.delivered(row_id)

    @rule()
    def release(self) -> None:
        self.box.mailbox.release()
        self.in_flight.clear()

    @rule()
    def commit(self) -> None:
        self.box.commit()
        self.owed += self.staged
        self.staged.clear()
        assert self.box.journal.counts()["broker"] == len(self.owed)


@pytest.fixture(autouse=True, scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    MailboxModel.folder = tmp_path_factory.mktemp("mailbox")


TestMailboxModel = MailboxModel.TestCase
TestMailboxModel.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_a_broker_thread_and_main_beside_each_other(box: Box) -> None:
    """Main writes and commits marks while the broker's thread takes, delivers and loses its connection."""
    delivered: list[int] = []
    done = threading.Event()

    def deliver() -> None:
        rounds = 0
        while True:
            finished = done.is_set()
            taken = box.take(7)
            if finished and not taken:
                return
            rounds += 1
            kept = taken[:3] if rounds % 3 == 0 else taken
            for parcel_id in kept:
                box.mailbox.delivered(parcel_id)
            delivered.extend(kept)
            if len(kept) < len(taken) or rounds % 5 == 0:
                box.mailbox.release()

    broker = threading.Thread(target=deliver)
    broker.start()
    for _ in range(100):
        box.write(5)
        box.commit()
    done.set()
    broker.join(10.0)
    assert not broker.is_alive()
    box.commit()
    assert delivered == list(range(1, 501))
    assert box.journal.counts()["broker"] == 0
