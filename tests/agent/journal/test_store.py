"""A journal whose disk takes nothing, or does not give it back: it stands in memory, and goes home when it can."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.owing import CARD, act, at, tap

from agent.effects import ActName, Message
from agent.journal import Journal, JournalUnreadable, NotWritten, OwedRow, Unwritten, Writing, open_journal
from agent.journal.unwritable import committed
from agent.state import Phase, Session, Slot, Station

EMPTY = Station(slots={1: Slot(number=1), 2: Slot(number=2)})
CHARGING = Station(
    slots={1: Slot(number=1, phase=Phase.CHARGING, session="S1"), 2: Slot(number=2)},
    sessions={"S1": Session(id="S1", card=CARD, slot=1, tapped=at())},
)
MESSAGE = Message(topic="t", payload=b"{}")

KILLED = """
import os, signal, sys
from pathlib import Path
from support.owing import tap
from agent.journal import Journal, Writing
from agent.state import Slot, Station
empty = Station(slots={1: Slot(number=1), 2: Slot(number=2)})
journal = Journal(Path(sys.argv[1]))
for number in range(50):
    after = Station(slots={1: Slot(number=1, move=number + 1), 2: Slot(number=2)})
    journal.stage(Writing(fact=tap(), before=empty, after=after))
    journal.commit()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


@pytest.fixture
def unwritten(tmp_path: Path) -> Iterator[Unwritten]:
    made = Unwritten(tmp_path / "unwritten")
    yield made
    made.close()


