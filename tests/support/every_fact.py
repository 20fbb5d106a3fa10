"""Every value that makes a difference, for each kind of fact."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from support.story import CARD, OTHER, Story

from agent import facts
from agent.answers import ActiveSession, Grant, Problem
from agent.effects import Act, ActName, Aside, Message, ReplyTo
from agent.facts import Fact
from agent.workflow.commands import ASKED
from agent.workflow.turn import derived

PROBLEMS = [
    None,
    *(Problem(status=status, detail="No charging slots available") for status in (400, 402, 404, 409, 422)),
]
Values = Iterator[dict[str, Any]]
FACT = "a fact's id"


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
