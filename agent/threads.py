"""The shape of every thread: a name, a heartbeat, one small step, and a prompt end.

`docs/threads.md` lists them all.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol, Self

from agent.heartbeats import Heart, Hearts

log = logging.getLogger(__name__)

AFTER_ERROR_S = 1.0
JOIN_S = 2.0
"""How long all threads together may take to end, once they were told."""


class Turn:
    """One thread's time at its work; `over` once a fresh thread has been put in its place."""

    def __init__(self, heart: Heart) -> None:
        self.heart = heart
        self.over = False


class Worker:
    """Work that one thread at a time does; one that hangs can be abandoned, and a fresh one takes its place.

    Python cannot end a thread: `run` must look at its turn whenever it comes back from where it may have hung, and end
    without having done anything once that is over.
    """

    def __init__(self, name: str, run: Callable[[Turn], None], hearts: Hearts) -> None:
        self.name = name
        self._run = run
        self._hearts = hearts
        self._begin()

    def _begin(self) -> None:
        self.turn = Turn(self._hearts.heart(self.name))
        self._thread = threading.Thread(target=self._run, args=[self.turn], name=self.name, daemon=True)

    @property
    def ident(self) -> int | None:
        """Its thread's, as `sys._current_frames` names it."""
        return self._thread.ident

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def replace(self) -> None:
        """Leave the thread to itself and put a fresh one in its place."""
        self.turn.over = True
        self._thread.name = f"{self.name} (abandoned)"
        self._begin()
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for its end; whether that came."""
        self._thread.join(max(0.0, timeout_s))
        return not self._thread.is_alive()


class Part(Protocol):
    """One or several threads that start, and end when they are told."""

    @property
    def name(self) -> str:
        """Its threads' name, as the log prints it."""
        ...

    def start(self) -> None:
        """Begin; returns at once."""
        ...

    def tell_to_end(self) -> None:
        """End after the step under way; returns at once."""
        ...

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of its threads; whether all came."""
        ...


class Loop:
    """Calls `step` again and again; it gives the seconds until it wants to be called next (infinite: when woken)."""

    def __init__(
        self,
        name: str,
        step: Callable[[], float],
        hearts: Hearts,
        wake: threading.Event | None = None,
        last: Callable[[], None] = lambda: None,
    ) -> None:
        """`wake`: an event of the part's own that makes it step now. `last` is what the thread does at its end."""
        self.name = name
        self._step = step
        self._wake = wake or threading.Event()
        self._last = last
        self._stopping = False
        self.worker = Worker(name, self._run, hearts)

    def start(self) -> None:
        """Begin to step."""
        self.worker.start()

    def wake(self) -> None:
        """Step now."""
        self._wake.set()

    def tell_to_end(self) -> None:
        """End after the step under way."""
        self._stopping = True
        self._wake.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for its end; whether that came."""
        return self.worker.join(timeout_s)

    def _run(self, turn: Turn) -> None:
        while self._goes_on(turn):
            turn.heart.work()
            wait_s = self._once()
            turn.heart.rest()
            if self._goes_on(turn):
                self._wake.wait(min(wait_s, threading.TIMEOUT_MAX))
                self._wake.clear()
        if not turn.over:
            self._last()

    def _goes_on(self, turn: Turn) -> bool:
        return not self._stopping and not turn.over

    def _once(self) -> float:
        try:
            return self._step()
        except Exception:
            log.exception("%s failed; it goes on in %g s", self.name, AFTER_ERROR_S)
            return AFTER_ERROR_S


class Pool:
    """`size` threads named `{name}-1..n`; `run` is the life of each, `stop` ends them all."""

    def __init__(
        self, name: str, size: int, run: Callable[[Turn], None], stop: Callable[[], None], hearts: Hearts
    ) -> None:
        self.name = name
        self._stop = stop
        self.workers = [Worker(f"{name}-{number}", run, hearts) for number in range(1, size + 1)]

    def start(self) -> None:
        """Begin."""
        for worker in self.workers:
            worker.start()

    def tell_to_end(self) -> None:
        """End after what is under way."""
        self._stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of all; whether that came."""
        until = time.monotonic() + timeout_s
        return all(worker.join(until - time.monotonic()) for worker in self.workers)


def within(seconds: float, name: str, call: Callable[[], None]) -> None:
    """Carry this out in a thread of its own, and go on without it after so many seconds."""

    def run() -> None:
        try:
            call()
        except Exception:
            log.exception("%s could not be closed", name)

    thread = threading.Thread(target=run, name=f"{name} (closing)", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        log.error("%s could not be closed within %g s: left to end with the process", name, seconds)


class Crew:
    """All parts with threads: they start one by one, and end together when the `with` block does."""

    def __init__(self) -> None:
        self._parts: list[Part] = []

    def start(self, part: Part) -> None:
        """Begin with this part too."""
        self._parts.append(part)
        part.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        """Tell all to end, and wait `JOIN_S` seconds for them together: one that hangs keeps no other."""
        parts = list(reversed(self._parts))
        for part in parts:
            part.tell_to_end()
        until = time.monotonic() + JOIN_S
        for part in parts:
            if not part.join(until - time.monotonic()):
                log.error("%s did not end within %g s: left to end with the process", part.name, JOIN_S)
