"""The journal: what a commit that returned has kept, and what a broken disk or file does not take."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from support.owing import CARD, WALL, act, at, inbox_event, tap

from agent.answers import Grant
from agent.effects import ActName, Message
from agent.facts import Fact
from agent.journal import Journal, JournalUnreadable, Kept, NotWritten, OwedRow, Writing
from agent.journal import file as journal_file
from agent.journal.file import keep_aside
from agent.journal.journal import WAITING_MAX
from agent.journal.rows import changes, rows
from agent.journal.tally import counted
from agent.state import Fault, Payment, Phase, Progress, Session, Slot, Station, Step, Visit

KEPT = Kept(history_days=30, known_days=90)
EMPTY = Station(slots={1: Slot(number=1), 2: Slot(number=2)})
SESSION = Session(id="S1", card=CARD, slot=1, tapped=at(), start=Progress.DONE, payment=Payment.OWED, light="key-1")
VISIT = Visit(
    number=7, card=CARD, tap="tap-1", tapped=at(), step=Step.NAMING, deadline=103.0, grant=Grant(slot=2), key="key-2"
)
FAULT = Fault(code="UnlockFailed", slot=2, title="Unlock Failed", raised=at(), error={"code": 5, "more": [1.5, None]})
FULL = Station(
    slots={1: Slot(number=1, phase=Phase.CHARGING, session="S1", move=3, seen=True, ended=at()), 2: Slot(number=2)},
    sessions={"S1": SESSION},
    visits={7: VISIT},
    faults={FAULT.key: FAULT},
    available=False,
    visit_count=7,
)
MESSAGE = Message(topic="stations/ST-42/events/x", payload=b"\x00{}\xff", content_type="application/json")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with closing(Journal(path)) as made:
        yield made


def writing(after: Station = EMPTY, *, before: Station = EMPTY, fact: Fact | None = None, **values: object) -> Writing:
    return Writing(fact=fact or tap(), before=before, after=after, **values)  # type: ignore[arg-type]


def owe(journal: Journal, *names: ActName, wall: float = WALL) -> tuple[OwedRow, ...]:
    return tuple(OwedRow(id=journal.new_id("owed"), act=act(name), since=wall) for name in names)


def table(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


class TestWhatIsKept:
    def test_a_new_journal_holds_a_free_station_that_owes_nothing(self, journal: Journal) -> None:
        assert journal.restore([1, 2]) == EMPTY
        assert journal.owed() == []
        assert journal.counts() == {"supplier": 0, "broker": 0, "refused": 0, "oldest": None}

    def test_the_station_is_restored_as_it_was(self, path: Path, journal: Journal) -> None:
        journal.stage(writing(FULL))
        journal.close()
        with closing(Journal(path)) as again:
            assert again.restore([1, 2]) == FULL

    def test_what_does_not_outlive_the_process_is_not_kept(self, journal: Journal) -> None:
        journal.stage(writing(replace(EMPTY, winked=100.0, signalled=100.0)))
        assert not journal.staged

    def test_a_slot_that_is_new_in_the_config_is_free_and_one_that_went_comes_back_as_it_was(
        self, journal: Journal
    ) -> None:
        journal.stage(writing(FULL))
        journal.commit()
        assert journal.restore([2, 3]).slots == {2: Slot(number=2), 3: Slot(number=3)}
        assert journal.restore([1]).slots[1] == FULL.slots[1]

    def test_sessions_keep_the_order_in_which_they_came(self, journal: Journal) -> None:
        """The workflow asks for the last one of a card."""
        both = replace(EMPTY, sessions={"Z": replace(SESSION, id="Z"), "A": replace(SESSION, id="A")})
        later = replace(both, sessions={**both.sessions, "Z": replace(SESSION, id="Z", end=Progress.OWED)})
        journal.stage(writing(both))
        journal.commit()
        journal.stage(writing(later, before=both))
        journal.commit()
        assert list(journal.restore([1, 2]).sessions) == ["Z", "A"]

    def test_only_rows_that_differ_are_written(self) -> None:
        after = replace(FULL, sessions={}, visit_count=8)
        assert [key for key, _ in changes(FULL, after)] == [("session", "S1"), ("station", "")]
        assert list(changes(FULL, FULL)) == []
        assert len(rows(FULL)) == 6

    def test_rows_that_went_are_gone(self, journal: Journal) -> None:
        journal.stage(writing(FULL))
        journal.stage(writing(EMPTY, before=FULL))
        journal.commit()
        assert journal.restore([1, 2]) == EMPTY

    def test_what_is_owed_is_restored_in_order(self, path: Path, journal: Journal) -> None:
        owed = owe(journal, ActName.END, ActName.PAY, ActName.UNLOCK, wall=WALL + 5)
        journal.stage(writing(owed=owed))
        journal.close()
        with closing(Journal(path)) as again:
            assert again.owed() == list(owed)
            assert again.counts() == {"supplier": 3, "broker": 0, "refused": 0, "oldest": WALL + 5}

    def test_an_act_with_a_body_is_restored_whole(self, journal: Journal) -> None:
        told = act(ActName.SUPPORT, body={"error": {"code": "X", "detail": "é", "n": 3, "list": [1.5, None, True]}})
        journal.stage(writing(owed=(OwedRow(id=journal.new_id("owed"), act=told, since=WALL),)))
        journal.commit()
        assert journal.owed()[0].act == told

    def test_acts_are_rewritten_set_aside_and_forgotten_in_one_commit(self, journal: Journal) -> None:
        first, second, third = owed = owe(journal, ActName.LOCK, ActName.START, ActName.END)
        journal.stage(writing(owed=owed))
        journal.commit()
        renamed = replace(third, act=act(ActName.END, third.act.key, session="S9"))
        journal.stage(writing(gone=(first.id,), aside=((second.id, "404 Not Found"),), rewritten=(renamed,)))
        journal.commit()
        assert journal.owed() == [replace(second, aside="404 Not Found"), renamed]
        assert journal.counts() == {"supplier": 1, "broker": 0, "refused": 1, "oldest": WALL}

    def test_messages_are_kept_byte_for_byte(self, journal: Journal) -> None:
        journal.stage(writing(messages=((journal.new_id("messages"), MESSAGE),)))
        journal.commit()
        with closing(journal.reader()) as db:
            found = db.execute("SELECT id, topic, content_type, payload, since, aside FROM messages").fetchall()
        assert found == [(1, MESSAGE.topic, MESSAGE.content_type, MESSAGE.payload, WALL, None)]
        assert journal.counts()["broker"] == 1
        journal.set_aside("messages", 1, "reason code 144")
        journal.commit()
        assert journal.counts() == {"supplier": 0, "broker": 0, "refused": 1, "oldest": None}

    def test_an_inbox_event_is_known_from_the_moment_it_is_staged(self, path: Path, journal: Journal) -> None:
        """On a disk that takes nothing it comes again before it is committed."""
        assert not journal.was_taken("urn:power", "e1")
        mark = journal.mark()
        journal.stage(writing(fact=inbox_event("e1"), taken=("urn:power", "e1")))
        assert journal.was_taken("urn:power", "e1")
        journal.unstage(mark)
        assert not journal.was_taken("urn:power", "e1")
        journal.stage(writing(fact=inbox_event("e1"), taken=("urn:power", "e1")))
        journal.close()
        with closing(Journal(path)) as again:
            assert again.was_taken("urn:power", "e1")
            assert not again.was_taken("urn:power", "e2")
            assert not again.was_taken("urn:other", "e1")

    def test_the_history_tells_what_changed_something_and_nothing_else(self, path: Path, journal: Journal) -> None:
        journal.stage(writing(fact=tap(1)))
        journal.stage(writing(FULL, fact=tap(2)))
        journal.commit()
        assert table(path, "SELECT wall, kind FROM history") == [(WALL + 2, "CardTapped")]

    def test_a_fact_that_cannot_be_encoded_leaves_nothing_half_staged(self, journal: Journal) -> None:
        broken = replace(FAULT, code="B", title="\ud800")
        with pytest.raises(UnicodeEncodeError):
            journal.stage(writing(replace(FULL, faults={"B/2": broken})))
        assert not journal.staged


class TestIds:
    def test_none_is_used_twice_after_deletes_and_reopening(self, path: Path) -> None:
        seen: list[int] = []
        for _ in range(3):
            with closing(Journal(path)) as journal:
                owed = owe(journal, ActName.LOCK, ActName.START)
                seen += [row.id for row in owed]
                journal.stage(writing(owed=owed))
                journal.commit()
                journal.forget("owed", [row.id for row in owed])
        assert seen[:2] == [1, 2]
        assert seen == sorted(set(seen))

    def test_none_is_used_twice_when_a_row_comes_and_goes_in_one_commit(self, path: Path, journal: Journal) -> None:
        (row,) = owe(journal, ActName.LOCK)
        journal.stage(writing(owed=(row,)))
        journal.forget("owed", [row.id])
        journal.close()
        with closing(Journal(path)) as again:
            assert again.owed() == []
            assert again.new_id("owed") > row.id

    def test_none_is_used_twice_when_what_reserved_them_was_taken_back(self, path: Path, journal: Journal) -> None:
        mark = journal.mark()
        journal.stage(writing(owed=owe(journal, ActName.LOCK)))
        journal.unstage(mark)
        (row,) = owe(journal, ActName.LOCK)
        journal.stage(writing(owed=(row,)))
        journal.close()
        with closing(Journal(path)) as again:
            assert again.new_id("owed") > row.id

    def test_acts_and_messages_count_apart(self, journal: Journal) -> None:
        assert [journal.new_id("owed"), journal.new_id("messages"), journal.new_id("owed")] == [1, 1, 2]


class TestCommits:
    def test_what_is_staged_rides_with_the_next_commit(self, path: Path, journal: Journal) -> None:
        journal.stage(writing(FULL))
        journal.forget("owed", [99])
        assert journal.staged
        assert table(path, "SELECT count(*) FROM entries") == [(0,)]
        journal.commit()
        assert not journal.staged
        assert table(path, "SELECT count(*) FROM entries") == [(5,)]

    def test_nothing_staged_writes_nothing(self, path: Path, journal: Journal) -> None:
        journal.stage(writing(FULL))
        journal.commit()
        log = path.with_name("journal.db-wal")
        before = log.read_bytes()
        journal.stage(writing(FULL, before=FULL))
        journal.commit()
        assert log.read_bytes() == before

    def test_it_is_one_transaction(self, path: Path, journal: Journal) -> None:
        owed = owe(journal, ActName.END)
        journal.stage(writing(FULL, owed=owed))
        journal.stage(writing(EMPTY, before=FULL, owed=owed))  # the same id again cannot be written
        with pytest.raises(NotWritten, match="not written"):
            journal.commit()
        assert table(path, "SELECT count(*) FROM entries") == [(0,)]
        journal.unstage(0)
        journal.stage(writing(FULL))
        journal.commit()
        assert journal.restore([1, 2]) == FULL

    def test_one_that_somebody_else_is_writing_is_written_later(self, path: Path, journal: Journal) -> None:
        journal._db.execute("PRAGMA busy_timeout=0")
        journal.stage(writing(FULL))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(NotWritten, match="locked"):
                journal.commit()
        journal.commit()
        assert journal.restore([1, 2]) == FULL

    def test_it_is_written_ahead_and_synced(self, path: Path, journal: Journal) -> None:
        assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert journal._db.execute("PRAGMA busy_timeout").fetchone() == (5000,)
        assert table(path, "PRAGMA journal_mode") == [("wal",)]

    def test_only_its_owner_may_read_it(self, path: Path, journal: Journal) -> None:
        journal.stage(writing(FULL))
        journal.commit()
        modes = {stat.S_IMODE(part.stat().st_mode) for part in path.parent.iterdir()}
        assert modes == {0o600}
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    def test_a_full_disk_keeps_everything_staged_until_there_is_space(self, path: Path, journal: Journal) -> None:
        pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
        journal._db.execute(f"PRAGMA max_page_count={pages}")
        big = replace(MESSAGE, payload=bytes(100_000))
        journal.stage(writing(FULL, messages=((journal.new_id("messages"), big),)))
        for _ in range(2):
            with pytest.raises(NotWritten, match="Free space or change the card"):
                journal.commit()
            assert journal.staged
            assert table(path, "SELECT count(*) FROM entries") == [(0,)]
        journal._db.execute("PRAGMA max_page_count=1000000")
        journal.commit()
        assert journal.restore([1, 2]) == FULL
        assert journal.counts()["broker"] == 1

    def test_what_was_staged_since_a_mark_can_be_taken_back(self, journal: Journal) -> None:
        journal.forget("owed", [1])
        mark = journal.mark()
        journal.stage(writing(FULL))
        journal.unstage(mark)
        assert journal.mark() == mark == 1

    def test_a_disk_that_takes_nothing_for_long_costs_history_only(self, path: Path, journal: Journal) -> None:
        journal.forget("messages", range(0, 2 * WAITING_MAX, 2))
        journal.stage(writing(FULL))
        journal.commit()
        assert table(path, "SELECT count(*) FROM history") == [(0,)]
        assert journal.restore([1, 2]) == FULL

    def test_closing_writes_what_is_staged_and_says_if_it_could_not(self, journal: Journal) -> None:
        journal.stage(writing(FULL))
        journal._db.execute("PRAGMA query_only=ON")
        with pytest.raises(NotWritten):
            journal.close()
        with pytest.raises(sqlite3.ProgrammingError):
            journal._db.execute("SELECT 1")
        journal.unstage(0)

    def test_a_killed_writer_loses_no_commit_that_returned(self, path: Path) -> None:
        """It says each number after its commit; SIGKILL comes in the middle of the work."""
        program = f"""
