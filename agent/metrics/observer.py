"""What can only be counted while it happens: what became of taps and sessions, and how long things took.

The road, the lights and the exchanges with the supplier tell it, each in a thread of its own; whoever exposes the
figures takes a copy.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agent.answers import Delivered, Outcome, Refused, Rejected
from agent.clock import At
from agent.effects import ActName, Effects
from agent.face import MAIN
from agent.facts import CardTapped, Fact
from agent.metrics.catalogue import (
    CALL_S,
    CALLS,
    DURATION,
    ENDED,
    FAULTS_RAISED,
    SETTLED,
    STARTED,
    TAPS,
    TO_LIGHT,
    TO_LOCK,
    TO_UNLOCK,
    Found,
    Labels,
    Metric,
)
from agent.metrics.faults import Codes, own_faults
from agent.metrics.outcomes import ENDED as ENDED_BY_TAP
from agent.metrics.outcomes import OUTCOMES, at_once, over, result, visit_of
from agent.metrics.spread import Measure
from agent.state import Payment, Phase, Progress, Session, Station
from hardware.looks import DARK, Colour, Look, Rhythm

LIGHT_S = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)
"""The contract allows 100 ms."""
BOLT_S = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0, 30.0)
CALL_BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
HOUR_S = 3600.0
SESSION_S = tuple(hours * HOUR_S for hours in (1 / 60, 1 / 12, 0.25, 0.5, 1, 2, 4, 8, 12, 24, 48, 168))
CALL_NAMES = ("ask", *ActName)
CALL_OUTCOMES = ("done", "refused", "no-slots", "rejected", "unanswered", "unusable", "unreachable")
ENDED_BY = ("card", "command", "station")


@dataclass(frozen=True, slots=True)
class _Lit:
    """The main light turned white for a tap of the moment `since`, and that was on the strip `at` (CLOCK_BOOTTIME)."""

    since: float
    at: float


class Observer:
    """Counts from the start of the process. `codes` are the inbox's fault codes that it tells apart."""

    def __init__(self, station: Station) -> None:
        self.codes = Codes()
        self._lock = threading.Lock()
        self._counts: dict[Metric, Counter[Labels]] = {
            TAPS: _zero(OUTCOMES),
            STARTED: _zero([()]),
            ENDED: _zero((by, payment) for by in ENDED_BY for payment in Payment),
            SETTLED: _zero([(Payment.PAID,), (Payment.REFUSED,)]),
            FAULTS_RAISED: _zero(own_faults(station.slots)),
            CALLS: _zero((call, outcome) for call in CALL_NAMES for outcome in CALL_OUTCOMES),
        }
        self._measures: dict[Metric, dict[Labels, Measure]] = {
            TO_LIGHT: {(): Measure(LIGHT_S)},
            TO_LOCK: {(): Measure(BOLT_S)},
            TO_UNLOCK: {(): Measure(BOLT_S)},
            DURATION: {(): Measure(SESSION_S)},
            CALL_S: {(call,): Measure(CALL_BOUNDS_S) for call in CALL_NAMES},
        }
        self._waiting = {number for number, visit in station.visits.items() if visit.driver}
        self._tapped: float | None = None
        self._lit: _Lit | None = None

    def found(self) -> Iterator[Found]:
        """Everything so far. Any thread."""
        with self._lock:
            counts = {metric: dict(values) for metric, values in self._counts.items()}
            spreads = {
                metric: {labels: measure.spread() for labels, measure in measures.items()}
                for metric, measures in self._measures.items()
            }
        yield from (Found(metric, values) for metric, values in counts.items())
        yield from (Found(metric, values) for metric, values in spreads.items())

    def took(self, fact: Fact, before: Station, after: Station, effects: Effects) -> None:
        """A fact went down the road."""
        with self._lock:
            self._taps(fact, before, after, effects)
            self._counts[FAULTS_RAISED].update(
                self.codes.labels(fault) for key, fault in after.faults.items() if key not in before.faults
            )
            for event in effects.events:
                self._told(event.name, event.data)
            self._sessions(fact.at, before, after)
            if isinstance(fact, CardTapped):
                self._tapped = fact.at.boottime
                self._light()

    def _taps(self, fact: Fact, before: Station, after: Station, effects: Effects) -> None:
        self._counts[TAPS].update(at_once(fact, after))
        for visit in over(before, after):
            if visit.number in self._waiting:
                outcome = result(visit, fact, after, effects)
                self._counts[TAPS][outcome] += 1
                if outcome == ENDED_BY_TAP:
                    self._measure(TO_UNLOCK, since(fact.at, visit.tapped))
        self._waiting.intersection_update(after.visits)
        begun = visit_of(fact, after)
        if begun is not None:
            self._waiting.add(begun)

    def _told(self, name: str, data: Mapping[str, Any]) -> None:
        match name:
            case "session-started":
                self._counts[STARTED][()] += 1
            case "session-ended":
                self._counts[ENDED][str(data["endedBy"]), str(data["payment"])] += 1
            case "session-settled":
                self._counts[SETTLED][(str(data["payment"]),)] += 1
            case _:
                return

    def _sessions(self, now: At, before: Station, after: Station) -> None:
        """A workflow elsewhere tells its sessions itself, so they are counted as the bolt moves."""
        for number, slot in before.slots.items():
            session = after.sessions.get(after.slots[number].session)
            if session and slot.phase is Phase.STARTING and after.slots[number].phase is Phase.CHARGING:
                self._counts[STARTED][()] += session.remote
                self._measure(TO_LOCK, since(now, session.tapped))
            gone = before.sessions.get(slot.session)
            if gone and not after.slots[number].session and is_stay(gone):
                silent = gone.remote and gone.payment is Payment.NONE
                self._counts[ENDED]["command", str(Payment.NONE)] += silent
                self._measure(DURATION, since(now, gone.tapped))

    def _measure(self, metric: Metric, seconds: float) -> None:
        self._measures[metric][()].add(seconds)

    def shown(self, looks: Mapping[str, Look], at: float) -> None:
        """These looks are on the strip since `at` (CLOCK_BOOTTIME seconds)."""
        main = looks.get(MAIN, DARK)
        if (main.colours, main.rhythm) != ((Colour.WHITE,), Rhythm.STEADY):
            return
        with self._lock:
            if self._lit is None or self._lit.since != main.since:
                self._lit = _Lit(main.since, at)
                self._light()

    def _light(self) -> None:
        """The strip may be faster than the road, or the road faster than the strip: whoever is second finds both."""
        if self._lit and self._lit.since == self._tapped:
            self._measure(TO_LIGHT, max(0.0, self._lit.at - self._lit.since))
            self._tapped = None

    def called(self, call: str, outcome: Outcome, seconds: float) -> None:
        """The supplier was called: `ask`, or an act's name."""
        with self._lock:
            self._counts[CALLS][call, outcome_of(outcome)] += 1
            self._measures[CALL_S][(call,)].add(seconds)


def _zero(labels: Iterable[Labels]) -> Counter[Labels]:
    """What may be counted is there from the start: an increase from nothing is none to Prometheus."""
    return Counter(dict.fromkeys(labels, 0))


def since(now: At, earlier: At) -> float:
    """Seconds between two moments, over a restart of the machine by the wall clock; a clock set back counts as none."""
    seconds = now.boottime - earlier.boottime if now.boot == earlier.boot else now.wall - earlier.wall
    return max(0.0, seconds)


def is_stay(session: Session) -> bool:
    """Whether a vehicle was locked in for it here, and the supplier did not turn it down."""
    return session.locked and session.start is not Progress.REFUSED


def outcome_of(outcome: Outcome) -> str:
    """What came of a call, in a word of `CALL_OUTCOMES`."""
    match outcome:
        case Delivered():
            return "done"
        case Refused(problem=problem):
            return "no-slots" if problem.says_no_slots else "refused"
        case Rejected():
            return "rejected"
        case _ if outcome.malformed:
            return "unusable"
        case _:
            return "unanswered" if outcome.connected else "unreachable"
