"""What is written to a journal, for its tests."""

import sqlite3
from contextlib import closing
from pathlib import Path

from support.owing import CARD, WALL, act, at, tap

from agent.answers import Grant
from agent.effects import ActName, Message
from agent.facts import Fact
from agent.journal import Journal, OwedRow, Writing
from agent.state import Fault, Payment, Phase, Progress, Session, Slot, Station, Step, Visit

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


def writing(after: Station = EMPTY, *, before: Station = EMPTY, fact: Fact | None = None, **values: object) -> Writing:
    return Writing(fact=fact or tap(), before=before, after=after, **values)  # type: ignore[arg-type]


def owe(journal: Journal, *names: ActName, wall: float = WALL) -> tuple[OwedRow, ...]:
    return tuple(OwedRow(id=journal.new_id("owed"), act=act(name), since=wall) for name in names)


def table(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()
