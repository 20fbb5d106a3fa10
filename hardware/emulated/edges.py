"""lgpio's callbacks on edges of input lines."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

RISING_EDGE = 1
FALLING_EDGE = 2
BOTH_EDGES = RISING_EDGE | FALLING_EDGE

EdgeCallback = Callable[[int, int, int, int], None]
"""Called with chip, line, level and nanoseconds, in the thread that saw the edge."""


@dataclass(slots=True)
class Callback:
    """One registered callback; `cancel` ends it."""

    edges: "Edges"
    chip: int
    gpio: int
    edge: int
    func: EdgeCallback
    level: int | None

    def cancel(self) -> None:
        """Call back no more. Idempotent."""
        self.edges.forget(self)


class Edges:
    """Finds edges by comparing levels whenever `look` is called."""

    def __init__(self, level_of: Callable[[int], int | None], clock_ns: Callable[[], int]) -> None:
        self._level_of = level_of
        self._clock_ns = clock_ns
        self._callbacks: list[Callback] = []
        self._lock = threading.Lock()

    def callback(self, chip: int, gpio: int, edge: int, func: EdgeCallback | None) -> Callback:
        """Call `func` at each such edge of `gpio` from now on."""
        if func is None:
            raise TypeError("the emulated lgpio keeps no tally: give the callback a function")
        registered = Callback(self, chip, gpio, edge, func, self._level_of(gpio))
        with self._lock:
            self._callbacks.append(registered)
        return registered

    def forget(self, callback: Callback) -> None:
        """Call this one back no more."""
        with self._lock:
            self._callbacks = [other for other in self._callbacks if other is not callback]

    def look(self) -> None:
        """Compare every line with what it was, and call back."""
        with self._lock:
            callbacks = list(self._callbacks)
        for one in callbacks:
            level = self._level_of(one.gpio)
            if level is None or level == one.level:
                continue
            one.level = level
            if one.edge & (RISING_EDGE if level else FALLING_EDGE):
                one.func(one.chip, one.gpio, level, self._clock_ns())
