"""The last sessions of each slot, and the last faults."""

from dataclasses import replace

from support.owing import CARD, WALL

from agent.answers import Problem
from agent.clock import At
from agent.effects import Act, ActName, Effects, Event, Renamed
from agent.events import rfc3339
from agent.facts import CallSettled, DeadlinePassed
from agent.state import Fault, Payment, Phase, Session, Slot, Station
from agent.web.history import FAULTS, SESSIONS, History

EMPTY = Station(slots={1: Slot(number=1), 2: Slot(number=2)})
NONE = Effects()


def at(seconds: float) -> At:
    return At("boot-1", 1000 + seconds, WALL + seconds)


def fact(seconds: float = 0) -> DeadlinePassed:
    return DeadlinePassed(at=at(seconds), id="f")


def standing(name: str = "S-1", phase: Phase = Phase.CHARGING, **more: object) -> Station:
    session = replace(Session(id=name, card=CARD, slot=1, tapped=at(0)), **more)  # type: ignore[arg-type]
    slots = {**EMPTY.slots, 1: Slot(number=1, phase=phase, session=name)}
    return replace(EMPTY, slots=slots, sessions={name: session})


def test_a_session_is_told_once_it_has_its_slot_and_until_its_payment_is_known() -> None:
    history = History(EMPTY)
    assert history.view() == {"slots": {"1": {"last": []}, "2": {"last": []}}, "faults": []}
    starting, charging = standing(phase=Phase.STARTING), standing()
    assert not history.decided(fact(), EMPTY, starting, NONE)
    assert history.decided(fact(1), starting, charging, NONE)
    entry = {"card": "..E5F6", "session": "S-1", "since": rfc3339(WALL), "until": None, "payment": None}
    assert history.view()["slots"]["1"]["last"] == [entry]
    owed = replace(charging.sessions["S-1"], payment=Payment.OWED, announced=True, released=True)
    released = replace(EMPTY, sessions={"S-1": owed})
    assert history.decided(fact(9), charging, released, NONE)
    entry |= {"until": rfc3339(WALL + 9), "payment": "owed"}
    assert history.view()["slots"]["1"]["last"] == [entry]
    paid = replace(EMPTY, sessions={"S-1": replace(owed, payment=Payment.PAID)})
    assert history.decided(fact(10), released, paid, NONE)
    assert history.decided(fact(11), paid, EMPTY, NONE) is False
    assert history.view()["slots"]["1"]["last"] == [entry | {"payment": "paid"}]


def test_a_payment_that_is_decided_as_its_session_is_forgotten_is_told() -> None:
    history = History(EMPTY)
    charging = standing()
    owed = replace(charging.sessions["S-1"], payment=Payment.OWED, announced=True, released=True)
    released = replace(EMPTY, sessions={"S-1": owed})
    history.decided(fact(1), EMPTY, charging, NONE)
    history.decided(fact(9), charging, released, NONE)
    settled = Effects(events=(Event(name="session-settled", data={"id": "S-1", "payment": "paid"}, id="e"),))
    assert history.decided(fact(10), released, EMPTY, settled)
    assert [one["payment"] for one in history.view()["slots"]["1"]["last"]] == ["paid"]


def test_a_start_that_was_given_back_is_no_session() -> None:
    history = History(EMPTY)
    starting = standing(phase=Phase.STARTING)
    assert not history.decided(fact(), EMPTY, starting, NONE)
    assert not history.decided(fact(1), starting, EMPTY, NONE)


def test_a_session_keeps_its_place_under_its_new_name() -> None:
    history = History(standing())
    renamed = Effects(renamed=(Renamed(old="S-1", new="S-9", slot=1),))
    assert history.decided(fact(), standing(), standing("S-9"), renamed)
    assert [one["session"] for one in history.view()["slots"]["1"]["last"]] == ["S-9"]


def test_the_newest_are_kept() -> None:
    history = History(EMPTY)
    before = EMPTY
    for number in range(SESSIONS + 3):
        after = standing(f"S-{number}")
        history.decided(fact(number), before, after, NONE)
        before = after
    kept = [one["session"] for one in history.view()["slots"]["1"]["last"]]
    assert kept == [f"S-{number}" for number in range(SESSIONS + 2, 2, -1)]


def settled(name: ActName, seconds: float, session: str = "S-0", problem: Problem | None = None) -> CallSettled:
    act = Act(name=name, key=f"{session}-{name}", lane="l", session=session, slot=1, card=CARD)
    return CallSettled(at=at(seconds), id="f", act=act, problem=problem)


def test_sessions_before_the_start_that_are_over_are_remembered() -> None:
    refused = Problem(status=402, title="Payment Required")
    before = [
        settled(ActName.PAY, -9, "its end is older than what is looked at"),
        settled(ActName.END, -7, "S-0"),
        settled(ActName.PAY, -6, "S-0"),
        settled(ActName.START, -5, "given back", Problem(status=409)),
        settled(ActName.END, -4, "given back"),
        settled(ActName.END, -3, "S-2"),
        settled(ActName.PAY, -2, "S-2", refused),
    ]
    last = History(standing(), before).view()["slots"]["1"]["last"]
    assert [(one["session"], one["payment"]) for one in last] == [("S-1", None), ("S-2", "refused"), ("S-0", "paid")]
    assert last[2] == {
        "card": "..E5F6",
        "session": "S-0",
        "since": None,
        "until": rfc3339(WALL - 7),
        "payment": "paid",
    }
    assert (last[0]["since"], last[0]["until"]) == (rfc3339(WALL), None), "it stands there: since its tap"
    elsewhere = Station(slots={2: Slot(number=2)})
    assert History(elsewhere, before).view()["slots"] == {"2": {"last": []}}, "a slot that is no more"


def test_faults_with_when_they_were_cleared() -> None:
    fault = Fault(code="LockForced", slot=1, title="Lock Forced", raised=at(0))
    broken = replace(EMPTY, faults={fault.key: fault})
    history = History(broken)
    (told,) = history.view()["faults"]
    assert (told["code"], told["clearedAt"]) == ("LockForced", None)
    assert history.decided(fact(5), broken, EMPTY, NONE)
    (told,) = history.view()["faults"]
    assert told["clearedAt"] == rfc3339(WALL + 5)
    assert history.decided(fact(6), EMPTY, broken, NONE)
    assert [one["clearedAt"] for one in history.view()["faults"]] == [None, rfc3339(WALL + 5)], "newest first"
    for _ in range(FAULTS):
        history.decided(fact(7), EMPTY, broken, NONE)
    assert len(history.view()["faults"]) == FAULTS
