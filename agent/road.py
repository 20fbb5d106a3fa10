"""The road of every fact: decide, journal, draw, deliver. Runs in the thread `main`; never waits for the network."""

import dataclasses
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from agent.broker.mailbox import MESSAGES_MAX, Mailbox
from agent.clock import DAY_S, At, Clock
from agent.effects import Answer, Effects, Message
from agent.events import Events
from agent.face import MAIN, Face, face
from agent.facts import (
    AcquireAnswered,
    CallSettled,
    CardTapped,
    DeadlinePassed,
    EventReceived,
    Fact,
    FaultCleared,
    FaultRaised,
    JournalLost,
    OutboxFilled,
    Restarted,
)
from agent.happenings import Facts
from agent.journal import FLUSH_S, Journal, Kept, NotWritten, Writing
from agent.lookups import Lookups
from agent.outbox import ACTS_MAX, Outbox, Plan
from agent.state import Station
from agent.story import told
from agent.workflow import Rules, decide, next_deadline
from hardware.looks import Look
from hardware.parts import Position

log = logging.getLogger(__name__)

SOON_S = 0.5
"""How long a confirmed lock may wait for the commit of its delivered start, before it is written down by itself."""
ROOM_AGAIN = 0.9
"""The share of the bound at which starts are taken again."""
SHOWN_WITHIN_S = 0.05
"""How long a tap waits for its light before the supplier is asked; lights that fail hold up nothing longer."""
STORAGE = "StorageFailure"
STORAGE_DETAIL = "The journal cannot be written; nothing starts, vehicles are let go. Free space or change the card."


class LightsFront(Protocol):
    """Shows looks by light name."""

    def show(self, looks: Mapping[str, Look]) -> None: ...
    def wait_shown(self, timeout: float) -> bool: ...


