"""Every state meets every fact: nothing raises, nothing stays due, every invariant holds.

Generated from the types: a fact or a phase without a story or a generator here fails.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from support.story import CARD, OTHER, Story

from agent import facts
from agent.answers import ActiveSession, Grant, Problem
from agent.effects import Act, ActName, Aside, Message, ReplyTo
from agent.facts import Fact
from agent.state import Phase, Step
from agent.workflow import HANDLERS, next_deadline
from agent.workflow.commands import ASKED
from agent.workflow.turn import derived

pytestmark = pytest.mark.no_cover

PROBLEMS = [
    None,
    *(Problem(status=status, detail="No charging slots available") for status in (400, 402, 404, 409, 422)),
]
Values = Iterator[dict[str, Any]]
FACT = "a fact's id"


def all_facts() -> set[type[Fact]]:
    """Every kind of fact there is."""
    return {kind for kind in vars(facts).values() if isinstance(kind, type) and issubclass(kind, Fact)} - {Fact}


# One state for each phase of a slot and each step of a visit.


def asking(story: Story) -> None:
    story.tap()


def acquiring(story: Story) -> None:
    story.tap()
    story.none_active()


def acquiring_again(story: Story) -> None:
    acquiring(story)
    story.granted(9, "S-9")


def naming(story: Story) -> None:
    acquiring(story)
    story.granted(1)


def giving_back_without_a_name(story: Story) -> None:
    acquiring(story)
    story.leave("acquire", "")
    story.passes(3)
    story.granted(1)


def parking(story: Story) -> None:
    story.vehicle(there=False)
    story.closing()


def locking(story: Story) -> None:
    story.closing()


def locked(story: Story) -> None:
    story.locked_in()


def charging(story: Story) -> None:
    story.charges()


def asking_to_end(story: Story) -> None:
    story.charges()
    story.tap()


def asking_to_end_before_the_start(story: Story) -> None:
    story.locked_in()
    story.passes(60)
    story.tap()


def ending(story: Story) -> None:
    asking_to_end(story)
    story.named("S-1", 1)


def ending_a_foreign_session(story: Story) -> None:
    story.tap()
    story.named("S-7", 1)


def renamed(story: Story) -> None:
    asking_to_end_before_the_start(story)
    story.named("S-9", 1)


def opening(story: Story) -> None:
    ending(story)
    story.passes(3)


def stuck(story: Story) -> None:
    opening(story)
    story.lock_settles(1, locked=True)


def undone(story: Story) -> None:
    locking(story)
    story.fault("X", 1)


def start_refused(story: Story) -> None:
    locked(story)
    story.settles("start", status=422)


def held_without_a_start(story: Story) -> None:
    locked(story)
    story.passes(60)
    story.settles("start", status=422)


def held_unpaid(story: Story) -> None:
    ending(story)
    story.settles("end")
    story.settles("pay", status=402)


def paying_again(story: Story) -> None:
    held_unpaid(story)
    story.passes(10)
    story.tap()


def released(story: Story) -> None:
    opening(story)
    story.opens()


def acquiring_behind_an_end(story: Story) -> None:
    released(story)
    story.passes(10)
    story.tap()
    story.none_active()


def two_drivers(story: Story) -> None:
    asking_to_end(story)
    story.closing("S-2", 2, OTHER)


def forced_open(story: Story) -> None:
    story.charges()
    story.happens(facts.UnlockAsked, slot=1, force=True)
    story.opens()


def deserted(story: Story) -> None:
    story.charges()
    story.vehicle(there=True)
    story.vehicle(there=False)
    story.bolt_moves(1, locked=False)


def let_go(story: Story) -> None:
    held_unpaid(story)
    story.closing("S-2", 2, OTHER)
    story.locks(2)
    story.releases(closed=True)


def offline_parking(story: Story) -> None:
    story.vehicle(1, there=False)
    story.vehicle(2, there=False)
    story.tap(known=True)
    story.passes(3)


def asked_to_open(story: Story) -> None:
    story.happens(facts.UnlockAsked, slot=1)


def offline_locking(story: Story) -> None:
    story.tap(known=True)
    story.passes(3)


def offline_locked(story: Story) -> None:
    offline_locking(story)
    story.locks()
    story.passes(60)


def offline_naming(story: Story) -> None:
    offline_locked(story)
    story.granted(1)


def offline_elsewhere(story: Story) -> None:
    offline_locked(story)
    story.granted(2, "S-9")


def offline_denied(story: Story) -> None:
    offline_locked(story)
    story.not_granted(Problem(status=403))


def offline_released(story: Story) -> None:
    offline_locked(story)
    story.tap()
    story.passes(3)
    story.opens()


def remotely(story: Story) -> None:
    """Lock slot 1 for a card, as a workflow elsewhere asks."""
    story.tap()
    story.happens(facts.LockAsked, slot=1, card=CARD, session="S-1")


def tapped_remotely(story: Story) -> None:
    story.tap()


def locking_remotely(story: Story) -> None:
    remotely(story)


def parking_remotely(story: Story) -> None:
    story.vehicle(there=False)
    remotely(story)


def charging_remotely(story: Story) -> None:
    remotely(story)
    story.locks()
    story.passes(60)


def asking_remotely(story: Story) -> None:
    charging_remotely(story)
    story.tap()


def opening_remotely(story: Story) -> None:
    asking_remotely(story)
    story.passes(3)


def out_of_order_remotely(story: Story) -> None:
    charging_remotely(story)
    story.fault("X", 1)
    story.fault("Y")


def out_of_service(story: Story) -> None:
    story.charges()
    story.happens(facts.AvailabilityAsked, slot=2, available=False)
    story.happens(facts.AvailabilityAsked, available=False)
    story.happens(facts.LightsAsked, target="2", action="on", colour="white", duration_s=60.0)


def out_of_order(story: Story) -> None:
    story.fault("StorageFailure")
    story.fault("LockFailed", 1)
    story.fault("UnlockFailed", 2)
    story.inbox("faulted.v1", {"error": {"code": "X"}})
    for code in ("LockFailed", "UnlockFailed", "Released"):
        story.inbox("faulted.v1", {"error": {"code": code, "slotNumber": 1}})


def free(story: Story) -> None:
    story.passes(1)


def unknown(story: Story) -> None:
    slots = {number: replace(slot, phase=Phase.UNKNOWN) for number, slot in story.station.slots.items()}
    story.station = replace(story.station, slots=slots)


def ending_an_unknown_session(story: Story) -> None:
    unknown(story)
    ending_a_foreign_session(story)


STATES: Mapping[str, Callable[[Story], None]] = {
    state.__name__: state
    for state in (
        free,
        asking,
        acquiring,
        acquiring_again,
        acquiring_behind_an_end,
        naming,
        giving_back_without_a_name,
        parking,
        locking,
        locked,
        charging,
        asking_to_end,
        asking_to_end_before_the_start,
        ending,
        ending_a_foreign_session,
        renamed,
        opening,
        stuck,
        undone,
        start_refused,
        held_without_a_start,
        held_unpaid,
        paying_again,
        released,
        two_drivers,
        forced_open,
        deserted,
        let_go,
        asked_to_open,
        offline_parking,
        offline_locking,
        offline_locked,
        offline_naming,
        offline_elsewhere,
        offline_denied,
        offline_released,
        out_of_order,
        out_of_service,
        tapped_remotely,
        locking_remotely,
        parking_remotely,
        charging_remotely,
        asking_remotely,
        opening_remotely,
        out_of_order_remotely,
        unknown,
        ending_an_unknown_session,
    )
}


def in_state(name: str) -> Story:
    """A story that stands there."""
    rules: dict[str, Any] = {"unpaid_release": "hold", "triggers": True, "offline_start": "known-cards"}
    story = Story(remote_cards=True, remote=name.endswith("remotely"), **rules)
    STATES[name](story)
    return story


# Every value that makes a difference, for each kind of fact.


def restarts(story: Story) -> Values:
    for at in (story.at(), type(story.at())("another boot", 5.0, story.wall)):
        yield {"at": at}
        for seen in ({}, {1: True, 2: True}, {1: False, 2: False}):
            yield {"at": at, "seen": seen, "vehicles": {1: True, 2: False}}
            yield {"at": at, "seen": seen, "vehicles": {1: False, 2: True}, "letting_go": True}


def lost_journals(story: Story) -> Values:
    if not story.station.sessions and not story.station.visits:  # there is nothing else in a new journal
        yield from ({"detail": "d", "seen": seen} for seen in ({}, {1: True, 2: False}))


def taps(_: Story) -> Values:
    for card in (CARD, OTHER, "AABBCCDD"):
        yield {"card": card}


def known_taps(story: Story) -> Values:
    for values in taps(story):
        yield from ({**values, "known": known} for known in (False, True))


def nothing(_: Story) -> Values:
    yield {}


def active_answers(story: Story) -> Values:
    ids = [*story.station.sessions, "S-new"]
    for visit in [*story.station.visits, 99]:
        yield {"visit": visit}
        yield {"visit": visit, "problem": Problem(status=403)}
        for name in ids:
            for slot in (1, 2, 9):
                for card in (CARD, OTHER):
                    yield {"visit": visit, "session": ActiveSession(id=name, card=card, slot=slot)}
        act = Act(name=ActName.END, key="k", lane="session:S-new", session="S-new", slot=1, card=CARD)
        rows = (Aside(table="owed", id=1, since=0.0, reason="", act=act),)
        yield {"visit": visit, "session": ActiveSession(id="S-new", card=CARD, slot=1), "aside": rows}


def acquire_answers(story: Story) -> Values:
    stray = Act(name=ActName.ACQUIRE, key="stray", lane=f"card:{CARD}", card=CARD)
    again = [replace(stray, key=visit.key, card=visit.card) for visit in story.station.visits.values() if visit.key]
    again += [replace(stray, key=each.acquire, card=each.card) for each in story.station.sessions.values()]
    for act in [stray, *again, *(owed.act for owed in story.owed if owed.act.name is ActName.ACQUIRE)]:
        yield from ({"act": act, "problem": problem} for problem in PROBLEMS)
        for name in [*story.station.sessions, "S-new", ""]:
            yield from ({"act": act, "grant": Grant(slot=slot, session=name)} for slot in (1, 2, 9))


def settled_calls(story: Story) -> Values:
    for session in [*story.station.sessions, "S-gone", ""]:
        for name in ActName:
            for problem in PROBLEMS:
                act = Act(name=name, key=f"{session}/{name}", lane=f"session:{session}", session=session, slot=1)
                yield {"act": act, "problem": problem, "repeated": False}
                yield {"act": act, "problem": problem, "repeated": True}


def unusable_answers(_: Story) -> Values:
    yield {"problem": Problem(status=502)}


def settled_locks(story: Story) -> Values:
    for slot in story.station.slots.values():
        for move in (slot.move, slot.move - 1):
            yield from ({"slot": slot.number, "move": move, "locked": locked} for locked in (True, False, None))


def moved_bolts(story: Story) -> Values:
    for slot in story.station.slots:
        yield from ({"slot": slot, "locked": locked} for locked in (True, False))


def moved_vehicles(story: Story) -> Values:
    for slot in story.station.slots:
        yield from ({"slot": slot, "there": there} for there in (True, False))


def switched_releases(_: Story) -> Values:
    yield from ({"closed": closed} for closed in (True, False))


def passed_deadlines(story: Story) -> Values:
    for later in (0.0, 3.0, 60.0, 3600.0):
        yield {"at": type(story.at())(story.boot, story.now + later, story.wall + later)}


def raised_faults(_: Story) -> Values:
    for code in ("StorageFailure", "UnlockFailed", "X"):
        for slot in (0, 1, 9):
            yield {"code": code, "title": "", "detail": "", "slot": slot, "warning": False}
            yield {"code": code, "title": "", "detail": "", "slot": slot, "warning": True}


def cleared_faults(_: Story) -> Values:
    for code in ("StorageFailure", "LockFailed", "UnlockFailed", "LockForced", "Released", "X"):
        yield from ({"code": code, "slot": slot} for slot in (0, 1, 9))


def received_events(story: Story) -> Values:
    prefix = "com.ev-power-supplier.charging-station."
    yield {"type": "x", "source": "s", "event_id": "1"}
    yield {"type": f"{prefix}faulted.v1", "source": "s", "event_id": "1", "data": {"error": {"code": "X"}}}
    cleared = {"error": {"code": "X", "cleared": True}}
    yield {"type": f"{prefix}faulted.v1", "source": "s", "event_id": "1", "data": cleared}
    card = {"type": f"{prefix}card-scanned.v1", "source": "s", "event_id": "1", "data": {"card": CARD}}
    yield card
    yield {**card, "sent": story.wall}


def bounds(_: Story) -> Values:
    yield from ({"full": full} for full in (False, True))


def unlocks(story: Story) -> Values:
    for slot in (*story.station.slots, 9):
        yield from ({"slot": slot, "force": force} for force in (False, True))


def ends(story: Story) -> Values:
    yield from ({"session": name} for name in [*story.station.sessions, "S-gone", ""])


def clear_faults(story: Story) -> Values:
    for fault in story.station.faults.values():
        yield {"code": fault.code, "slot": fault.slot}
    yield {"code": "Nothing"}


def set_aside(story: Story) -> Values:
    message = Message(topic="t", payload=b"")
    yield {"name": "act-9"}
    yield {"name": "message-1", "rows": (Aside(table="messages", id=1, since=0.0, reason="", message=message),)}
    for session in [*(each for each in story.station.sessions.values() if each.released), None]:
        for name in (ActName.END, ActName.PAY):
            called = session.id if session else "S-gone"
            act = Act(name=name, key=derived(called, name, 5), lane="session:x", session=called, slot=1, card=CARD)
            yield {"name": "act-1", "rows": (Aside(table="owed", id=1, since=0.0, reason="", act=act),)}


def lights(_: Story) -> Values:
    for target in ("main", "1", "9"):
        yield {"target": target, "action": "off"}
        yield {"target": target, "action": "flicker", "colour": "white", "duration_s": 3.0}


def availabilities(story: Story) -> Values:
    for slot in (0, *story.station.slots, 9):
        yield from ({"slot": slot, "available": available} for available in (True, False))


def remote_locks(story: Story) -> Values:
    for slot in (1, 2, 9):
        for card in (CARD, OTHER):
            yield from ({"slot": slot, "card": card, "session": name} for name in [*story.station.sessions, "S-new"])


def commands(story: Story) -> Values:
    about: dict[str, Any] = {"command": "c-1", "reply": ReplyTo(topic="t"), "issued": story.wall}
    for kind, generator in ASKING.items():
        for values in generator(story):
            asked = kind(at=story.at(), id=FACT, **values)
            yield {"id": FACT, **about, "asked": asked}
    asked = facts.UnlockAsked(at=story.at(), id=FACT, slot=1, force=True)
    for known in (facts.KnownCommand(fact="f"), facts.KnownCommand(fact="f", answer=b"{}")):
        yield {"id": FACT, **about, "asked": asked, "known": known}
    yield {"id": FACT, **about, "asked": asked, "retained": True}
    yield {"id": FACT, **about, "asked": asked, "issued": None}
    yield {"id": FACT, **about, "asked": asked, "clock_set": False}
    yield {"id": FACT, **about, "command": "", "problem": Problem(status=400)}


def retries(story: Story) -> Values:
    yield from set_aside(story)
    yield {**next(set_aside(story)), "behind": "act-1"}


GENERATORS: Mapping[type[Fact], Callable[[Story], Values]] = {
    facts.Restarted: restarts,
    facts.JournalLost: lost_journals,
    facts.CardTapped: known_taps,
    facts.CardRemoved: taps,
    facts.SeveralCardsSeen: nothing,
    facts.ActiveAnswered: active_answers,
    facts.AcquireAnswered: acquire_answers,
    facts.CallSettled: settled_calls,
    facts.AnswerUnusable: unusable_answers,
    facts.LockSettled: settled_locks,
    facts.BoltMoved: moved_bolts,
    facts.VehicleMoved: moved_vehicles,
    facts.ReleaseSwitched: switched_releases,
    facts.DeadlinePassed: passed_deadlines,
    facts.FaultRaised: raised_faults,
    facts.FaultCleared: cleared_faults,
    facts.EventReceived: received_events,
    facts.OutboxFilled: bounds,
    facts.UnlockAsked: unlocks,
    facts.EndAsked: ends,
    facts.CommandReceived: commands,
    facts.ClearFaultAsked: clear_faults,
    facts.RetryAsked: retries,
    facts.DropAsked: set_aside,
    facts.PingAsked: nothing,
    facts.LightsAsked: lights,
    facts.AvailabilityAsked: availabilities,
    facts.LockAsked: remote_locks,
    facts.RestartAsked: nothing,
    facts.DiagnosticsAsked: nothing,
}
ASKING = {kind: generator for kind, generator in GENERATORS.items() if kind in ASKED}


def test_every_fact_has_its_handler_and_its_generator() -> None:
    assert set(HANDLERS) == all_facts()
    assert set(GENERATORS) == all_facts()


def test_every_phase_and_every_step_has_its_story() -> None:
    stories = [in_state(name) for name in STATES]
    phases = {slot.phase for story in stories for slot in story.station.slots.values()}
    steps = {visit.step for story in stories for visit in story.station.visits.values()}
    assert phases == set(Phase)
    assert steps == set(Step)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", GENERATORS, ids=lambda kind: kind.__name__)
def test_every_state_meets_every_fact(state: str, kind: type[Fact]) -> None:
    there = in_state(state)
    for values in GENERATORS[kind](there):
        story = deepcopy(there)
        story.happens(kind, **values)
        story.face()
        if kind is facts.DeadlinePassed:
            due = next_deadline(story.station, story.boot)
            assert due is None or due > values["at"].boottime
