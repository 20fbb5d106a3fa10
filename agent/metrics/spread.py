"""How values are spread: a histogram as Prometheus has it."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """Up to each of `bounds` (ascending, inclusive) how many values came so far, then all of them; and their sum."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float


class Measure:
    """Takes values one by one."""

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds` are the upper ends of the buckets, ascending; above the last is one more."""
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """One more value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def spread(self) -> Spread:
        """How the values so far are spread."""
        so_far, counts = 0, []
        for count in self._counts:
            so_far += count
            counts.append(so_far)
        return Spread(self._bounds, tuple(counts), self._sum)
