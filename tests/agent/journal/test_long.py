"""A long history slows nothing down: what decides anything is read whole, of the rest both ends."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.owing import WALL, tap

import agent.journal.age
import agent.journal.file
import agent.journal.queries
from agent.clock import DAY_S
from agent.journal import Journal, JournalUnreadable, Kept, Writing
from agent.journal.statements import DELETE, deletions
from agent.state import Station

FACTS = 4000
PAGE = 4096
KEPT = Kept(history_days=30, known_days=90)
EMPTY = Station(slots={})


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal of FACTS facts, one a minute up to WALL, that counts as large."""
    path = tmp_path / "journal.db"
    Journal(path).close()
    with closing(sqlite3.connect(path)) as db:
        rows = ((WALL - 60.0 * (FACTS - number), b"x" * 200) for number in range(1, FACTS + 1))
        db.executemany("INSERT INTO history (wall, kind, fact) VALUES (?, 'CardTapped', ?)", rows)
        db.commit()
    monkeypatch.setattr(agent.journal.file, "LARGE", 0)
    return path


def test_a_start_reads_no_page_amid_the_history(path: Path) -> None:
    """Damage there is not even met: nothing that the station does needs it."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    middle = len(content) // PAGE // 2
    content[middle * PAGE : (middle + 1) * PAGE] = bytes(PAGE)
    path.write_bytes(content)
    with closing(Journal(path)) as journal:
        assert journal.newest() == WALL
        journal.prune(WALL, KEPT)
        journal.stage(Writing(fact=tap(), before=EMPTY, after=Station(slots={}, visit_count=1)))
        journal.commit()


def test_its_other_tables_and_its_ends_are_read_whole(path: Path) -> None:
    whole = path.read_bytes()
    with closing(sqlite3.connect(path)) as db:
        roots = dict(db.execute("SELECT name, rootpage FROM sqlite_schema WHERE type='table'"))
    for name in ("entries", "owed", "messages", "taken", "known", "salt", "commands", "history"):
        start = (roots[name] - 1) * PAGE
        path.write_bytes(whole[:start] + bytes(PAGE) + whole[start + PAGE :])
        with pytest.raises(JournalUnreadable):
            Journal(path)


def test_the_newest_moment_outlives_any_number_of_facts_of_a_clock_that_went_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent.journal.age, "FACTS", 2)
    with closing(Journal(path)) as journal:
        for visit in range(1, 6):
            wall = WALL - visit * DAY_S
            before, after = Station(slots={}, visit_count=visit - 1), Station(slots={}, visit_count=visit)
            journal.stage(Writing(fact=tap(wall=wall), before=before, after=after))
        journal.commit()
        assert journal.newest() == WALL
    with closing(Journal(path)) as journal:
        assert journal.newest() == WALL


def test_the_look_back_at_settled_sessions_ends_soon(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent.journal.queries, "LOOKED_AT", 100)
    steps = 0

    def stepped() -> int:
        nonlocal steps
        steps += 100
        return 0

    with closing(Journal(path)) as journal, closing(journal.reader()) as db:
        db.set_progress_handler(stepped, 100)
        assert agent.journal.queries.read_settled(db, 5) == []
    assert steps < FACTS


def test_pruning_ends_its_look_behind_the_last_old_fact(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent.journal.age, "FACTS", 100)
    looks: list[str] = []
    with closing(Journal(path)) as journal:
        journal._db.set_trace_callback(looks.append)
        journal.prune(WALL + KEPT.history_days * DAY_S - 60.0 * (FACTS - 150), KEPT)
        journal.commit()
    assert len([look for look in looks if look.startswith("SELECT id, wall FROM history")]) == 3
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT min(id), count(*) FROM history").fetchone() == (150, FACTS - 149)


def test_what_was_delivered_in_a_row_is_forgotten_by_one_statement() -> None:
    assert list(deletions("messages", [5, 3, 4, 9, 7])) == [
        (DELETE["messages"], (3, 5)),
        (DELETE["messages"], (7, 7)),
        (DELETE["messages"], (9, 9)),
    ]
    assert list(deletions("owed", [])) == []
