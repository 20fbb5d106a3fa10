"""The shape of every thread: a name, one small step, and a prompt end.

`docs/threads.md` lists them all.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

AFTER_ERROR_S = 1.0
JOIN_S = 5.0


class ThreadStuck(RuntimeError):
    """A thread did not end in time; its name says which part hangs."""


class Loop:
    """Calls `step` again and again; it gives the seconds until it wants to be called next (infinite: when woken)."""

    def __init__(self, name: str, step: Callable[[], float], wake: threading.Event | None = None) -> None:
        """`wake`: an event of the part's own that makes it step now."""
        self.name = name
        self._step = step
        self._wake = wake or threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to step."""
        self._thread.start()

    def wake(self) -> None:
        """Step now."""
        self._wake.set()

    def stop(self) -> None:
        """End after the step under way. Raises ThreadStuck after `JOIN_S` seconds."""
        self._stopping = True
        self._wake.set()
        join(self._thread)

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(min(self._once(), threading.TIMEOUT_MAX))
            self._wake.clear()

    def _once(self) -> float:
        try:
            return self._step()
        except Exception:
            log.exception("%s failed; it goes on in %g s", self.name, AFTER_ERROR_S)
            return AFTER_ERROR_S


def join(thread: threading.Thread) -> None:
    """Wait for a thread's end. Raises ThreadStuck after `JOIN_S` seconds."""
    thread.join(JOIN_S)
    if thread.is_alive():
        raise ThreadStuck(f"The thread {thread.name} did not end within {JOIN_S:g} s.")


@contextmanager
def started(loop: Loop) -> Iterator[Loop]:
    """A loop that runs inside the `with` block."""
    loop.start()
    try:
        yield loop
    finally:
        loop.stop()


@contextmanager
def pool(name: str, size: int, run: Callable[[], None], stop: Callable[[], None]) -> Iterator[None]:
    """`size` threads named `{name}-1..n` that run inside the `with` block until `stop` ends them."""
    threads = [threading.Thread(target=run, name=f"{name}-{number}", daemon=True) for number in range(1, size + 1)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop()
        for thread in threads:
            join(thread)
