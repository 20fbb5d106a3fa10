"""systemd's watchdog (sd_notify(3), sd_watchdog_enabled(3)): fed while main takes what it is given."""

import logging
from collections.abc import Callable

from agent.notify import notify
from agent.watchdog.stacks import log_stacks

log = logging.getLogger(__name__)

FEEDS = 6
"""How often it is fed within systemd's patience."""
LAST_WORDS = 5 / 6
"""The share of systemd's patience after which a station that is not fed tells where its threads are."""


class Feeding:
    """Feeds a watchdog that bites after `patience_s` seconds without food.

    Main is poked each time, and what it does then is the proof for the next time: main, and the journal that it writes,
    are well as long as it takes its facts.
    """

    def __init__(self, patience_s: float, main: Callable[[], float], poke: Callable[[], None], now: float) -> None:
        """`main` says when main beat last (CLOCK_MONOTONIC seconds)."""
        self._patience_s = patience_s
        self._main = main
        self._poke = poke
        self._fed = now
        self._due = now
        self._mourned = False
        self._bitten = False
        poke()

    def step(self, now: float) -> None:
        """Feed it if it is time and main has beaten since; tell all stacks shortly before it bites."""
        if self._bitten or now < self._due:
            return
        if self._main() > self._fed:
            self._feed(now)
        elif not self._mourned and now - self._fed >= self._patience_s * LAST_WORDS:
            self._mourned = True
            log.critical("main, or the journal under it, has not moved for %.0f s", now - self._fed)
            log_stacks()

    def bite(self, reason: str) -> None:
        """Have the station ended without leave, and started again. What is not fed any more ends in any case."""
        if self._bitten:
            return
        self._bitten = True
        log.critical("%s: the station is ended without leave and started again", reason)
        log_stacks()
        notify("WATCHDOG=trigger")

    def _feed(self, now: float) -> None:
        if self._mourned:
            log.error("main goes on after %.0f s", now - self._fed)
        self._mourned = False
        self._fed = now
        self._due = now + self._patience_s / FEEDS
        notify("WATCHDOG=1")
        self._poke()
