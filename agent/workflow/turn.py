"""One fact being decided: the station as it becomes, and what is asked for. The only mutable thing in the workflow."""

import dataclasses
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agent.answers import Problem
from agent.effects import (
    MAIN_LIGHT,
    STATION_LANE,
    Act,
    ActName,
    Answer,
    Aside,
    Ask,
    Effects,
    Event,
    Message,
    Order,
    Renamed,
    Undo,
)
from agent.facts import Fact
from agent.state import Fault, Seen, Session, Signal, Slot, Station, Support, Visit

KEYS = uuid.UUID("5a1f0f0e-6a57-5f6d-9c0b-2f4f9b8d7c31")
"""The namespace of every key and event id that the station derives (RFC 9562, UUIDv5)."""

FRESH_S = 30.0
"""How old a tap may be for its driver to be still there (contract sections 3 and 6)."""

MOST_SUPPORTS = 100
"""For how many faults the last call to support is remembered; the oldest is forgotten first."""


def derived(*names: object) -> str:
    """The UUIDv5 of these names: the same names always give the same key."""
    return str(uuid.uuid5(KEYS, "/".join(str(name) for name in names)))


def session_lane(session: Session) -> str:
    """The lane in which a session's acts leave."""
    return session.lane or f"session:{session.id}"


def card_lane(card: str) -> str:
    """The lane in which a card's acquire leaves, and what stands behind it if the session has begun without answer."""
    return f"card:{card}"


