"""Journals of every released version: each is brought forward with all that is in it, and the one before reads it."""

import importlib
import json
import re
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.owing import CARD, act, at, tap

from agent.answers import Grant
from agent.effects import ActName, Message
from agent.journal import Journal, OwedRow, Writing
from agent.journal.file import MIGRATIONS
from agent.state import Fault, Payment, Phase, Progress, Session, Slot, Station, Step, Visit

FIXTURES = Path(__file__).parents[2] / "fixtures"
NEWEST = len(MIGRATIONS)
VERSIONS = range(1, NEWEST + 1)
ADDING = re.compile(r"CREATE (TABLE|INDEX) (\w+)|ALTER TABLE \w+ ADD( COLUMN)? \w+|INSERT INTO (\w+) VALUES")
KEPT = ("slots", "sessions", "visits", "faults", "supports", "available", "visit_count")


def expected(version: int) -> Any:
    """What the version that made this fixture said was in it."""
    return json.loads((FIXTURES / f"journal-{version}.json").read_text(encoding="utf-8"))


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    assert (FIXTURES / f"journal-{number}.db").exists(), "keep one, as tests/fixtures/README.md says"
    return number


@pytest.fixture
def path(version: int, tmp_path: Path) -> Path:
    """A copy of the fixture."""
    return Path(shutil.copyfile(FIXTURES / f"journal-{version}.db", tmp_path / "journal.db"))


def query(path: Path, text: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(text).fetchall()


def covers(found: Any, asked: Any) -> bool:
    """Whether everything asked for is there; an object may have more fields."""
    if isinstance(asked, Mapping):
        return all(key in found and covers(found[key], value) for key, value in asked.items())
    return bool(found == asked)


def as_written(value: Any) -> Any:
    """As JSON gives it back."""
    return json.loads(msgspec.json.encode(value))


def busy(journal: Journal) -> None:
    """Let this version write one row of every kind that it knows, with every field set."""
    before = journal.restore([1, 2])
    session = Session(id="S9", card=CARD, slot=1, tapped=at(), end=Progress.OWED, payment=Payment.OWED, light="k")
    visit = Visit(
        number=9, card=CARD, tap="t", tapped=at(), step=Step.NAMING, deadline=None, grant=Grant(slot=2), key="k"
    )
    fault = Fault(code="X", slot=2, warning=True, origin="inbox", raised=at(), error={"n": [1.5, None]})
    slot = Slot(number=1, phase=Phase.ENDING, session="S9", move=9, seen=False, ended=at(), askers=("a",))
    after = replace(
        before,
        slots={**before.slots, 1: slot},
        sessions={**before.sessions, "S9": session},
        visits={9: visit},
        faults={**before.faults, fault.key: fault},
        available=False,
    )
    owed = tuple(OwedRow(id=journal.new_id("owed"), act=act(name), since=1.0) for name in ActName)
    message = (journal.new_id("messages"), Message(topic="t", payload=b"{}"))
    journal.stage(Writing(fact=tap(), before=before, after=after, owed=owed, messages=(message,), known=(CARD,)))
    journal.commit()


class TestBroughtForward:
    def test_it_has_the_newest_schema_and_is_migrated_once(self, path: Path) -> None:
        for _ in range(2):
            Journal(path).close()
            assert query(path, "PRAGMA user_version") == [(NEWEST,)]

    def test_it_holds_exactly_the_station_that_it_held(self, path: Path, version: int) -> None:
        asked = expected(version)["station"]
        with closing(Journal(path)) as journal:
            station = journal.restore([1, 2])
        assert station == msgspec.convert(asked, Station, str_keys=True)
        assert covers({name: as_written(getattr(station, name)) for name in KEPT}, asked)
        assert {session.card for session in station.sessions.values()} == {CARD, "04A1B211223344"}
        assert {slot.phase for slot in station.slots.values()} == {Phase.CHARGING, Phase.HELD}
        assert len(station.faults) > 1

    def test_it_owes_exactly_what_it_owed(self, path: Path, version: int) -> None:
        asked = expected(version)["owed"]
        with closing(Journal(path)) as journal:
            owed, aside, tally = journal.owed(), journal.aside(), journal.tally
        assert owed == msgspec.convert(asked, list[OwedRow])
        assert all(covers(*pair) for pair in zip(as_written(owed), asked, strict=True))
        assert [(row.id, row.reason) for row in aside] == [(row["id"], row["aside"]) for row in asked if row["aside"]]
        assert aside
        assert tally.acts == len(owed) - len(aside) > 0

    def test_messages_inbox_events_and_history_are_all_there(self, path: Path, version: int) -> None:
        asked = expected(version)
        with closing(Journal(path)) as journal:
            assert all(journal.was_taken(*event) for event in asked["taken"])
            assert journal.tally.messages == len(asked["messages"])
        found = query(path, "SELECT id, topic, content_type, CAST(payload AS TEXT), since, aside FROM messages")
        assert [list(row) for row in found] == asked["messages"] != []
        assert query(path, "SELECT count(*) FROM history") == [(asked["history"],)]

    def test_known_cards_are_still_known(self, path: Path, version: int) -> None:
        asked = expected(version)["known"]
        with closing(Journal(path)) as journal:
            assert journal.is_known(CARD, 0.0, 1e10) == bool(asked)
            assert not journal.is_known("04A1B211223344", 0.0, 1e10)
        assert query(path, "SELECT hex(card) FROM known") == [(card,) for card in asked]

    def test_ids_go_on(self, path: Path, version: int) -> None:
        with closing(Journal(path)) as journal:
            assert journal.new_id("owed") > max(row["id"] for row in expected(version)["owed"])


class TestTheVersionBefore:
    @pytest.mark.parametrize("before", range(1, NEWEST))
    def test_it_reads_and_writes_the_file(self, path: Path, before: int) -> None:
        old = importlib.import_module(f"support.schema_{before}")
        with closing(Journal(path)) as journal:
            busy(journal)
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            found = {name: db.execute(text).fetchall() for name, text in old.READS.items()}
            for statement in old.WRITES:
                db.execute(statement)
        assert all(found.values())
        kinds = set()
        for kind, _, value in found["entries"]:
            if kind in old.KINDS:
                kinds.add(kind)
                msgspec.json.decode(value, type=old.KINDS[kind])
        assert kinds == set(old.KINDS)
        acts = [msgspec.json.decode(value, type=old.ACT) for _, value, _, _ in found["owed"]]
        assert {each.name for each in acts} == {name.value for name in ActName}


class TestMigrations:
    @pytest.mark.parametrize("number", VERSIONS)
    def test_they_only_add(self, number: int) -> None:
        made = set()
        for statement in (" ".join(part.split()) for part in MIGRATIONS[number - 1].split(";")):
            if statement:
                found = ADDING.match(statement)
                assert found, f"it does not only add: {statement}"
                made.add(found[2])
                assert found[4] is None or found[4] in made, f"it fills a table that was there: {statement}"

    def test_a_released_one_is_never_changed(self, path: Path, version: int, tmp_path: Path) -> None:
        made = tmp_path / "made.db"
        with closing(sqlite3.connect(made)) as db:
            for script in MIGRATIONS[:version]:
                db.executescript(script)
        schema = "SELECT name, sql FROM sqlite_schema ORDER BY name"
        assert query(made, schema) == query(path, schema)

    def test_fixtures_are_small_and_were_closed(self, path: Path, version: int) -> None:
        assert path.stat().st_size < 100_000
        assert not (FIXTURES / f"journal-{version}.db-wal").exists()
        assert query(path, "PRAGMA user_version") == [(version,)]
