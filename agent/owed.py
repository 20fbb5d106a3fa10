"""One act on its way to the supplier, and many that wait, each for its moment (CLOCK_BOOTTIME seconds). Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

from agent.effects import Act, ActName

BACKOFF_MAX_S = 60.0
RETRY_AFTER_MAX_S = 600.0


def wait_s(attempts: int, retry_after_s: float | None, uniform: Callable[[float, float], float]) -> float:
    """A random wait between 0 and min(60, 2^attempts) seconds (full jitter), or what the supplier asked for."""
    backoff = uniform(0.0, min(BACKOFF_MAX_S, 2.0 ** min(attempts, 16)))
    return max(backoff, min(retry_after_s or 0.0, RETRY_AFTER_MAX_S))


@dataclass(slots=True, kw_only=True, eq=False)
class Owed:
    """One act on its way, standing in `lane`.

    It has been owed since `since` (Unix seconds). `left`: it may have reached the supplier, so a further attempt
    repeats it. `busy`: an attempt is under way. `settled`: it has its outcome; `refusal` says why if it was refused.
    `told`: that its answers cannot be used was told. `told_to_wait`: the supplier named the time of the next attempt.
    """

    id: int
    act: Act
    since: float = 0.0
    lane: str = ""
    left: bool = False
    busy: bool = False
    settled: bool = False
    told: bool = False
    told_to_wait: bool = False
    refusal: str = ""
    attempts: int = 0
    not_before: float = 0.0
    first_tried: float | None = None

    @property
    def idle(self) -> bool:
        """Whether it waits to leave."""
        return not self.busy and not self.settled

    @property
    def has_left(self) -> bool:
        """Whether the supplier may have seen it."""
        return self.left or not self.idle

    @property
    def is_light(self) -> bool:
        """Whether it tells what a light shows: that is about now, so it is tried once in its place and then beside."""
        return self.act.name is ActName.LEDS

    @property
    def over(self) -> float | None:
        """When a light's own duration has overtaken the call that tells of it, once that was tried."""
        duration = self.act.body.get("duration")
        if not self.is_light or self.first_tried is None or duration is None:
            return None
        return float(self.first_tried + duration / 1000)


class Moments:
    """Acts that wait, each for the moment it was given last; the next one is at hand, however many wait.

    One for which `holds` is false when its moment is looked at waits no longer.
    """

    def __init__(self, holds: Callable[[Owed], bool]) -> None:
        self._holds = holds
        self._heap: list[tuple[float, int, int, Owed]] = []
        self._count = count()
        self._at: dict[Owed, float] = {}

    def put(self, moment: float, owed: Owed) -> None:
        """It waits for `moment`, and for no other any more."""
        if self._at.get(owed) != moment:
            self._at[owed] = moment
            heappush(self._heap, (moment, owed.id, next(self._count), owed))

    def first(self) -> float | None:
        """The next moment; None if nothing waits."""
        while self._heap:
            moment, _, _, owed = self._heap[0]
            if self._at.get(owed) == moment and self._holds(owed):
                return moment
            self._take()
        return None

    def pop(self, now: float) -> Owed | None:
        """What waited for the earliest moment up to `now`, of several the one that is owed longest."""
        moment = self.first()
        return self._take() if moment is not None and moment <= now else None

    def _take(self) -> Owed:
        moment, _, _, owed = heappop(self._heap)
        if self._at.get(owed) == moment:
            del self._at[owed]
        return owed


def beside(act: Act) -> str:
    """The lane of its own to which an act steps aside."""
    return f"light:{act.light}" if act.name is ActName.LEDS else f"pay:{act.session}"
