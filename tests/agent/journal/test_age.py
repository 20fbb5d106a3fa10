"""What grows old is forgotten; what is owed never is, however old."""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.owing import WALL, act, at, inbox_event

from agent.clock import DAY_S
from agent.effects import ActName, Message
from agent.journal import Journal, Kept, OwedRow, Writing
from agent.state import Fault, Slot, Station

EMPTY = Station(slots={1: Slot(number=1)})
OWED = ("entries", "owed", "messages", "sqlite_sequence")
AGED = ("history", "known", "taken")

days = st.integers(min_value=1, max_value=400)
ages = st.floats(min_value=-2.0, max_value=800.0) | st.integers(min_value=-2, max_value=800).map(float)
"""Days; below 0: the clock was ahead then."""
rows = st.lists(
    st.fixed_dictionaries({"age": ages, "act": st.none() | st.sampled_from(ActName), "aside": st.booleans()}),
    max_size=12,
)


def fill(journal: Journal, found: list[dict[str, Any]]) -> None:
    """One fact a row: an inbox event that raises a fault, perhaps with an act; each leaves a message and a card."""
    before = EMPTY
    for number, row in enumerate(found):
        wall = WALL - row["age"] * DAY_S
        fact = inbox_event(f"e-{number}")
        fault = Fault(code=f"F{number}", raised=at(wall=wall))
        after = Station(slots=EMPTY.slots, faults={**before.faults, fault.key: fault})
        acts = [act(row["act"], f"k-{number}")] if row["act"] else []
        owed = tuple(OwedRow(id=journal.new_id("owed"), act=each, since=wall) for each in acts)
        message = (journal.new_id("messages"), Message(topic="t", payload=b"{}"))
        journal.stage(
            Writing(
                fact=type(fact)(at=at(wall=wall), id=fact.id, type="x", source=fact.source, event_id=fact.event_id),
                before=before,
                after=after,
                owed=owed,
                messages=(message,),
                known=(f"{number:08X}",),
                taken=(fact.source, fact.event_id),
            )
        )
        if row["aside"]:
            journal.set_aside("messages", message[0], "denied")
            for each in owed:
                journal.set_aside("owed", each.id, "422")
        before = after
    journal.commit()


def table(path: Path, name: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608


@settings(max_examples=60)
@given(found=rows, kept=st.builds(Kept, history_days=days, known_days=days))
def test_age_takes_what_is_old_and_nothing_that_is_owed(found: list[dict[str, Any]], kept: Kept) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        with closing(Journal(path)) as journal:
            fill(journal, found)
            before = {name: table(path, name) for name in OWED}
            counts = journal.counts()
            journal.prune(WALL, kept)
            journal.commit()
            assert {name: table(path, name) for name in OWED} == before
            assert journal.counts() == counts
            walls = [WALL - row["age"] * DAY_S for row in found]
            limits = {"history": kept.history_days, "known": kept.known_days, "taken": 1}
            for name in AGED:
                expected = sorted(wall for wall in walls if wall >= WALL - limits[name] * DAY_S)
                place = {"history": 1, "known": 1, "taken": 2}[name]
                assert sorted(row[place] for row in table(path, name)) == expected
            journal.prune(WALL, kept)
            assert not journal.staged
