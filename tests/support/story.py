"""Tells the workflow a story: facts go in at a clock that the story moves, acts and events come out by name.

It keeps what is owed as the outbox would (lanes, what has left, what is struck) and checks the invariants after
every fact.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from support.invariants import check

from agent.answers import ActiveSession, Grant, Problem
from agent.clock import At
from agent.effects import Act, ActName, Ask, Effects, Event
from agent.face import Face, face
from agent.facts import (
    AcquireAnswered,
    ActiveAnswered,
    BoltMoved,
    CallSettled,
    CardRemoved,
    CardTapped,
    DeadlinePassed,
    EventReceived,
    Fact,
    FaultCleared,
    FaultRaised,
    LockSettled,
    ReleaseSwitched,
    Restarted,
    SeveralCardsSeen,
    VehicleMoved,
)
from agent.state import Fault, Phase, Session, Slot, Station, Support, Visit
from agent.workflow import Rules, decide, next_deadline

CARD = "04A1B2C3D4E5F6"
OTHER = "11223344"
NO_SLOTS = Problem(status=400, detail="No charging slots available")
SETTLES = frozenset({ActName.ACQUIRE, ActName.START, ActName.END, ActName.PAY})
SLICE_S = 0.001


@dataclass(slots=True)
class Owed:
    """One act that waits at the station; `left`: the supplier may have seen it."""

    act: Act
    left: bool = False


class Story:
    """A station with `slots` free slots, and everything that happens to it."""

    def __init__(self, slots: int = 2, **rules: Any) -> None:
        self.rules = Rules(station_id="ST-42", **rules)
        self.station = Station(slots={number: Slot(number=number) for number in range(1, slots + 1)})
        self.now = 1000.0
        self.wall = 1.75e9
        self.boot = "boot-1"
        self.owed: list[Owed] = []
        self.asks: list[Ask] = []
        self.aside: list[str] = []
        self.keys: dict[str, Act] = {}
        self.log: list[Event] = []
        self.problems: list[Problem] = []
        self.last = Effects()
        self.bolts = dict.fromkeys(self.station.slots, False)
        self.vehicles: dict[int, bool] = {}
        self.watcher: Callable[[Fact, Station, Station, Effects], None] = lambda *_: None
        self._committed = self.station, self.owed
        self._acts: list[str] = []
        self._events: list[str] = []
        self._facts = 0

    # What happens.

    def at(self) -> At:
        """This moment."""
        return At(self.boot, self.now, self.wall)

    def happens(self, kind: type[Fact], **values: Any) -> Effects:
        """One fact goes down the road."""
        self._facts += 1
        fact = kind(**{"at": self.at(), "id": str(uuid.uuid5(uuid.NAMESPACE_OID, str(self._facts))), **values})
        before = self.station
        self.station, self.last = decide(before, fact, self.rules)
        self._take_in(self.last)
        if self.last.durable:
            self._committed = self.station, [replace(owed) for owed in self.owed]
        check(before, fact, self.station, self.last, self.keys)
        self.watcher(fact, before, self.station, self.last)
        return self.last

    def tap(self, card: str = CARD, *, known: bool = False) -> None:
        """A card comes to the reader and goes again."""
        self.happens(CardTapped, card=card, known=known)
        self.lift(card)

    def rest(self, card: str = CARD) -> None:
        """A card comes to the reader and stays."""
        self.happens(CardTapped, card=card)

    def lift(self, card: str = CARD) -> None:
        """A card leaves the reader."""
        self.happens(CardRemoved, card=card)

    def two_cards(self) -> None:
        """Two cards meet in the field."""
        self.happens(SeveralCardsSeen)

    def named(self, session: str, slot: int, card: str = CARD, *, says: str = "") -> None:
        """GET says that this session of `card` (or of the card `says`) is active."""
        active = ActiveSession(id=session, card=says or card, slot=slot)
        self.happens(ActiveAnswered, visit=self._question(card), session=active)

    def none_active(self, card: str = CARD) -> None:
        """GET says that no session is active."""
        self.happens(ActiveAnswered, visit=self._question(card))

    def question_refused(self, status: int, card: str = CARD) -> None:
        """GET is refused."""
        self.happens(ActiveAnswered, visit=self._question(card), problem=Problem(status=status))

    def granted(self, slot: int, session: str = "", card: str = CARD) -> None:
        """The oldest acquire of `card` is answered with a slot."""
        self._answer(card, grant=Grant(slot=slot, session=session))

    def not_granted(self, problem: Problem, card: str = CARD) -> None:
        """The oldest acquire of `card` is refused."""
        self._answer(card, problem=problem)

    def settles(self, name: str, session: str = "S-1", status: int = 204, *, repeated: bool = False) -> None:
        """A start, end or pay is answered; what is ahead of it in its lane was delivered before."""
        owed = self.find(name, session)
        self._deliver_before(owed)
        problem = Problem(status=status) if status >= 400 else None
        self.happens(CallSettled, act=owed.act, problem=problem, repeated=repeated)

    def locks(self, slot: int = 1, *, sensor: bool = True) -> None:
        """The bolt arrives at locked."""
        self.lock_settles(slot, locked=True if sensor else None)

    def opens(self, slot: int = 1, *, sensor: bool = True) -> None:
        """The bolt arrives at unlocked."""
        self.lock_settles(slot, locked=False if sensor else None)

    def lock_settles(self, slot: int, *, locked: bool | None) -> None:
        """The newest move of a lock is over."""
        if locked is None:
            self.bolts.pop(slot, None)
        else:
            self.bolts[slot] = locked
        self.happens(LockSettled, slot=slot, move=self.slot(slot).move, locked=locked)

    def bolt_moves(self, slot: int, *, locked: bool) -> None:
        """A bolt moves by itself."""
        self.bolts[slot] = locked
        self.happens(BoltMoved, slot=slot, locked=locked)

    def vehicle(self, slot: int = 1, *, there: bool) -> None:
        """A vehicle comes, or goes; a slot has a presence contact from the first time on."""
        self.vehicles[slot] = there
        self.happens(VehicleMoved, slot=slot, there=there)

    def releases(self, *, closed: bool) -> None:
        """The release contact is switched."""
        self.happens(ReleaseSwitched, closed=closed)

    def fault(self, code: str = "ReaderFailure", slot: int = 0, *, warning: bool = False) -> None:
        """A part of the station finds a fault."""
        self.happens(FaultRaised, code=code, title=code, detail="It broke.", slot=slot, warning=warning)

    def mends(self, code: str = "ReaderFailure", slot: int = 0) -> None:
        """The cause of a fault goes."""
        self.happens(FaultCleared, code=code, slot=slot)

    def inbox(self, kind: str, data: Mapping[str, Any] | None = None, *, age: float | None = 0.0) -> None:
        """A CloudEvent comes in; `kind` without the common prefix, `age` in seconds (None: it has no time)."""
        self.happens(
            EventReceived,
            type=kind if "." in kind.removesuffix(".v1") else f"com.ev-power-supplier.charging-station.{kind}",
            source="urn:power",
            event_id=str(self._facts),
            data=data or {},
            sent=None if age is None else self.wall - age,
        )

    def passes(self, seconds: float) -> None:
        """Time passes; deadlines are met when they are due, as main does."""
        end = self.now + seconds
        for _ in range(50):
            due = next_deadline(self.station, self.boot)
            if due is None or due > end:
                break
            self._move_to(max(self.now, due))
            self.happens(DeadlinePassed)
            due = next_deadline(self.station, self.boot)
            assert due is None or due > self.now, "the deadline stayed due: main would spin"
        else:
            raise AssertionError("the deadlines never end")
        self._move_to(end)

    def restarts(self, *, after: float = 1.0, reboot: bool = False, killed: bool = False) -> None:
        """The process ends and comes up again with what the journal kept; if `killed`, with the last commit."""
        self._move_to(self.now + after)
        if killed:
            self.station, self.owed = self._committed
        if reboot:
            self.boot, self.now = f"{self.boot}+", 20.0
        seen, vehicles, letting_go = dict(self.bolts), dict(self.vehicles), self.station.letting_go
        self.station = from_journal(self.station)
        self.asks = []
        for owed in self.owed:
            owed.left = True
        self.happens(Restarted, seen=seen, vehicles=vehicles, letting_go=letting_go)

    # Whole chapters.

    def starts(self, session: str = "S-1", slot: int = 1, card: str = CARD) -> None:
        """From a tap to a running session that the supplier knows."""
        self.locked_in(session, slot, card)
        self.settles("start", session)

    def locked_in(self, session: str = "S-1", slot: int = 1, card: str = CARD) -> None:
        """From a tap to a locked slot; the start is still owed."""
        self.closing(session, slot, card)
        self.locks(slot)

    def closing(self, session: str = "S-1", slot: int = 1, card: str = CARD) -> None:
        """From a tap to a bolt on its way."""
        self.tap(card)
        self.none_active(card)
        self.granted(slot, session, card)

    def charges(self, session: str = "S-1", slot: int = 1, card: str = CARD) -> None:
        """As `starts`, an hour ago, and nothing left to look at."""
        self.starts(session, slot, card)
        self.passes(3600)
        self.forget()

    def ends(self, session: str = "S-1", slot: int = 1, card: str = CARD) -> None:
        """From a tap to an open slot and a paid session."""
        self.tap(card)
        self.named(session, slot, card)
        self.settles("end", session)
        self.settles("pay", session)
        self.opens(slot)

    # What came of it.

    def acts(self) -> list[str]:
        """The acts that became owed since the last look, in order."""
        acts, self._acts = self._acts, []
        return acts

    def events(self) -> list[str]:
        """The events written down since the last look, in order, with what tells them apart."""
        events, self._events = self._events, []
        return events

    def forget(self) -> None:
        """Nobody wants to look at what came so far."""
        self.acts()
        self.events()

    def owing(self) -> list[str]:
        """What is owed now."""
        return [told(owed.act) for owed in self.owed]

    def slot(self, number: int = 1) -> Slot:
        """A slot as it is now."""
        return self.station.slots[number]

    def phase(self, number: int = 1) -> Phase:
        """Where a slot is in its story."""
        return self.slot(number).phase

    def face(self) -> Face:
        """What the station shows now."""
        return face(self.station, self.now, self.boot)

    def light(self, name: str = "main") -> str:
        """What a light shows now, in words."""
        look = self.face().lights[name]
        return f"{'+'.join(look.colours)} {look.rhythm}" if look.colours else "off"

    def find(self, name: str, session: str = "S-1") -> Owed:
        """What is owed under this name."""
        for owed in self.owed:
            if owed.act.name == name and owed.act.session == session:
                return owed
        raise AssertionError(f"no {name} of {session} is owed, only {self.owing()}")

    def leave(self, name: str, session: str = "S-1") -> None:
        """An act is on its way; no answer yet."""
        self.find(name, session).left = True

    def heads(self) -> list[Owed]:
        """What may be answered now: the acts that nothing before them holds up."""
        ready: dict[str, Owed] = {}
        for owed in self.owed:
            if owed.act.name in SETTLES and owed.act.lane not in ready:
                ready[owed.act.lane] = owed
        return list(ready.values())

    # The outbox's part.

    def _question(self, card: str) -> int:
        alive = [ask for ask in self.asks if ask.card == card and ask.visit in self.station.visits]
        assert alive, f"nobody asks for {card}"
        self.asks.remove(alive[0])
        return alive[0].visit

    def _answer(self, card: str, **values: Any) -> None:
        owed = next(owed for owed in self.owed if owed.act.name is ActName.ACQUIRE and owed.act.card == card)
        self._deliver_before(owed)
        self.happens(AcquireAnswered, act=owed.act, **values)

    def _deliver_before(self, last: Owed) -> None:
        last.left = True
        lane = [owed for owed in self.owed if owed.act.lane == last.act.lane]
        for owed in lane[: lane.index(last)]:
            assert owed.act.name not in SETTLES, f"{told(last.act)} cannot overtake {told(owed.act)}"
            self.owed.remove(owed)

    def _take_in(self, effects: Effects) -> None:
        for key in effects.settled + effects.forgotten + effects.aside:
            self.owed = [owed for owed in self.owed if owed.act.key != key]
        self.owed = [owed for owed in self.owed if owed.left or owed.act.key not in effects.struck]
        self.owed = [owed for owed in self.owed if owed.act.session not in effects.abandoned]
        acts = list(effects.owed)
        for undo in effects.undone:
            before = next((owed for owed in self.owed if owed.act.key == undo.key), None)
            if before is None or before.left:
                acts.append(undo.act)
            else:
                self.owed.remove(before)
        for renamed in effects.renamed:
            for owed in self.owed:
                if owed.act.session == renamed.old:
                    lane = owed.act.lane.replace(f"session:{renamed.old}", f"session:{renamed.new}")
                    owed.act = replace(owed.act, session=renamed.new, lane=lane, slot=renamed.slot)
        self.owed += [Owed(act) for act in acts]
        assert len({owed.act.key for owed in self.owed}) == len(self.owed), f"owed twice: {self.owing()}"
        self.asks += effects.asks
        self.aside += effects.aside
        self.log += effects.events
        self.problems += effects.problems
        self._acts += [told(act) for act in acts]
        self._events += [told_event(event) for event in effects.events]

    def _move_to(self, now: float) -> None:
        self.wall += now - self.now
        self.now = now


def told(act: Act) -> str:
    """An act in a few words."""
    match act.name:
        case ActName.ACQUIRE:
            return f"acquire {act.card}"
        case ActName.LEDS:
            colour = f" {act.body['color']}" if "color" in act.body else ""
            return f"leds {act.light} {act.body['action']}{colour}"
        case ActName.LOCK | ActName.UNLOCK:
            return f"{act.name} {act.slot}"
        case ActName.SUPPORT:
            return f"support {act.body['error'].get('code') or act.body['error'].get('title')}"
        case _:
            return f"{act.name} {act.session}"


def told_event(event: Event) -> str:
    """An event in a few words."""
    data = event.data
    names = ("reason", "payment", "endedBy", "code")
    return " ".join([event.name, *(str(data[name]) for name in names if name in data)])


def from_journal(station: Station) -> Station:
    """What is left of a station after its process: the rows that the journal keeps, written and read as it does."""
    return Station(
        slots=_kept(station.slots, Slot),
        sessions=_kept(station.sessions, Session),
        visits=_kept(station.visits, Visit),
        faults=_kept(station.faults, Fault),
        supports=_kept(station.supports, Support),
        available=station.available,
        visit_count=station.visit_count,
    )


def _kept(rows: Mapping[Any, Any], kind: type[Any]) -> dict[Any, Any]:
    kept = {key: msgspec.json.decode(msgspec.json.encode(row), type=kind) for key, row in rows.items()}
    assert kept == dict(rows), "the journal does not keep this whole"
    return kept
