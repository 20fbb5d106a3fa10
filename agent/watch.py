"""The parts' reports become facts: cards and the reader's health, bolts, contacts, lights."""

import logging
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from agent.clock import At, boottime
from agent.facts import (
    BoltMoved,
    CardRemoved,
    CardTapped,
    FaultCleared,
    FaultRaised,
    LockSettled,
    ReleaseSwitched,
    SeveralCardsSeen,
    VehicleMoved,
)
from agent.happenings import Happen
from hardware.contacts import Contacts, ContactWatch
from hardware.parts import Position, Reader, ReaderFailure, Sighting
from hardware.presence import Presence, Presented, Removed, Tapped

log = logging.getLogger(__name__)

READER_GRACE_S = 2.0
"""How long the chip is revived before the fault is raised; the contract allows 5 s."""
STEADY_S = 1.0
REVIVE_MAX_S = 8.0


class ReaderWatch:
    """Polls the reader, tells taps apart, and brings a failing chip back.

    The chip is well again once it has answered every poll for `STEADY_S`: one that fails now and then is failing.
    `polls`, `failures` and `revivals` (attempts to reset it) are counted since the start.
    """

    def __init__(
        self,
        reader: Reader,
        happen: Happen,
        moment: Callable[[float], At],
        *,
        poll_s: float,
        clock: Callable[[], float] = boottime,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """`moment` gives the moment of some CLOCK_BOOTTIME seconds."""
        self._reader = reader
        self._happen = happen
        self._moment = moment
        self._poll_s = poll_s
        self._clock = clock
        self._uniform = uniform
        self._presence = Presence()
        self._silent = False
        self._failing_since: float | None = None
        self._answering_since = 0.0
        self._attempts = 0
        self._well: bool | None = None
        self._failed_at = 0.0
        self._polling_since: float | None = None
        self._lock = threading.Lock()
        self.polls = 0
        self.failures = 0
        self.revivals = 0

    def step(self) -> float:
        """One poll, or one attempt to revive the chip; gives the seconds until the next."""
        began = self._clock()
        self.polls += 1
        try:
            sighting = self._poll(began)
        except ReaderFailure as failure:
            return self._failed(failure)
        now = self._clock()
        self._answered(now)
        for presented in self._presence.see(sighting, now):
            self._tell(presented)
        return max(0.0, began + self._poll_s - self._clock())

    @property
    def repairs(self) -> int:
        """How often the chip had lost its settings while it answered. Any thread."""
        return self._reader.repairs

    def health(self) -> dict[str, Any]:
        """Whether the chip answers (None: nobody knows yet), and what it says it is. Any thread."""
        return {"well": self._well, "version": self._reader.version()}

    def hangs(self) -> None:
        """A poll does not return: that is a failure too, until some do. Any thread."""
        with self._lock:
            if self._polling_since is None or self._well is False:
                return
            if self._failing_since is None:
                self._failing_since = self._polling_since
            self._silent = True
            self._give_up("a look at the field does not return")

    def failing_s(self) -> float:
        """For how many seconds the reader has been in `ReaderFailure`; 0 for one that is well. Any thread."""
        return self._clock() - self._failed_at if self._well is False else 0.0

    def _poll(self, began: float) -> Sighting:
        self._polling_since = began
        try:
            if self._silent:
                self.revivals += 1
                self._reader.revive()
            return self._reader.poll()
        finally:
            with self._lock:
                self._polling_since = None

    def _give_up(self, detail: str) -> None:
        self._well, self._failed_at = False, self._clock()
        self._happen(FaultRaised, code="ReaderFailure", title="Reader Failure", detail=detail)

    def _tell(self, presented: Presented) -> None:
        match presented:
            case Tapped(uid):
                self._happen(CardTapped, card=uid)
            case Removed(uid, last_seen):
                self._happen(CardRemoved, card=uid, at=self._moment(last_seen))
            case _:
                self._happen(SeveralCardsSeen)

    def _failed(self, failure: ReaderFailure) -> float:
        now = self._clock()
        self.failures += 1
        self._silent = True
        if self._failing_since is None:
            log.warning("the reader does not answer: %s", failure)
            self._failing_since = now
            self._attempts = 0
            return 0.0
        self._attempts += 1
        patience = self._failing_since + READER_GRACE_S - now
        if self._well is not False and patience <= 0:
            self._give_up(str(failure))
        wait = min(REVIVE_MAX_S, 0.25 * 2.0 ** min(self._attempts, 10)) * self._uniform(0.5, 1.0)
        return min(wait, patience) if patience > 0 else wait

    def _answered(self, now: float) -> None:
        if self._silent:
            self._silent = False
            self._answering_since = now
            self._presence.restart()
        if self._failing_since is not None and now - self._answering_since >= STEADY_S:
            log.info("the reader answers again")
            self._failing_since = None
        if self._failing_since is None and not self._well:
            self._well = True
            self._happen(FaultCleared, code="ReaderFailure")


class BoltWatch:
    """What the lock keeper reports. `moves` and `by_itself` count, by slot, since the start."""

    def __init__(self, happen: Happen) -> None:
        self._happen = happen
        self.moves: Counter[int] = Counter()
        self.by_itself: Counter[int] = Counter()

    def settled(self, slot: int, move: int, seen: Position | None) -> None:
        """A move is over; without a sensor it is believed."""
        locked = None if seen is None else seen is Position.LOCKED
        self.moves[slot] += 1
        self._happen(LockSettled, slot=slot, move=move, locked=locked)

    def moved(self, slot: int, seen: Position) -> None:
        """A bolt moved by itself."""
        self.by_itself[slot] += 1
        self._happen(BoltMoved, slot=slot, locked=seen is Position.LOCKED)


def contact_watch(contacts: Contacts, happen: Happen) -> ContactWatch:
    """Reports vehicles that come and go, and the release contact."""
    return ContactWatch(
        contacts,
        moved=lambda slot, there: happen(VehicleMoved, slot=slot, there=there),
        switched=lambda closed: happen(ReleaseSwitched, closed=closed),
    )


def lights_watch(happen: Happen) -> Callable[[str], None]:
    """Reports whether and why the lights fail; a warning, for broken lights never stop a session."""

    def failed(reason: str) -> None:
        if reason:
            detail = f"Sessions go on without lights: {reason}."
            happen(FaultRaised, code="LightsFailure", title="Lights Failure", detail=detail, warning=True)
        else:
            happen(FaultCleared, code="LightsFailure")

    return failed
