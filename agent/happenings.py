"""The one door through which everything that happens reaches main."""

import queue
import uuid
from typing import Any, Protocol

from agent.clock import Clock
from agent.facts import Fact


class Happen(Protocol):
    """Say that something happened, now, from any thread."""

    def __call__(self, kind: type[Fact], **values: Any) -> None: ...


class Facts:
    """A queue of facts; `queue.SimpleQueue` may be filled from a signal handler too (bpo-14976)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queue: queue.SimpleQueue[Fact | None] = queue.SimpleQueue()
        self._poked = False

    def happen(self, kind: type[Fact], **values: Any) -> None:
        """Stamp a fact with this moment and an id of its own, unless it brings them, and let main have it."""
        self._queue.put(self.make(kind, **values))

    def make(self, kind: type[Fact], **values: Any) -> Fact:
        """A fact of this moment, with an id of its own unless it brings one."""
        return kind(**{"at": self._clock.now(), "id": str(uuid.uuid4()), **values})

    def poke(self) -> None:
        """Wake main without a fact: something it watches has changed. It is woken once, however often that is said."""
        if not self._poked:
            self._poked = True
            self._queue.put(None)

    def take(self, timeout_s: float | None) -> Fact | None:
        """The next fact; None when woken without one or after `timeout_s` seconds."""
        try:
            fact = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if fact is None:
            self._poked = False  # before main looks: what changes from now on wakes it again
        return fact
