"""Looks after all threads: what hangs is told, replaced if it can be, and else the station is started again.

`docs/watchdog.md` says which thread may take how long.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from agent.heartbeats import Hearts
from agent.threads import Turn, Worker
from agent.watchdog.bites import Bites
from agent.watchdog.feeding import Feeding
from agent.watchdog.hangs import Hangs
from agent.watchdog.stacks import where

log = logging.getLogger(__name__)

MAIN = threading.main_thread().name
LOOK_S = 2.0
"""Seconds between two looks: a poll that hangs is to be a `ReaderFailure` within 5 s."""
POLL_S = 2.0
READER_S = 60.0
LOCKS_S = 10.0
"""How long the locks may hang: until then their pulses do not end."""
OTHERS_S = 60.0
"""How long any other thread may hang before that is told; the look-up of the broker's name is the slowest."""
REPLACED_AT_MOST = 3


class Reader(Protocol):
    """What is asked of the reader's watch; any thread."""

    def hangs(self) -> None:
        """A poll does not return: the reader fails."""
        ...

    def failing_s(self) -> float:
        """For how many seconds the reader has been in `ReaderFailure`."""
        ...


@dataclass(frozen=True, slots=True)
class Replaceable:
    """A thread that a fresh one may replace once it hangs for `limit_s`.

    `give_up` is called first: it ends what the old one is doing for everybody else.
    """

    worker: Worker
    limit_s: float
    give_up: Callable[[Turn], None]


class Watchdog:
    """One thread calls `step`. `feeding` is None where no systemd waits for signs of life."""

    def __init__(
        self,
        hearts: Hearts,
        reader: Reader,
        replaceable: Iterable[Replaceable],
        bites: Bites,
        feeding: Feeding | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hangs = Hangs(hearts, 2 * LOOK_S)
        self._reader = reader
        self._replaceable = {each.worker.name: each for each in replaceable}
        self._replaced = dict.fromkeys(self._replaceable, 0)
        self._bites = bites
        self._feeding = feeding
        self._clock = clock
        self._told: set[str] = set()

    def step(self) -> float:
        """Look at every thread once; gives the seconds until the next look."""
        now = self._clock()
        hung = self._hangs.look(now)
        if hung.get("reader", 0.0) >= POLL_S:
            self._reader.hangs()
        # A main that hangs may hold what others wait for.
        judged = [MAIN] if hung.get(MAIN) else hung
        for name in judged:
            self._judge(name, hung)
        if self._feeding is not None:
            self._end_or_feed(self._feeding, hung, now)
        return LOOK_S

    def _judge(self, name: str, hung: dict[str, float]) -> None:
        seconds = hung[name]
        found = self._replaceable.get(name)
        if seconds < (found.limit_s if found else OTHERS_S):
            if not seconds:
                self._told.discard(name)
            return
        if found and self._replaced[name] < REPLACED_AT_MOST:
            self._replace(found, seconds)
            hung[name] = 0.0
        elif name not in self._told:
            self._told.add(name)
            log.error("%s has hung for %.0f s", name, seconds)

    def _replace(self, found: Replaceable, seconds: float) -> None:
        name = found.worker.name
        self._replaced[name] += 1
        log.error(
            "%s has hung for %.0f s at %s: abandoned, a fresh thread takes its place (%d of %d)",
            name,
            seconds,
            where(found.worker.ident),
            self._replaced[name],
            REPLACED_AT_MOST,
        )
        found.give_up(found.worker.turn)
        found.worker.replace()

    def _end_or_feed(self, feeding: Feeding, hung: dict[str, float], now: float) -> None:
        if hung.get("locks", 0.0) >= LOCKS_S:
            feeding.bite(f"the locks have hung for {hung['locks']:.0f} s")
        unmended = self._what_a_restart_may_mend(hung)
        if unmended and self._bites.take():
            feeding.bite(unmended)
        feeding.step(now)

    def _what_a_restart_may_mend(self, hung: dict[str, float]) -> str:
        failing_s = self._reader.failing_s()
        if failing_s >= READER_S:
            return f"the reader has failed for {failing_s:.0f} s"
        for name, found in self._replaceable.items():
            if self._replaced[name] == REPLACED_AT_MOST and hung.get(name, 0.0) >= found.limit_s:
                return f"{name} hangs again, after {REPLACED_AT_MOST} fresh threads"
        return ""