def keys_of(session: Session, name: ActName, refusals: int = 0) -> tuple[str, ...]:
    """The keys under which this act of a session may be owed: its own, or that of its id before it was renamed."""
    return tuple(derived(each, name, refusals) for each in (session.id, session.former) if each)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the operator configured, as far as it decides anything. Times are seconds.

    `remote`: a workflow elsewhere decides (contract section 8).
    """

    station_id: str
    driver_wait_s: float = 3.0
    retap_guard_s: float = 3.0
    unpaid_release: Literal["release", "hold"] = "release"
    triggers: bool = False
    remote_cards: bool = False
    offline_start: Literal["deny", "known-cards"] = "deny"
    remote: bool = False


class Turn:
    """Collects what one fact changes and asks for."""

    def __init__(self, station: Station, fact: Fact, rules: Rules) -> None:
        self.station = station
        self.fact = fact
        self.rules = rules
        self._wanted: defaultdict[str, list[Any]] = defaultdict(list)
        self._durable = False
        self._again = False
        self._restart = False

    @property
    def now(self) -> float:
        """The fact's moment, CLOCK_BOOTTIME seconds."""
        return self.fact.at.boottime

    def effects(self) -> Effects:
        """Everything asked for so far."""
        wanted = {name: tuple(values) for name, values in self._wanted.items()}
        return Effects(**wanted, durable=self._durable, again=self._again, restart=self._restart)

    # The state as it becomes.

    def slot(self, number: int, **changes: Any) -> Slot:
        """Change a slot; gives it as it is now."""
        slot = dataclasses.replace(self.station.slots[number], **changes)
        self.station = dataclasses.replace(self.station, slots={**self.station.slots, number: slot})
        return slot

    def move(self, number: int, *, durable: bool = True, **changes: Any) -> Slot:
        """Change a slot and have its lock driven once to where its new phase wants it."""
        if durable:
            self.durable()
        return self.slot(number, move=self.station.slots[number].move + 1, **changes)

    def session(self, session: Session, **changes: Any) -> Session:
        """Put a session as it is now; one that is settled is dropped."""
        session = dataclasses.replace(session, **changes)
        sessions = {**self.station.sessions, session.id: session}
        if session.settled:
            del sessions[session.id]
        self.station = dataclasses.replace(self.station, sessions=sessions)
        return session

    def rename(self, session: Session, name: str, slot: int) -> Session:
        """The supplier's id replaces the station's own, and its slot, in the state and in what is owed."""
        sessions = {key: other for key, other in self.station.sessions.items() if key != session.id}
        self.station = dataclasses.replace(self.station, sessions=sessions)
        self._wanted["renamed"].append(Renamed(old=session.id, new=name, slot=slot))
        if self.station.slots[session.slot].session == session.id:
            self.slot(session.slot, session=name)
        for visit in self.station.visits.values():
            if visit.session == session.id:
                self.visit(visit, session=name)
        former = session.id if name != session.id else session.former
        return self.session(session, id=name, former=former, away_slot=slot if slot != session.slot else 0)

    def visit(self, visit: Visit, **changes: Any) -> Visit:
        """Put a visit as it is now."""
        visit = dataclasses.replace(visit, **changes)
        visits = {**self.station.visits, visit.number: visit}
        self.station = dataclasses.replace(self.station, visits=visits)
        return visit

    def count_visit(self) -> int:
        """The number of a new visit; none is used twice."""
        self.station = dataclasses.replace(self.station, visit_count=self.station.visit_count + 1)
        return self.station.visit_count

    def finish(self, visit: Visit) -> None:
        """The driver has the result; the same card counts as a new tap only after the guard time."""
        visits = {number: other for number, other in self.station.visits.items() if number != visit.number}
        self.station = dataclasses.replace(self.station, visits=visits)
        if visit.driver:
            seen = self.station.lately.get(visit.card, Seen(until=self.now, resting=False))
            self.seen(visit.card, dataclasses.replace(seen, until=self.now + self.rules.retap_guard_s))

    def seen(self, card: str, seen: Seen) -> None:
        """Remember that this card tapped lately."""
        fresh = {key: value for key, value in self.station.lately.items() if value.resting or value.until > self.now}
        self.station = dataclasses.replace(self.station, lately={**fresh, card: seen})

    def supported(self, key: str, support: Support) -> None:
        """Remember a call to support for the fault with this key, or that it was not made again."""
        others = [(other, last) for other, last in self.station.supports.items() if other != key]
        self.station = dataclasses.replace(self.station, supports=dict([*others[-MOST_SUPPORTS:], (key, support)]))

    def fault(self, fault: Fault) -> None:
        """Put a raised fault."""
        self.station = dataclasses.replace(self.station, faults={**self.station.faults, fault.key: fault})

    def unfault(self, key: str) -> None:
        """Take a fault away."""
        faults = {other: fault for other, fault in self.station.faults.items() if other != key}
        self.station = dataclasses.replace(self.station, faults=faults)

    def wink(self) -> None:
        """A card was read: the main light says so at once."""
        self.station = dataclasses.replace(self.station, winked=self.now)

    def signal(self, signal: Signal) -> None:
        """Tell the driver in passing, on the main light."""
        self.station = dataclasses.replace(self.station, signal=signal, signalled=self.now)

    # What is asked for.

    def durable(self) -> None:
        """Commit this before anything leaves or moves."""
        self._durable = True

    def ask(self, visit: Visit, until: float) -> None:
        """Ask the supplier whether the visit's card has an active session."""
        self._wanted["asks"].append(Ask(visit=visit.number, card=visit.card, until=until))

    def owe(self, act: Act) -> None:
        """One more act for the supplier, behind the others of its lane; it leaves only after it was written down."""
        self._wanted["owed"].append(act)
        self.durable()

    def owe_session(self, session: Session, name: ActName, *, refusals: int = 0) -> None:
        """One more act of a session; its key outlives a lost journal."""
        self.owe(session_act(session, name, refusals=refusals))

    def again(self) -> None:
        """All that this fact brings about comes once more, under the same ids, if a power cut takes it back."""
        self._again = True

    def owe_light(self, light: str, body: Mapping[str, Any], *, slot: int = 0) -> None:
        """Tell the supplier what a light shows, as one of the station's own calls."""
        key = derived(self.fact.id, ActName.LEDS, light, body["action"])
        self.owe(Act(name=ActName.LEDS, key=key, lane=STATION_LANE, light=light, slot=slot, body=body))

    def owe_main_light(self, body: Mapping[str, Any]) -> None:
        """Tell the supplier what the main light shows."""
        self.owe_light(MAIN_LIGHT, body)

    def undo(self, key: str, act: Act) -> None:
        """Take back the act with this key, by `act` if it has left already."""
        self._wanted["undone"].append(Undo(key=key, act=act))
        self.durable()

    def settle(self, act: Act) -> None:
        """This act's outcome is taken in: it is owed no longer."""
        self._wanted["settled"].append(act.key)

    def abandon(self, session: Session) -> None:
        """Nothing of this session is told any more; what has not left goes."""
        self._wanted["abandoned"].append(session.id)
        self.durable()

    def know(self, card: str) -> None:
        """This card ended and paid: it may start without the supplier."""
        self._wanted["known"].append(card)

    def refuse(self, card: str) -> None:
        """This card was refused: it may not start without the supplier any more."""
        self._wanted["refused"].append(card)

    def strike(self, key: str) -> None:
        """This act is not wanted any more: it goes if it has not left."""
        self._wanted["struck"].append(key)

    def forget(self, key: str) -> None:
        """This act can only be refused: it goes in any case."""
        self._wanted["forgotten"].append(key)

    def set_aside(self, key: str) -> None:
        """This act waits for an operator."""
        self._wanted["aside"].append(key)
        self.durable()

    def emit(self, name: str, data: Mapping[str, Any], *, event_id: str = "", slot: int = 0) -> None:
        """Write down an event for the broker."""
        self.durable()
        event_id = event_id or derived(self.fact.id, "event", name, slot, len(self._wanted["events"]))
        self._wanted["events"].append(Event(name=name, data=data, id=event_id, slot=slot))

    def send(self, message: Message) -> None:
        """This message is owed to the broker once more."""
        self._wanted["messages"].append(message)
        self.durable()

    def drop_row(self, row: Aside) -> None:
        """This stands aside no longer."""
        self._wanted["dropped"].append(row)
        self.durable()

    def answer(self, answer: Answer) -> None:
        """Tell whoever asked what came of it, once that is committed."""
        self._wanted["answers"].append(answer)
        self.durable()

    def order(self, order: Order) -> None:
        """Take a command under its id, or remember to whom else its reply goes."""
        self._wanted["orders"].append(order)
        self.durable()

    def restart(self) -> None:
        """End once this is committed, and come up again."""
        self._restart = True

    def problem(self, problem: Problem) -> None:
        """Tell the operator what could not be handled."""
        self._wanted["problems"].append(problem)
        self.durable()


def session_act(session: Session, name: ActName, *, refusals: int = 0) -> Act:
    """An act of a session under its key for ever: UUIDv5 of session id, act, refusals before (contract section 3)."""
    return Act(
        name=name,
        key=derived(session.id, name, refusals),
        lane=session_lane(session),
        session=session.id,
        slot=session.called_slot,
        card=session.card,
    )


def session_light(session: Session, body: Mapping[str, Any]) -> Act:
    """Telling the supplier what a session's slot light shows, in the session's own order."""
    return Act(
        name=ActName.LEDS,
        key=derived(session.id, ActName.LEDS, body["action"]),
        lane=session_lane(session),
        session=session.id,
        slot=session.called_slot,
        card=session.card,
        light=str(session.called_slot),
        body=body,
    )
