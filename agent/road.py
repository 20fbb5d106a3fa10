"""The road of every fact: decide, journal, draw, deliver. Runs in the thread `main`; never waits for the network."""

import dataclasses
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from agent.broker.mailbox import MESSAGES_MAX, Mailbox
from agent.chronicle import chronicle
from agent.clock import Clock
from agent.effects import ActName, Answer, Effects
from agent.events import Events
from agent.face import MAIN, Face, face
from agent.facts import (
    AcquireAnswered,
    CallSettled,
    CardTapped,
    DeadlinePassed,
    EventReceived,
    Fact,
    FaultRaised,
    JournalLost,
    OutboxFilled,
    Restarted,
)
from agent.happenings import Facts
from agent.journal import Journal, Kept
from agent.keeping import STORAGE, Keeping
from agent.lookups import Lookups
from agent.outbox import ACTS_MAX, Outbox
from agent.state import Station
from agent.workflow import Rules, decide, next_deadline
from hardware.looks import Look
from hardware.parts import Position

log = logging.getLogger(__name__)

ROOM_AGAIN = 0.9
"""The share of the bound at which starts are taken again."""
SHOWN_WITHIN_S = 0.05
"""How long a tap waits for its light before the supplier is asked; lights that fail hold up nothing longer."""
MOVES_S, LEAVES_S = 0.0001, 0.001
"""How long main stands aside for a bolt to be driven and for a call to leave: the interpreter runs one thread at a
time, and a driver waits for these, but for nothing that is only told."""
STORAGE_DETAIL = "The journal cannot be written; nothing starts, vehicles are let go. Free space or change the card."

_AWAITED = frozenset({ActName.ACQUIRE, ActName.END, ActName.PAY})
"""Acts that a driver waits for."""

Watcher = Callable[[Fact, Station, Station, Effects], None]
"""Looks on: told a fact, the station before and after it, and what it asked for. Called in main: it must not wait."""


class LightsFront(Protocol):
    """Shows looks by light name."""

    def show(self, looks: Mapping[str, Look]) -> None: ...
    def wait_shown(self, timeout: float) -> bool: ...


class Bolts(Protocol):
    """Brings bolts where they belong and lets power on; the same said again changes nothing."""

    def order(self, slot: int, position: Position, move: int) -> None: ...
    def permit(self, slot: int, granted: bool) -> None: ...


