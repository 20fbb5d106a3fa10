"""Every thread's heartbeat: when it last began or ended a step. Whoever watches the threads reads them here."""

import threading
import time
from collections import Counter
from collections.abc import Callable


class Heart:
    """One thread's sign of life; a beat costs one look at the clock and wakes nobody."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`name` is the thread's."""
        self.name = name
        self._clock = clock
        self._last = (clock(), False)

    def work(self) -> None:
        """A step begins, or has come further."""
        self._last = (self._clock(), True)

    def rest(self) -> None:
        """The step is over; the thread waits until it has something to do."""
        self._last = (self._clock(), False)

    @property
    def last(self) -> tuple[float, bool]:
        """When it beat last (CLOCK_MONOTONIC seconds), and whether a step is under way. Any thread."""
        return self._last


class Hearts:
    """The hearts of all threads, by name. Any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._hearts: dict[str, Heart] = {}
        self._begun: Counter[str] = Counter()

    def heart(self, name: str) -> Heart:
        """A new heart under this name; that of a fresh thread takes the place of its forerunner's."""
        heart = Heart(name, self._clock)
        with self._lock:
            self._hearts[name] = heart
            self._begun[name] += 1
        return heart

    def seconds(self) -> dict[str, float]:
        """Seconds since each thread's last beat; a thread with nothing to do may rest for long."""
        now = self._clock()
        return {heart.name: now - heart.last[0] for heart in self._all()}

    def busy(self) -> dict[str, float]:
        """Seconds that each thread has been in its present step without a beat; 0 for one that rests."""
        now = self._clock()
        found = {heart.name: heart.last for heart in self._all()}
        return {name: now - beat if working else 0.0 for name, (beat, working) in found.items()}

    def replaced(self) -> dict[str, int]:
        """How often a fresh thread took each one's place."""
        with self._lock:
            return {name: begun - 1 for name, begun in self._begun.items()}

    def last(self) -> dict[str, tuple[float, bool]]:
        """Each thread's `Heart.last`."""
        return {heart.name: heart.last for heart in self._all()}

    def _all(self) -> list[Heart]:
        with self._lock:
            return list(self._hearts.values())