import sys
from pathlib import Path
from support.owing import act, tap
from agent.effects import ActName
from agent.journal import Journal, OwedRow, Writing
from agent.state import Slot, Station
journal, number = Journal(Path({str(path)!r})), 0
station = Station(slots={{1: Slot(number=1)}})
while True:
    number += 1
    after = Station(slots={{1: Slot(number=1, move=number)}})
    row = OwedRow(id=journal.new_id("owed"), act=act(ActName.LOCK, str(number)), since=1.0)
    journal.stage(Writing(fact=tap(), before=station, after=after, owed=(row,)))
    journal.commit()
    print(number, flush=True)
    station = after
"""
        root = Path(__file__).parents[2]
        env = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"}
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=env) as writer:
            assert writer.stdout is not None
            said = [int(writer.stdout.readline()) for _ in range(50)]
            writer.send_signal(signal.SIGKILL)
            said += [int(line) for line in writer.stdout if line.endswith(b"\n")]
        with closing(Journal(path)) as again:
            kept = [int(row.act.key) for row in again.owed()]
            assert kept[: len(said)] == said
            assert len(kept) <= len(said) + 1
            assert again.restore([1]).slots[1].move == kept[-1]


class TestTally:
    def test_it_is_what_a_count_of_the_tables_would_be(self, path: Path, journal: Journal) -> None:
        owed = [*owe(journal, ActName.END), *owe(journal, ActName.PAY), *owe(journal, ActName.UNLOCK)]
        ids = [journal.new_id("messages") for _ in range(3)]
        journal.stage(writing(fact=tap(), owed=tuple(owed), messages=tuple((each, MESSAGE) for each in ids)))
        journal.commit()
        journal.set_aside("owed", owed[0].id, "422")
        journal.set_aside("messages", ids[0], "144")
        journal.set_aside("messages", ids[0], "144")
        journal.forget("owed", [owed[1].id, 99])
        journal.forget("messages", [ids[1]])
        journal.commit()
        assert (journal.tally.acts, journal.tally.acts_aside) == (1, 1)
        assert (journal.tally.messages, journal.tally.messages_aside, journal.tally.aside) == (1, 1, 2)
        with closing(sqlite3.connect(path)) as db:
            assert counted(db) == journal.tally
        journal.forget("owed", [owed[0].id])
        journal.forget("messages", [ids[0]])
        journal.commit()
        assert journal.tally.aside == 0

    def test_what_was_not_written_does_not_count(self, journal: Journal) -> None:
        owed = owe(journal, ActName.END)
        journal.stage(writing(fact=tap(), owed=owed))
        journal._db.execute("PRAGMA query_only=ON")
        with pytest.raises(NotWritten):
            journal.commit()
        assert journal.tally.acts == 0
        journal._db.execute("PRAGMA query_only=OFF")
        journal.commit()
        assert journal.tally.acts == 1


class TestKnownCards:
    def test_a_card_is_known_from_its_payment_until_it_is_refused(self, journal: Journal) -> None:
        journal.stage(writing(fact=tap(), known=(CARD,)))
        journal.commit()
        assert journal.is_known(CARD, WALL - 1, WALL + 1)
        assert not journal.is_known("AABBCCDD", WALL - 1, WALL + 1)
        assert not journal.is_known(CARD, WALL + 1, WALL + 2), "too long ago"
        assert not journal.is_known(CARD, WALL - 2, WALL - 1), "paid in the future: one of the clocks was wrong"
        journal.stage(writing(fact=tap(seconds=5.0), refused=(CARD,)))
        journal.commit()
        assert not journal.is_known(CARD, WALL - 1, WALL + 9)

    def test_its_uid_is_not_what_is_kept(self, path: Path, journal: Journal) -> None:
        journal.stage(writing(fact=tap(), known=(CARD,)))
        journal.commit()
        journal.prune(WALL + 31 * 86400, KEPT)
        assert journal.is_known(CARD, WALL - 1, WALL + 1)
        journal.close()
        assert CARD.encode() not in path.read_bytes()
        assert bytes.fromhex(CARD) not in path.read_bytes()


class TestPruning:
    def test_it_forgets_old_facts_and_inbox_ids_and_nothing_that_is_owed(self, path: Path, journal: Journal) -> None:
        old, new = WALL - 31 * 86400, WALL - 86400 - 1
        for wall, event in ((old, "old"), (new, "yesterday"), (WALL - 86400 + 1, "today")):
            taken = ("urn:power", event)
            owed = owe(journal, ActName.END, wall=wall)
            messages = ((journal.new_id("messages"), MESSAGE),)
            journal.stage(writing(fact=tap(wall=wall), owed=owed, messages=messages, taken=taken))
        journal.commit()
        journal.prune(WALL, KEPT)
        journal.commit()
        assert table(path, "SELECT wall FROM history") == [(new,), (WALL - 86400 + 1,)]
        assert [journal.was_taken("urn:power", event) for event in ("old", "yesterday", "today")] == [0, 0, 1]
        assert journal.counts() == {"supplier": 3, "broker": 3, "refused": 0, "oldest": old}

    def test_a_card_is_no_longer_in_the_log_either_while_the_station_runs(self, path: Path, journal: Journal) -> None:
        journal.stage(writing(FULL, fact=tap(wall=WALL - 31 * 86400)))
        journal.stage(writing(EMPTY, before=FULL, fact=tap(wall=WALL - 31 * 86400)))
        journal.commit()
        assert CARD.encode() in path.with_name("journal.db-wal").read_bytes()
        journal.prune(WALL, KEPT)
        journal.commit()
        assert all(CARD.encode() not in part.read_bytes() for part in path.parent.iterdir())

    def test_a_card_of_what_was_delivered_since_is_no_longer_in_the_log(self, path: Path, journal: Journal) -> None:
        """A delivery that nobody waited for leaves no fact, so that nothing of it grows too old."""
        acquire = act(ActName.ACQUIRE, card=CARD)
        owed = (OwedRow(id=journal.new_id("owed"), act=acquire, since=WALL - 86400),)
        journal.stage(writing(fact=tap(wall=WALL - 86400), owed=owed))
        journal.commit()
        journal._db.execute("DELETE FROM history")
        journal.forget("owed", [row.id for row in owed])
        journal.commit()
        assert CARD.encode() in path.with_name("journal.db-wal").read_bytes()
        journal.prune(WALL, KEPT)
        assert not journal.staged
        assert all(CARD.encode() not in part.read_bytes() for part in path.parent.iterdir())

    def test_it_forgets_known_cards_that_have_not_paid_for_long(self, path: Path, journal: Journal) -> None:
        journal.stage(writing(fact=tap(wall=WALL - 91 * 86400), known=("AABBCCDD",)))
        journal.stage(writing(fact=tap(wall=WALL - 89 * 86400), known=(CARD,)))
        journal.commit()
        journal.prune(WALL, KEPT)
        journal.commit()
        assert len(table(path, "SELECT * FROM known")) == 1
        assert journal.is_known(CARD, 0.0, WALL)

    def test_nothing_old_stages_nothing(self, journal: Journal) -> None:
        journal.stage(writing(FULL, fact=tap(), taken=("urn:power", "e1")))
        journal.commit()
        journal.prune(WALL, KEPT)
        assert not journal.staged

    def test_a_card_is_no_longer_in_the_file_once_it_is_forgotten(self, path: Path, journal: Journal) -> None:
        journal.stage(writing(FULL))
        journal.stage(writing(EMPTY, before=FULL))
        journal.commit()
        journal.prune(WALL + 31 * 86400, KEPT)
        journal.close()
        assert not path.with_name("journal.db-wal").exists()
        assert CARD.encode() not in path.read_bytes()


class TestAFileThatIsNoJournal:
    @pytest.fixture
    def kept(self, path: Path) -> Path:
        with closing(Journal(path)) as journal:
            journal.stage(writing(FULL, owed=owe(journal, ActName.END)))
        return path

    def check(self, path: Path, match: str = "Keep it aside") -> None:
        before = {part.name: part.read_bytes() for part in path.parent.iterdir() if not part.name.endswith("-shm")}
        for read_only in (True, False):
            with pytest.raises(JournalUnreadable, match=match):
                Journal(path, read_only=read_only)
        after = {part.name: part.read_bytes() for part in path.parent.iterdir() if not part.name.endswith("-shm")}
        assert {name: data for name, data in after.items() if data or name in before} == before

    def test_noise(self, path: Path) -> None:
        path.parent.mkdir()
        path.write_bytes(b"noise" * 1000)
        self.check(path)

    def test_nothing_at_all_is_not_a_new_journal(self, path: Path) -> None:
        """A file cut to nothing by a power cut must not free every slot."""
        path.parent.mkdir()
        path.touch()
        self.check(path)

    def test_another_database(self, path: Path) -> None:
        path.parent.mkdir()
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE other (x)")
        self.check(path)

    def test_a_damaged_page(self, kept: Path) -> None:
        whole = kept.read_bytes()
        pages = len(whole) // 4096
        assert pages > 5
        for page in range(pages):
            start = page * 4096 + (100 if page == 0 else 0)  # the first 100 bytes are the file's header
            kept.write_bytes(whole[:start] + b"\xa5" * ((page + 1) * 4096 - start) + whole[(page + 1) * 4096 :])
            self.check(kept)

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE entries SET value='{' WHERE kind='session'",
            'UPDATE entries SET value=\'{"number":1,"phase":"floating"}\' WHERE kind=\'slot\'',
            "UPDATE owed SET act='[]'",
            "UPDATE entries SET value=x'ff' WHERE kind='fault'",
            "DROP TABLE messages",
        ],
    )
    def test_rows_that_this_version_never_wrote(self, kept: Path, change: str) -> None:
        with closing(sqlite3.connect(kept, isolation_level=None)) as db:
            db.execute(change)
        self.check(kept)

    def test_a_log_without_its_journal(self, path: Path) -> None:
        path.parent.mkdir()
        path.with_name("journal.db-wal").write_bytes(b"what was not in the file yet")
        self.check(path, "its log is there")

    def test_kept_aside_with_its_log_it_makes_room_for_a_new_one(self, path: Path) -> None:
        path.parent.mkdir()
        names = []
        for content in (b"first", b"second"):
            path.write_bytes(content)
            path.with_name("journal.db-wal").write_bytes(content + b" log")
            names.append(keep_aside(path))
            with closing(Journal(path)) as journal:
                assert journal.restore([1, 2]) == EMPTY
        assert [name.read_bytes() for name in names] == [b"first", b"second"]
        assert [name.with_name(name.name + "-wal").read_bytes() for name in names] == [b"first log", b"second log"]

    def test_a_log_left_over_by_a_move_cut_short_overwrites_nothing(self, path: Path) -> None:
        path.parent.mkdir()
        for content in (b"first", b"second"):
            path.with_name("journal.db-wal").write_bytes(content)
            keep_aside(path)
        assert sorted(part.read_bytes() for part in path.parent.iterdir()) == [b"first", b"second"]

    def test_a_folder_that_cannot_be_written_keeps_nothing_aside(
        self, kept: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(_path: Path, _target: Path) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "rename", refuse)
        with pytest.raises(NotWritten, match="cannot be kept aside"):
            keep_aside(kept)

    def test_a_file_that_goes_bad_while_it_is_open_is_told_as_such(self, journal: Journal) -> None:
        journal._db.execute("DROP TABLE taken")
        with pytest.raises(JournalUnreadable):
            journal.was_taken("urn:power", "e1")


class TestOpening:
    def test_a_start_cut_short_leaves_no_half_made_journal(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def cut(_self: Path, _target: Path) -> Path:
            raise OSError("power cut")

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", cut)
            with pytest.raises(NotWritten, match="power cut"):
                Journal(path)
        assert not path.exists()
        Journal(path).close()
        assert [part.name for part in path.parent.iterdir()] == ["journal.db"]

    def test_a_place_where_nothing_can_be_made_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(NotWritten, match="Check rights and free space"):
            Journal(tmp_path / "file" / "journal.db")

    def test_a_disk_that_does_not_give_the_file_back_is_told(self, path: Path) -> None:
        """A folder in its place fails as a bad sector does, with an I/O error of reading."""
        path.mkdir(parents=True)
        with pytest.raises(JournalUnreadable, match="I/O error"):
            Journal(path)

    def test_missing_rights_are_no_damage(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        Journal(path).close()

        def refuse(_path: object, **_values: object) -> sqlite3.Connection:
            error = sqlite3.OperationalError("unable to open database file")
            error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise error

        monkeypatch.setattr(sqlite3, "connect", refuse)
        with pytest.raises(NotWritten, match="Check rights"):
            Journal(path)
        with pytest.raises(JournalUnreadable, match="Run this as root"):
            Journal(path, read_only=True)

    def test_a_file_system_without_a_write_ahead_log_is_told(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """SQLite does not raise there, it only answers with the mode that it kept."""
        monkeypatch.setattr(journal_file, "PRAGMAS", ("locking_mode=EXCLUSIVE",))
        real = sqlite3.connect

        def in_memory(_path: object, **values: object) -> sqlite3.Connection:
            return real(":memory:", **values)  # type: ignore[call-overload,no-any-return]

        monkeypatch.setattr(sqlite3, "connect", in_memory)
        with pytest.raises(NotWritten, match="no write-ahead log"):
            Journal(path)

    def test_an_older_schema_is_brought_forward_with_what_is_in_it(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with closing(Journal(path)) as journal:
            journal.stage(writing(FULL, owed=owe(journal, ActName.END)))
        newer = (*journal_file.MIGRATIONS, "CREATE TABLE more (x); INSERT INTO more VALUES (1);")
        with monkeypatch.context() as patch:
            patch.setattr(journal_file, "MIGRATIONS", newer)
            for _ in range(2):
                with closing(Journal(path)) as journal:
                    assert journal.restore([1, 2]) == FULL
                    assert len(journal.owed()) == 1
        assert table(path, "SELECT * FROM more") == [(1,)]
        assert table(path, "PRAGMA user_version") == [(len(newer),)]
        with closing(Journal(path)) as before:
            assert before.restore([1, 2]) == FULL

    def test_a_migration_that_fails_changes_nothing(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        Journal(path).close()
        broken = (*journal_file.MIGRATIONS, "CREATE TABLE more (x); CREATE TABLE more (x);")
        with monkeypatch.context() as patch:
            patch.setattr(journal_file, "MIGRATIONS", broken)
            with pytest.raises(NotWritten):
                Journal(path)
        assert table(path, "PRAGMA user_version") == [(len(journal_file.MIGRATIONS),)]
        Journal(path).close()


class TestReadOnly:
    def test_it_reads_beside_a_running_agent_and_without_one(self, path: Path, journal: Journal) -> None:
        journal.stage(writing(FULL, owed=owe(journal, ActName.END)))
        journal.commit()

        def look() -> tuple[object, ...]:
            with closing(Journal(path, read_only=True)) as seen:
                return seen.restore([1, 2]), seen.owed(), seen.counts()

        beside = look()
        journal.close()
        before = path.read_bytes()
        assert look() == beside
        assert beside[0] == FULL
        assert path.read_bytes() == before

    def test_it_reads_what_a_killed_agent_left(self, path: Path, journal: Journal, tmp_path: Path) -> None:
        journal.stage(writing(FULL))
        journal.commit()
        copy = tmp_path / "journal.db"
        for suffix in ("", "-wal"):
            copy.with_name(copy.name + suffix).write_bytes(path.with_name(path.name + suffix).read_bytes())
        with closing(Journal(copy, read_only=True)) as seen:
            assert seen.restore([1, 2]) == FULL
        assert copy.with_name("journal.db-wal").stat().st_size > 0

    def test_it_migrates_nothing_and_writes_nothing(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        Journal(path).close()
        known = len(journal_file.MIGRATIONS)
        monkeypatch.setattr(journal_file, "MIGRATIONS", (*journal_file.MIGRATIONS, "CREATE TABLE more (x);"))
        seen = Journal(path, read_only=True)
        seen.forget("owed", [1])
        with pytest.raises(NotWritten, match="read only"):
            seen.close()
        assert table(path, "PRAGMA user_version") == [(known,)]

    def test_where_there_is_none_it_says_so_and_makes_none(self, path: Path) -> None:
        with pytest.raises(JournalUnreadable, match="There is no journal"):
            Journal(path, read_only=True)
        assert not path.exists()