@pytest.fixture
def full() -> Iterator[Callable[[bool], None]]:
    """No file of this process can be written any more, or again."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(on: bool = True) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0 if on else hard, hard))

    yield fill
    fill(False)


def stage(journal: Journal, before: Station, after: Station, *, message: bool = False) -> None:
    owed = (OwedRow(id=journal.new_id("owed"), act=act(ActName.END), since=1.0),)
    messages = ((journal.new_id("messages"), MESSAGE),) if message else ()
    journal.stage(Writing(fact=tap(), before=before, after=after, owed=owed, messages=messages))


def test_what_a_full_disk_did_not_take_is_there_after_a_kill(
    path: Path, unwritten: Unwritten, full: Callable[..., None]
) -> None:
    journal = Journal(path, unwritten=unwritten)
    stage(journal, EMPTY, CHARGING)
    journal.commit()
    full()
    stage(journal, CHARGING, EMPTY, message=True)
    with pytest.raises(NotWritten):
        journal.commit()
    unwritten.close()

    again = Unwritten(path.parent.parent / "unwritten")
    away = Journal(path, unwritten=again)
    assert away.away
    assert away.restore([1, 2]) == EMPTY, "the release is honoured"
    assert [row.id for row in away.owed()] == [1, 2]
    assert away.new_id("owed") > 2
    with closing(away.reader()) as reader:
        assert reader.execute("SELECT count(*) FROM messages").fetchone() == (1,)
    with pytest.raises(NotWritten):
        away.commit()

    full(False)
    stage(away, EMPTY, CHARGING)
    away.commit()
    assert (away.away, away.generation, again.record) == ("", 1, None)
    assert (away.tally.acts, away.tally.messages) == (3, 1)
    away.close()
    again.close()
    with closing(Journal(path)) as home:
        assert home.restore([1, 2]) == CHARGING
        assert home.counts()["supplier"] == 3


def test_a_disk_that_is_well_again_gets_it_at_the_next_start(
    path: Path, unwritten: Unwritten, full: Callable[..., None]
) -> None:
    journal = Journal(path, unwritten=unwritten)
    full()
    stage(journal, EMPTY, CHARGING)
    with pytest.raises(NotWritten):
        journal.commit()
    full(False)
    for _ in range(2):
        with closing(Journal(path, unwritten=unwritten)) as again:
            assert again.away == ""
            assert again.restore([1, 2]) == CHARGING
            assert not again.staged
    assert unwritten.record is None


def test_what_was_written_in_the_end_is_not_written_twice(
    path: Path, unwritten: Unwritten, full: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(path, unwritten=unwritten)
    full()
    stage(journal, EMPTY, CHARGING)
    with pytest.raises(NotWritten):
        journal.commit()
    full(False)
    with monkeypatch.context() as killed:
        killed.setattr(unwritten, "clear", lambda: None)
        journal.commit()
    assert unwritten.record, "killed before it was cleared"
    with closing(Journal(path, unwritten=unwritten)) as again:
        assert [row.id for row in again.owed()] == [1]
    assert unwritten.record is None


def test_a_first_start_on_a_full_disk(path: Path, unwritten: Unwritten, full: Callable[..., None]) -> None:
    full()
    journal = Journal(path, unwritten=unwritten)
    assert journal.away
    assert journal.restore([1, 2]) == EMPTY
    stage(journal, EMPTY, CHARGING)
    with pytest.raises(NotWritten):
        journal.commit()
    full(False)
    journal.commit()
    journal.close()
    with closing(Journal(path)) as home:
        assert home.restore([1, 2]) == CHARGING


def test_without_anything_else_a_full_disk_is_an_error(path: Path, full: Callable[..., None]) -> None:
    full()
    with pytest.raises(NotWritten):
        Journal(path)


def test_a_stop_on_a_full_disk_is_a_clean_one(path: Path, unwritten: Unwritten, full: Callable[..., None]) -> None:
    journal = Journal(path, unwritten=unwritten)
    full()
    stage(journal, EMPTY, CHARGING)
    journal.close()
    full(False)
    with closing(Journal(path, unwritten=unwritten)) as again:
        assert again.restore([1, 2]) == CHARGING


class TestLost:
    def test_an_unreadable_journal_is_kept_aside_and_the_new_one_says_so(
        self, path: Path, unwritten: Unwritten
    ) -> None:
        path.parent.mkdir()
        path.write_bytes(b"no journal at all")
        journal = open_journal(path, unwritten)
        assert "cannot be read" in journal.lost
        journal.close()
        again = open_journal(path, unwritten)
        assert again.lost, "until the station has taken it in"
        again.close()
        assert path.with_name("journal.db.unreadable-1").read_bytes() == b"no journal at all"

    @pytest.mark.parametrize("cut", ["keep_aside", "_install"])
    def test_cut_short_no_start_takes_the_station_for_a_new_one(
        self, path: Path, unwritten: Unwritten, monkeypatch: pytest.MonkeyPatch, cut: str
    ) -> None:
        path.parent.mkdir()
        path.write_bytes(b"no journal at all")

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(f"agent.journal.file.{cut}", killed)
            with pytest.raises(KeyboardInterrupt):
                open_journal(path, unwritten)
        with closing(open_journal(path, unwritten)) as journal:
            assert journal.lost

    def test_what_cannot_even_be_kept_aside_stays_and_the_station_works_in_memory(
        self, path: Path, unwritten: Unwritten, full: Callable[..., None]
    ) -> None:
        path.parent.mkdir()
        path.write_bytes(b"no journal at all")
        full()
        journal = open_journal(path, unwritten)
        assert journal.away
        assert journal.lost
        stage(journal, EMPTY, CHARGING)
        with pytest.raises(NotWritten):
            journal.commit()
        full(False)
        journal.commit()
        assert journal.away == ""
        assert path.with_name("journal.db.unreadable-1").exists()
        assert journal.restore([1, 2]) == CHARGING
        journal.close()

    def test_its_unwritten_rest_goes_with_it(self, path: Path, unwritten: Unwritten, full: Callable[..., None]) -> None:
        journal = Journal(path, unwritten=unwritten)
        full()
        stage(journal, EMPTY, CHARGING)
        with pytest.raises(NotWritten):
            journal.commit()
        full(False)
        for part in path.parent.iterdir():
            part.write_bytes(b"rubbish")
        with closing(open_journal(path, unwritten)) as again:
            assert again.restore([1, 2]) == EMPTY


class TestCommitted:
    @pytest.fixture
    def killed(self, path: Path) -> Path:
        """A journal whose last commits stand in its log only."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        child = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, env=environment)
        assert child.returncode == -signal.SIGKILL
        assert path.with_name("journal.db-wal").stat().st_size > 100_000
        return path

    def move(self, content: bytes) -> int:
        """Of slot 1, as these bytes have it."""
        with closing(sqlite3.connect(":memory:")) as db:
            db.deserialize(content)
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            query = "SELECT json_extract(value, '$.move') FROM entries WHERE kind='slot' AND key='1'"
            return int(db.execute(query).fetchone()[0])

    def test_the_log_is_put_over_the_file(self, killed: Path) -> None:
        assert self.move(committed(killed)) == 50

    def test_a_torn_end_of_the_log_does_not_count(self, killed: Path) -> None:
        log = killed.with_name("journal.db-wal")
        content = log.read_bytes()
        log.write_bytes(content[:-100])
        assert self.move(committed(killed)) == 49
        log.write_bytes(content[: len(content) // 2])
        assert 0 < self.move(committed(killed)) < 49
        log.write_bytes(content[:-5000] + bytes([content[-5000] ^ 1]) + content[-4999:])
        assert self.move(committed(killed)) == 49

    @pytest.mark.parametrize("log", [b"", b"short", bytes(4096)])
    def test_what_is_no_log_does_not_count(self, killed: Path, log: bytes) -> None:
        with closing(Journal(killed)):
            pass
        killed.with_name("journal.db-wal").write_bytes(log)
        assert self.move(committed(killed)) == 50

    def test_a_log_of_another_journal_does_not_count(self, killed: Path) -> None:
        log = killed.with_name("journal.db-wal")
        content = bytearray(log.read_bytes())
        content[16] ^= 1
        log.write_bytes(content)
        with closing(sqlite3.connect(":memory:")) as db:
            db.deserialize(committed(killed))
            assert db.execute("SELECT count(*) FROM entries").fetchone() == (0,)


def test_a_journal_opened_to_be_read_takes_nothing(path: Path) -> None:
    with closing(Journal(path)):
        pass
    with closing(Journal(path, read_only=True)) as journal, closing(journal.reader()) as reader:
        assert reader.execute("SELECT count(*) FROM owed").fetchone() == (0,)
        with pytest.raises(NotWritten):
            journal._store.write([], journal.tally)


def test_a_journal_that_cannot_be_read_either_is_unreadable(path: Path, unwritten: Unwritten) -> None:
    path.mkdir(parents=True)
    with pytest.raises(JournalUnreadable):
        Journal(path, unwritten=unwritten)


class TestSync:
    def statements(self, journal: Journal) -> list[str]:
        said: list[str] = []
        journal._db.set_trace_callback(said.append)
        return said

    def test_only_marks_need_no_sync(self, path: Path) -> None:
        with closing(Journal(path)) as journal:
            stage(journal, EMPTY, CHARGING, message=True)
            journal.commit()
            said = self.statements(journal)
            journal.forget("owed", [1])
            journal.forget("messages", [1])
            journal.commit()
            assert "PRAGMA synchronous=NORMAL" in said
            said.clear()
            stage(journal, CHARGING, EMPTY)
            journal.forget("owed", [2])
            journal.commit()
            assert "PRAGMA synchronous=FULL" in said

    def test_the_log_comes_home_after_some_releases(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("agent.journal.journal.RELEASES", 2)
        with closing(Journal(path)) as journal:
            said = self.statements(journal)
            journal.vehicle_left()
            assert said == []
            journal.vehicle_left()
            assert said == ["PRAGMA wal_checkpoint(PASSIVE)"]
            journal.vehicle_left()
            assert len(said) == 1

    def test_a_journal_that_is_only_read_or_away_has_none_to_bring(
        self, path: Path, unwritten: Unwritten, full: Callable[..., None]
    ) -> None:
        with closing(Journal(path)):
            pass
        with closing(Journal(path, read_only=True)) as journal:
            journal._store.checkpoint()
        full()
        with closing(Journal(path, unwritten=unwritten)) as away:
            said = self.statements(away)
            away._store.checkpoint()
            assert said == []
            full(False)
