"""One exchange with the supplier after the other: none raises, and whoever watches is told how each went."""

import logging
from collections.abc import Callable
from typing import Protocol

from agent.answers import Outcome, Undelivered
from agent.effects import Act

log = logging.getLogger(__name__)

Watcher = Callable[[str, Outcome, float], None]
"""Told what the supplier was called for (`ask`, or an act's name), what came of it and how many seconds it took.

Called in a thread of the pool: it must not wait.
"""


class Supplier(Protocol):
    """The exchanges with the supplier; each blocks until it has its outcome and never raises."""

    def ask(self, card: str) -> Outcome: ...
    def deliver(self, act: Act, *, repeated: bool) -> Outcome: ...
    def probe(self) -> None: ...


class Exchanges:
    """Any thread of the pool carries them out."""

    def __init__(self, supplier: Supplier, clock: Callable[[], float]) -> None:
        self._supplier = supplier
        self._clock = clock
        self._watchers: list[Watcher] = []

    def watch(self, watcher: Watcher) -> None:
        """Let `watcher` know of every exchange. Before the first one."""
        self._watchers.append(watcher)

    def ask(self, card: str) -> Outcome:
        """Which session of `card` is active?"""
        return self._timed("ask", lambda: self._supplier.ask(card))

    def deliver(self, act: Act, *, repeated: bool) -> Outcome:
        """Do `act` at the supplier, or repeat it."""
        return self._timed(act.name, lambda: self._supplier.deliver(act, repeated=repeated))

    def probe(self) -> None:
        """Find out whether the supplier can be reached; no exchange takes place."""
        self._supplier.probe()

    def _timed(self, name: str, exchange: Callable[[], Outcome]) -> Outcome:
        began = self._clock()
        outcome = guarded(exchange)
        for watcher in self._watchers:
            watcher(name, outcome, self._clock() - began)
        return outcome


def guarded(exchange: Callable[[], Outcome]) -> Outcome:
    """A supplier's error of its own must not end the thread, nor leave the act in flight for ever."""
    try:
        return exchange()
    except Exception as error:
        log.exception("the exchange with the supplier broke off; it is repeated")
        return Undelivered(reason=f"an error of the station's own: {error}")
