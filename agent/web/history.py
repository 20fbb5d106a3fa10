"""The last sessions of each slot, and the last faults with when they were raised and cleared."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agent.effects import ActName, Effects
from agent.events import rfc3339
from agent.facts import CallSettled, Fact
from agent.report import fault_report, masked
from agent.state import Payment, Phase, Session, Station

SESSIONS = 5
"""How many of each slot."""
FAULTS = 20
NOT_YET = frozenset({Phase.FREE, Phase.AWAITING, Phase.STARTING})
"""Phases in which nobody has got the slot for sure."""


class History:
    """What happened since the agent came up, what stood there then, and the sessions before. For main alone."""

    def __init__(self, station: Station, settled: Iterable[CallSettled] = ()) -> None:
        """`settled`: what the supplier decided lately of ends and payments, oldest first."""
        self._sessions: dict[int, deque[dict[str, Any]]] = {slot: deque(maxlen=SESSIONS) for slot in station.slots}
        standing = {slot.session for slot in station.slots.values()}
        for slot, before in over_before(settled):
            if slot in self._sessions and before["session"] not in standing:
                self._sessions[slot].appendleft(before)
        self._faults: deque[tuple[str, dict[str, Any]]] = deque(maxlen=FAULTS)
        self._take_sessions(station, {}, 0.0)
        self._take_faults(Station(slots={}), station, 0.0)

    def view(self) -> dict[str, Any]:
        """Newest first."""
        slots = {str(slot): {"last": [dict(one) for one in kept]} for slot, kept in self._sessions.items()}
        return {"slots": slots, "faults": [dict(fault) for _, fault in self._faults]}

    def decided(self, fact: Fact, before: Station, after: Station, effects: Effects) -> bool:
        """Whether this fact changed anything here."""
        same_slots = before.slots is after.slots and before.sessions is after.sessions
        if same_slots and before.faults is after.faults:
            return False
        old = self.view()
        if not same_slots:
            self._take_sessions(after, {one.old: one.new for one in effects.renamed}, fact.at.wall)
        self._take_settled(effects)
        self._take_faults(before, after, fact.at.wall)
        return self.view() != old

    def _take_settled(self, effects: Effects) -> None:
        """A payment that was decided later, with which its session may have been forgotten."""
        settled = [event.data for event in effects.events if event.name == "session-settled"]
        payments = {data["id"]: data["payment"] for data in settled}
        for one in (one for kept in self._sessions.values() for one in kept):
            one["payment"] = payments.get(one["session"], one["payment"])

    def _take_sessions(self, station: Station, renamed: Mapping[str, str], wall: float) -> None:
        for number, slot in station.slots.items():
            kept = self._sessions[number]
            for one in kept:
                one["session"] = renamed.get(one["session"], one["session"])
                session = station.sessions.get(one["session"])
                if session is not None:
                    one["payment"] = payment_of(session)
                if one["until"] is None and slot.session != one["session"]:
                    one["until"] = rfc3339(wall)
            session = station.sessions.get(slot.session)
            if session and slot.phase not in NOT_YET and all(one["session"] != session.id for one in kept):
                kept.appendleft(entry(session))

    def _take_faults(self, before: Station, after: Station, wall: float) -> None:
        for key in after.faults.keys() - before.faults.keys():
            self._faults.appendleft((key, fault_report(after.faults[key])))
        for key in before.faults.keys() - after.faults.keys():
            cleared = next((fault for name, fault in self._faults if name == key and not fault["clearedAt"]), None)
            if cleared is not None:
                cleared["clearedAt"] = rfc3339(wall)


def over_before(settled: Iterable[CallSettled]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Sessions whose payment was decided, with their slots, in the order of their ends.

    The journal keeps no fact of a delivered start; and one that was given back ends too, but is never paid.
    """
    over: dict[str, tuple[int, dict[str, Any]]] = {}
    for fact in settled:
        act = fact.act
        if act.name is ActName.END:
            until = rfc3339(fact.at.wall)
            told = {"card": masked(act.card), "session": act.session, "since": None, "until": until, "payment": None}
            over[act.session] = act.slot, told
        elif act.name is ActName.PAY and act.session in over:
            over[act.session][1]["payment"] = str(Payment.REFUSED if fact.problem else Payment.PAID)
    return (each for each in over.values() if each[1]["payment"])


def entry(session: Session) -> dict[str, Any]:
    """A session that has just got its slot."""
    since = rfc3339(session.tapped.wall)
    return {"card": masked(session.card), "session": session.id, "since": since, "until": None} | {
        "payment": payment_of(session)
    }


def payment_of(session: Session) -> str | None:
    """What became of its payment; None before that is known."""
    if session.payment is Payment.NONE and not session.announced:
        return None
    return str(session.payment)
