"""The campaign's checks bite: each thing that may never happen is found in a view that shows it."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from support.campaign.checks import check
from support.campaign.findings import Kind
from support.campaign.view import Told, View

from agent.simulator.records import Entry

CARD = "04A1B2C3D4E5F6"
S1 = {"id": "S-1", "card": CARD, "slotNumber": 1}


def call(name: str, session: str = "", *, key: str = "", status: int = 200, body: Any = None, path: str = "") -> Entry:
    return Entry(
        time=0.0,
        name=name,
        method="PUT",
        path=path or f"/sessions/{session}/{name}",
        key=key or f"{session}-{name}",
        card="",
        session=session,
        body=body,
        status=status,
    )


def told(name: str, number: int, **data: Any) -> Told:
    body = json.dumps({"id": f"e-{number}", "data": data}).encode()
    return Told(name=name, id=f"e-{number}", data=data, body=body)


def free(number: int) -> dict[str, Any]:
    return {"number": number, "status": "free"}


STATE = {
    "available": True,
    "mainLight": "off",
    "faults": [],
    "owed": {"supplier": 0, "broker": 0, "refused": 0},
    "slots": [free(1), free(2)],
}
STAY = View(
    calls=[call("start", "S-1"), call("end", "S-1"), call("pay", "S-1")],
    sessions=[{"id": "S-1", "card": CARD, "slot": 1, "stage": "ended", "payment": "paid"}],
    payments=[{"session": "S-1"}],
    events=[told("session-started", 1, **S1), told("session-ended", 2, **S1, payment="paid")],
    state=STATE,
    bolts={1: "unlocked", 2: "unlocked"},
    log=["card ..E5F6 tapped"],
    cards=frozenset({CARD}),
)
"""One whole stay, after which everything is well."""

CHARGING = {"number": 1, "status": "charging", "session": {"id": "S-1", "card": "..E5F6"}}
STANDS = dataclasses.replace(
    STAY,
    calls=STAY.calls[:1],
    sessions=[{**STAY.sessions[0], "stage": "started", "payment": "none"}],
    payments=[],
    events=STAY.events[:1],
    state={**STATE, "slots": [CHARGING, free(2)]},
    bolts={1: "locked", 2: "unlocked"},
)
"""The same vehicle while it charges."""


def test_a_stay_is_well_while_it_lasts_and_when_it_is_over() -> None:
    assert check(STANDS) == []
    assert check(STAY) == []


def changed(view: View, **changes: Any) -> View:
    return dataclasses.replace(view, **changes)


def stays(**changes: Any) -> View:
    """The stay with other books at the supplier."""
    return changed(STAY, sessions=[{**STAY.sessions[0], **changes}])


def says(view: View, **changes: Any) -> View:
    """A station that says something else of itself."""
    return changed(view, state={**(view.state or {}), **changes})


def faulty(code: str) -> View:
    return says(STAY, faults=[{"code": code, "severity": "out-of-order"}])


OWED = [STAY.events[0], told("session-ended", 2, **S1, payment="owed")]
RAISED = [*STAY.events, told("out-of-order", 3, code="X")]
SUPPORT = call("support", key="k", path="/support", body={"error": {"code": "X"}})

FORGED: list[tuple[str, Kind, Callable[[], View], str]] = [
    ("an act that is owed", Kind.LOST, lambda: says(STAY, owed={"supplier": 1, "broker": 0}), "owed to the supplier"),
    ("an event that is owed", Kind.LOST, lambda: says(STAY, owed={"supplier": 0, "broker": 2}), "owed to the broker"),
    ("a lost end", Kind.LOST, lambda: stays(stage="started"), "not told of its end"),
    ("a slot that was not given back", Kind.LOST, lambda: stays(stage="acquired"), "nor given back"),
    ("a lost payment", Kind.LOST, lambda: stays(payment="none"), "was not paid"),
    (
        "a start that never arrived",
        Kind.LOST,
        lambda: changed(STANDS, sessions=[{**STANDS.sessions[0], "stage": "acquired"}]),
        "has it as acquired",
    ),
    ("a start that nobody told", Kind.LOST, lambda: changed(STAY, events=STAY.events[1:]), "no session-started"),
    ("an end that nobody told", Kind.LOST, lambda: changed(STAY, events=STAY.events[:1]), "no session-ended"),
    ("an end told first", Kind.LOST, lambda: changed(STAY, events=STAY.events[::-1]), "before its session-started"),
    ("a payment that stays owed", Kind.LOST, lambda: changed(STAY, events=OWED), "never settled"),
    (
        "a payment settled first",
        Kind.LOST,
        lambda: changed(STAY, events=[told("session-settled", 3, id="S-1", payment="paid"), *OWED]),
        "session-settled of S-1 before",
    ),
    ("an inbox fault that was not taken", Kind.LOST, lambda: changed(STAY, raised=frozenset("X")), "no out-of-order"),
    ("a support that nobody called", Kind.LOST, lambda: changed(STAY, raised=frozenset("X")), "support was not called"),
    ("a fault whose end nobody told", Kind.LOST, lambda: changed(STAY, events=RAISED), "no back-in-service"),
    ("nonsense without an answer", Kind.LOST, lambda: changed(STAY, unsupported=frozenset({"no.v1"})), "no.v1"),
    ("one key for two acts", Kind.DOUBLED, lambda: with_calls(call("pay", "S-2", key="S-1-pay")), "one key for two"),
    ("a second start", Kind.DOUBLED, lambda: with_calls(call("start", "S-1", key="new")), "start of session S-1"),
    ("a second payment", Kind.DOUBLED, lambda: with_calls(call("pay", "S-1", key="new")), "pay of session S-1"),
    ("a doubled payment", Kind.DOUBLED, lambda: changed(STAY, payments=[*STAY.payments] * 2), "was paid 2 times"),
    (
        "a card with two sessions",
        Kind.DOUBLED,
        lambda: changed(STANDS, sessions=[*STANDS.sessions, {**STANDS.sessions[0], "id": "S-2"}]),
        "has 2 sessions",
    ),
    ("an end told twice", Kind.DOUBLED, lambda: with_events(told("session-ended", 9, **S1, payment="paid")), "2 sess"),
    ("one id for two events", Kind.DOUBLED, lambda: with_events(told("session-ended", 2, id="S-1")), "two contents"),
    (
        "a payment settled twice",
        Kind.DOUBLED,
        lambda: with_events(*(told("session-settled", n, id="S-1", payment="paid") for n in (3, 4))),
        "settled as paid twice",
    ),
    (
        "an inbox fault taken twice",
        Kind.DOUBLED,
        lambda: changed(STAY, events=[*RAISED, told("out-of-order", 4, code="X")], raised=frozenset("X")),
        "2 out-of-order for X",
    ),
    (
        "a support called twice",
        Kind.DOUBLED,
        lambda: with_calls(SUPPORT, call("support", key="l", path="/support", body=SUPPORT.body)),
        "support was called again for X",
    ),
    ("a trapped bolt", Kind.TRAPPED, lambda: changed(STAY, bolts={1: "locked", 2: "unlocked"}), "its bolt is locked"),
    ("a stuck bolt", Kind.TRAPPED, lambda: changed(STAY, bolts={1: "unlocked", 2: "between"}), "its bolt is between"),
    ("a vehicle that nobody knows", Kind.TRAPPED, lambda: changed(STANDS, sessions=[]), "does not know"),
    ("a silent station", Kind.UNWELL, lambda: changed(STAY, state=None), "says nothing"),
    ("a station out of service", Kind.UNWELL, lambda: says(STAY, available=False), "not available"),
    ("a driver who waits", Kind.UNWELL, lambda: says(STAY, mainLight="white breathing"), "worked for"),
    ("a fault for ever", Kind.UNWELL, lambda: faulty("ReaderFailure"), "ReaderFailure"),
    ("a slot that stays busy", Kind.UNWELL, lambda: says(STAY, slots=[{**free(1), "status": "ending"}]), "is ending"),
    ("an open slot that charges", Kind.UNWELL, lambda: changed(STANDS, bolts=STAY.bolts), "its bolt is unlocked"),
    ("a traceback", Kind.UNWELL, lambda: changed(STAY, log=["Traceback (most recent call last):"]), "traceback"),
    ("a card in the log", Kind.UNWELL, lambda: changed(STAY, log=[f"card {CARD.lower()}"]), "in clear in the log"),
    ("a card in the state", Kind.UNWELL, lambda: changed(STAY, elsewhere=[CARD.encode()]), "in clear beside"),
]


def with_calls(*more: Entry) -> View:
    return changed(STAY, calls=[*STAY.calls, *more])


def with_events(*more: Told) -> View:
    return changed(STAY, events=[*STAY.events, *more])


@pytest.mark.parametrize(("kind", "forged", "text"), [each[1:] for each in FORGED], ids=[each[0] for each in FORGED])
def test_it_is_found(kind: Kind, forged: Callable[[], View], text: str) -> None:
    assert [finding for finding in check(forged()) if finding.kind is kind and text in finding.text]


def refused(name: str, status: int) -> list[Entry]:
    return [call("start", "S-1"), call(name, "S-1", status=status)]


WELL: list[tuple[str, Callable[[], View]]] = [
    ("a repeat under the same key", lambda: with_calls(*STAY.calls)),
    ("an event that came again", lambda: with_events(*STAY.events)),
    ("a payment refused", lambda: changed(stays(payment="refused"), calls=refused("pay", 402), payments=[])),
    ("an end refused for good", lambda: changed(stays(stage="started"), calls=refused("end", 422), payments=[])),
    ("a lock that failed", lambda: says(STAY, faults=[{"code": "LockFailed", "slotNumber": 1, "severity": "x"}])),
    (
        "a payment settled later",
        lambda: changed(STAY, events=[*OWED, told("session-settled", 3, id="S-1", payment="paid")]),
    ),
    (
        "an inbox fault as it should be",
        lambda: changed(
            with_calls(SUPPORT), events=[*RAISED, told("back-in-service", 4, stationId="ST-42")], raised=frozenset("X")
        ),
    ),
]


@pytest.mark.parametrize("view", [each[1] for each in WELL], ids=[each[0] for each in WELL])
def test_what_is_allowed_is_not_found(view: Callable[[], View]) -> None:
    assert check(view()) == []


def test_an_end_that_may_be_tried_again_is_still_lost() -> None:
    view = changed(stays(stage="started"), calls=refused("end", 401), payments=[])
    assert [finding.kind for finding in check(view)] == [Kind.LOST]