class Road:
    """Owns the state. `take` carries one fact down the road, `tick` does what time alone makes due."""

    def __init__(
        self,
        *,
        rules: Rules,
        journal: Journal,
        outbox: Outbox,
        mailbox: Mailbox,
        events: Events,
        lights: LightsFront,
        bolts: Bolts,
        clock: Clock,
        facts: Facts,
        station: Station,
        kept: Callable[[str], None],
        kept_for: Kept,
        mail_ready: Callable[[], None],
        answered: Callable[[Answer], None],
        clock_set: Callable[[float], bool],
        diagnose: Callable[[], Mapping[str, Any]],
        restart: Callable[[], None],
        give_way: Callable[[float], None] = lambda _: None,
        bounds: tuple[int, int] = (ACTS_MAX, MESSAGES_MAX),
    ) -> None:
        """`bounds`: how many acts and messages may be owed before nothing starts any more.

        `diagnose` tells how the station is; `restart` has the agent end after this fact. `give_way` waits some seconds.
        """
        self.station = station
        self._rules = rules
        self._journal = journal
        self._outbox = outbox
        self._lights = lights
        self._bolts = bolts
        self._clock = clock
        self._facts = facts
        self._mail_ready = mail_ready
        self._answered = answered
        self._bounds = bounds
        self._restart = restart
        self._give_way = give_way
        self._bolts_rest = False
        self._watchers: list[Watcher] = []
        self._warned: list[Callable[[], None]] = []
        self._look_up = Lookups(journal, rules, kept_for, clock_set, diagnose).about
        self._keeping = Keeping(
            journal=journal,
            outbox=outbox,
            mailbox=mailbox,
            events=events,
            clock=clock,
            happen=facts.happen,
            acknowledge=kept,
            kept_for=kept_for,
            learns=rules.offline_start == "known-cards",
            clock_set=clock_set,
            broken=f"{STORAGE}/0" in station.faults,
        )
        self._shown: Face = self.face()
        self._lit: Mapping[str, Look] = {}

    def face(self) -> Face:
        """What the station shows now."""
        now = self._clock.now()
        return face(self.station, now.boottime, now.boot)

    def watch(self, watcher: Watcher, deciding: Callable[[], None] | None = None) -> None:
        """Let `watcher` see every fact from now on, in order, once it is kept and drawn.

        `deciding` is called before each: what other threads do from then on may come of it.
        """
        self._watchers.append(watcher)
        if deciding is not None:
            self._warned.append(deciding)

    def take(self, fact: Fact) -> None:
        """Decide, journal, draw, deliver."""
        if isinstance(fact, EventReceived) and self._journal.was_taken(fact.source, fact.event_id):
            self._keeping.note_taken(fact)
            return
        fact = self._look_up(fact)
        if isinstance(fact, AcquireAnswered | CallSettled):
            fact = dataclasses.replace(fact, act=self._outbox.current(fact.act))
        for warn in self._warned:
            warn()
        before = self.station
        after, effects = decide(before, fact, self._rules)
        if isinstance(fact, CardTapped):
            self._wink(after)
        if not self._keeping.keep(fact, before, after, effects, lambda: self._adopt(after)):
            self._storage_failed()
            self.take(fact)
            return
        self._keeping.note_taken(fact)
        if effects.asks or not _AWAITED.isdisjoint(act.name for act in effects.owed):
            self._give_way(LEAVES_S)
        chronicle(fact, before, after, effects)
        for answer in effects.answers:
            self._answered(answer)
        self._tell_watchers(fact, before, after, effects)
        self._watch_bound()
        if effects.is_told:
            self._mail_ready()
        if effects.restart:
            self._restart()

    def _adopt(self, after: Station) -> None:
        """The station is like this from now on, and shows it."""
        self.station, before = after, _moves(self._shown)
        self.draw()
        if _moves(self._shown) != before:
            self._give_way(MOVES_S)

    def _tell_watchers(self, fact: Fact, before: Station, after: Station, effects: Effects) -> None:
        for watcher in self._watchers:
            try:
                watcher(fact, before, after, effects)
            except Exception:  # the station does not stop for somebody who only looks on
                log.exception("whoever looks on could not take in %s", type(fact).__name__)

    def _wink(self, after: Station) -> None:
        """A card was read: the main light says so before anything else happens, whatever the disk and network do."""
        now = self._clock.now()
        lights = face(after, now.boottime, now.boot).lights
        self._light({**self._shown.lights, MAIN: lights[MAIN]})
        self._lights.wait_shown(SHOWN_WITHIN_S)

    def _light(self, looks: Mapping[str, Look]) -> None:
        self._lit = looks
        self._lights.show(looks)

    def _storage_failed(self) -> None:
        """Nothing starts on a broken disk; known to be broken, it keeps no vehicle in."""
        if not self._keeping.broken:
            self._keeping.broken = True
            self.take(self._facts.make(FaultRaised, code=STORAGE, title="Storage Failure", detail=STORAGE_DETAIL))

    def flush(self) -> bool:
        """Commit what is staged and the marks of what was delivered. False: it stays staged."""
        return self._keeping.flush()

    def draw(self) -> None:
        """Lights and bolts follow the state."""
        self._shown = self.face()
        if self._shown.lights != self._lit:
            self._light(self._shown.lights)
        if self._bolts_rest:
            return
        for slot, bolt in self._shown.bolts.items():
            if bolt.wanted is not None:
                self._bolts.order(slot, bolt.wanted, bolt.move)
            self._bolts.permit(slot, bolt.permit)

    def _watch_bound(self) -> None:
        """Nothing starts at the bound; a little below it starts are taken again."""
        acts, messages = self._outbox.owed()[0], self._journal.tally.messages
        share = max(acts / self._bounds[0], messages / self._bounds[1])
        full = share > ROOM_AGAIN if self.station.full else share >= 1.0
        if full != self.station.full:
            log.warning("so much is owed that nothing starts" if full else "there is room for what is owed again")
            self.take(self._facts.make(OutboxFilled, full=full))

    def restart(self, seen: Mapping[int, bool], vehicles: Mapping[int, bool], *, letting_go: bool) -> None:
        """Go on where the journal stands, with what sensors and contacts show now, as in `Restarted`."""
        self._bolts_rest = True  # an end that was under way must not lock again before Restarted has looked
        if self._journal.away:
            self._keeping.complain(self._journal.away)
            self._storage_failed()
        if self._journal.lost:
            self.take(self._facts.make(JournalLost, detail=self._journal.lost, seen=seen))
        self._bolts_rest = False
        self.take(self._facts.make(Restarted, seen=seen, vehicles=vehicles, letting_go=letting_go))
        self._keeping.prune(self._clock.now())

    def tick(self) -> None:
        """Do what is due by now."""
        now = self._clock.now()
        due = next_deadline(self.station, now.boot)
        if due is not None and due <= now.boottime:
            self.take(self._facts.make(DeadlinePassed))
        if self._shown.until is not None and self._shown.until <= now.boottime:
            self.draw()
        if self._keeping.prune_at <= now.boottime:
            self._keeping.prune(now)
        self._watch_bound()
        flush_at = self._keeping.flush_at()
        if flush_at is not None and flush_at <= now.boottime and not self.flush():
            self._storage_failed()

    def wait_s(self) -> float:
        """Seconds until `tick` has something to do."""
        now = self._clock.now()
        moments = [next_deadline(self.station, now.boot), self._shown.until]
        moments += [self._keeping.flush_at(), self._keeping.prune_at]
        waits = [moment - now.boottime for moment in moments if moment is not None]
        return max(0.0, min(waits))


def _moves(shown: Face) -> list[int]:
    return [bolt.move for bolt in shown.bolts.values()]
