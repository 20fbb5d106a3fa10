"""A lock's bolt: a solenoid's, which a spring pulls back, or a motor's, which stays where it is without power."""

from dataclasses import dataclass
from enum import StrEnum

TRAVEL_S = 0.12


class Place(StrEnum):
    """Where the bolt is; on its way it is neither here nor there."""

    LOCKED = "locked"
    UNLOCKED = "unlocked"
    BETWEEN = "between"


@dataclass(slots=True)
class Bolt:
    """One bolt. `arrives` is when it will be at `goal` (seconds of the caller's clock), None while it rests."""

    place: Place = Place.UNLOCKED
    travel_s: float = TRAVEL_S
    goal: Place = Place.UNLOCKED
    arrives: float | None = None

    def follow(self, now: float, *, wanted: Place | None, jammed: bool) -> bool:
        """Let time and forces act up to `now`; whether its place changed. `wanted`: where forces push it, if any do."""
        before = self.place
        if self.arrives is not None and now >= self.arrives:
            self.place, self.arrives = self.goal, None
        if jammed or wanted is None:
            self.arrives = None
        elif self._must_start(wanted):
            self.place, self.goal, self.arrives = Place.BETWEEN, wanted, now + self.travel_s
        return self.place is not before

    def _must_start(self, wanted: Place) -> bool:
        heading = self.place if self.arrives is None else self.goal
        return heading is not wanted