class Bolts(Protocol):
    """Brings bolts where they belong; the same order again changes nothing."""

    def order(self, slot: int, position: Position, move: int) -> None: ...


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
        bounds: tuple[int, int] = (ACTS_MAX, MESSAGES_MAX),
    ) -> None:
        """`bounds`: how many acts and messages may be owed before nothing starts any more."""
        self.station = station
        self._rules = rules
        self._journal = journal
        self._outbox = outbox
        self._mailbox = mailbox
        self._events = events
        self._lights = lights
        self._bolts = bolts
        self._clock = clock
        self._facts = facts
        self._kept = kept
        self._kept_for = kept_for
        self._prune_at = clock.now().boottime + DAY_S
        self._mail_ready = mail_ready
        self._answered = answered
        self._bounds = bounds
        self._look_up = Lookups(journal, rules, kept_for, clock_set).about
        self._clock_set = clock_set
        self._flush_by: float | None = None
        self._last_complaint = ""
        self._storage_broken = f"{STORAGE}/0" in station.faults
        self._delivered: list[int] = []
        self._taken: list[str] = []
        self._shown: Face = self.face()

    def face(self) -> Face:
        """What the station shows now."""
        now = self._clock.now()
        return face(self.station, now.boottime, now.boot)

    def take(self, fact: Fact) -> None:
        """Decide, journal, draw, deliver."""
        if isinstance(fact, EventReceived) and self._journal.was_taken(fact.source, fact.event_id):
            self._note_taken(fact)
            return
        fact = self._look_up(fact)
        if isinstance(fact, AcquireAnswered | CallSettled):
            fact = dataclasses.replace(fact, act=self._outbox.current(fact.act))
        before = self.station
        after, effects = decide(before, fact, self._rules)
        if isinstance(fact, CardTapped):
            self._wink(after)
        if not self._keep(fact, after, effects):
            self._storage_failed()
            self.take(fact)
            return
        self._note_taken(fact)
        for line in told(fact, before, after, effects):
            log.info("%s", line)
        self.draw()
        for answer in effects.answers:
            self._answered(answer)
        self._watch_bound()
        if effects.events or effects.problems or effects.messages:
            self._mail_ready()

    def _wink(self, after: Station) -> None:
        """A card was read: the main light says so before anything else happens, whatever the disk and network do."""
        now = self._clock.now()
        lights = face(after, now.boottime, now.boot).lights
        self._lights.show({**self._shown.lights, MAIN: lights[MAIN]})
        self._lights.wait_shown(SHOWN_WITHIN_S)

    def _keep(self, fact: Fact, after: Station, effects: Effects) -> bool:
        """One commit for the fact, the state and what is owed. False: not written, and nothing has changed."""
        with self._outbox.held():
            plan = self._outbox.plan(effects, lambda: self._journal.new_id("owed"), fact.at.wall)
            self._collect_marks()
            mark = self._journal.mark()
            self._journal.stage(self._writing(fact, after, effects, plan))
            if effects.durable and not self._commit() and not self._storage_broken:
                self._journal.unstage(mark)
                return False
            self._note_staged(SOON_S if effects.soon else FLUSH_S)
            self.station = after
            self._outbox.adopt(plan)
            return True

    def _storage_failed(self) -> None:
        """Nothing starts on a broken disk; known to be broken, it keeps no vehicle in."""
        if not self._storage_broken:
            self._storage_broken = True
            self.take(self._facts.make(FaultRaised, code=STORAGE, title="Storage Failure", detail=STORAGE_DETAIL))

    def _note_taken(self, fact: Fact) -> None:
        """What the inbox brought is acknowledged once it is in the journal, however long the disk is broken."""
        if isinstance(fact, EventReceived):
            self._taken.append(fact.id)
        self._acknowledge()

    def _acknowledge(self) -> None:
        if not self._journal.staged:
            taken, self._taken = self._taken, []
            for fact_id in taken:
                self._kept(fact_id)

    def _writing(self, fact: Fact, after: Station, effects: Effects, plan: Plan) -> Writing:
        messages = [self._message(effects, fact, number) for number in range(len(effects.events))]
        messages += [self._events.problem_message(problem) for problem in effects.problems]
        messages += effects.messages
        return Writing(
            fact=fact,
            before=Station(slots={}) if isinstance(fact, JournalLost) else self.station,
            after=after,
            owed=plan.rows,
            gone=plan.gone,
            dropped=effects.dropped,
            aside=plan.aside,
            rewritten=plan.rewritten,
            known=effects.known if self._rules.offline_start == "known-cards" else (),
            refused=effects.refused,
            messages=tuple((self._journal.new_id("messages"), message) for message in messages),
            taken=(fact.source, fact.event_id) if isinstance(fact, EventReceived) else None,
        )

    def _message(self, effects: Effects, fact: Fact, number: int) -> Message:
        event = effects.events[number]
        return self._events.message(
            event.name,
            event.data,
            event_id=event.id,
            wall=fact.at.wall,
            slot=event.slot or None,
            clock_synced=self._clock_set(fact.at.wall),
        )

    def _note_staged(self, within_s: float) -> None:
        if not self._journal.staged:
            self._flush_by = None
            return
        by = self._clock.now().boottime + within_s
        self._flush_by = by if self._flush_by is None else min(by, self._flush_by)

    def flush(self) -> bool:
        """Commit what is staged and the marks of what was delivered. False: it stays staged."""
        self._collect_marks()
        return self._commit()

    def _collect_marks(self) -> None:
        delivered, aside = self._mailbox.marks()
        self._journal.forget("owed", self._outbox.marks())
        self._journal.forget("messages", delivered)
        for row_id, reason in aside:
            self._journal.set_aside("messages", row_id, reason)
        self._delivered += [*delivered, *(row_id for row_id, _ in aside)]

    def _commit(self) -> bool:
        try:
            self._journal.commit()
        except NotWritten as error:
            self._complain(str(error))
            self._flush_by = self._clock.now().boottime + FLUSH_S
            return False
        self._flush_by = None
        self._last_complaint = ""
        self._mailbox.committed(self._delivered)
        self._delivered = []
        self._acknowledge()
        if self._storage_broken:
            self._storage_broken = False
            self._facts.happen(FaultCleared, code=STORAGE)
        return True

    def _complain(self, sentence: str) -> None:
        """Log the same complaint once, not at every attempt."""
        if sentence != self._last_complaint:
            log.error("%s", sentence)
        self._last_complaint = sentence

    def draw(self) -> None:
        """Lights and bolts follow the state."""
        self._shown = self.face()
        self._lights.show(self._shown.lights)
        for slot, bolt in self._shown.bolts.items():
            if bolt.wanted is not None:
                self._bolts.order(slot, bolt.wanted, bolt.move)

    def _watch_bound(self) -> None:
        """Nothing starts at the bound; a little below it starts are taken again."""
        acts, messages = self._outbox.owed()[0], self._journal.tally.messages
        share = max(acts / self._bounds[0], messages / self._bounds[1])
        full = share > ROOM_AGAIN if self.station.full else share >= 1.0
        if full != self.station.full:
            log.warning("so much is owed that nothing starts" if full else "there is room for what is owed again")
            self.take(self._facts.make(OutboxFilled, full=full))

    def restart(self, seen: Mapping[int, bool]) -> None:
        """Go on where the journal stands; `seen`: which slots their sensors show locked (True) or unlocked now."""
        if self._journal.away:
            self._complain(self._journal.away)
            self._storage_failed()
        if self._journal.lost:
            self.take(self._facts.make(JournalLost, detail=self._journal.lost, seen=seen))
        self.take(self._facts.make(Restarted, seen=seen))
        self._prune(self._clock.now())

    def tick(self) -> None:
        """Do what is due by now."""
        now = self._clock.now()
        due = next_deadline(self.station, now.boot)
        if due is not None and due <= now.boottime:
            self.take(self._facts.make(DeadlinePassed))
        if self._shown.until is not None and self._shown.until <= now.boottime:
            self.draw()
        if self._prune_at <= now.boottime:
            self._prune(now)
        self._watch_bound()
        flush_at = self._flush_at()
        if flush_at is not None and flush_at <= now.boottime and not self.flush():
            self._storage_failed()

    def _prune(self, now: At) -> None:
        """Once a day, unless the clock cannot say what is old."""
        self._prune_at = now.boottime + DAY_S
        if self._clock_set(now.wall):
            self._journal.prune(now.wall, self._kept_for)
            self._note_staged(FLUSH_S)

    def _flush_at(self) -> float | None:
        marked = self._outbox.marked
        by = [self._flush_by, None if marked is None else marked + FLUSH_S]
        moments = [moment for moment in by if moment is not None]
        if self._mailbox.marked and not moments:
            self._flush_by = self._clock.now().boottime + FLUSH_S
            moments = [self._flush_by]
        return min(moments, default=None)

    def wait_s(self) -> float:
        """Seconds until `tick` has something to do."""
        now = self._clock.now()
        moments = [next_deadline(self.station, now.boot), self._shown.until, self._flush_at(), self._prune_at]
        waits = [moment - now.boottime for moment in moments if moment is not None]
        return max(0.0, min(waits))
