"""The journal: what a commit that returned has kept, and what one that failed has not."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from support.journal_rows import EMPTY, FULL, MESSAGE, owe, table, writing

from agent.effects import ActName
from agent.journal import Journal, NotWritten
from agent.journal.journal import WAITING_MAX


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
        root = Path(__file__).parents[3]
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
