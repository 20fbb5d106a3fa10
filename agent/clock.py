"""The station's only sources of time."""

import time
from dataclasses import dataclass
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class At:
    """A moment: seconds since boot (CLOCK_BOOTTIME) in boot `boot`, and seconds of Unix time as the wall clock says.

    Waits and ages are counted on `boottime`; `wall` is for people and may jump.
    """

    boot: str
    boottime: float
    wall: float

    def age_of(self, earlier: "At") -> float:
        """Seconds since `earlier`; infinite if that was in another boot."""
        return self.boottime - earlier.boottime if earlier.boot == self.boot else float("inf")


def boottime() -> float:
    """Seconds since boot, counting sleep, never jumping (CLOCK_BOOTTIME)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Clock:
    """Reads the machine's clocks; tests pass one of their own."""

    def __init__(self) -> None:
        self._boot = BOOT_ID.read_text(encoding="ascii").strip()

    def now(self) -> At:
        """This moment on all clocks."""
        return At(self._boot, boottime(), time.time())

    def moment(self, boottime: float) -> At:
        """The moment that was `boottime` seconds after boot."""
        now = self.now()
        return At(self._boot, boottime, now.wall - (now.boottime - boottime))


@dataclass(frozen=True, slots=True)
class ClockCheck:
    """Tells whether the wall clock can be believed: it runs later than the release and not a day before the journal.

    Both are Unix seconds; a Pi has no battery clock and may boot in the past (contract section 4, `clocksynced`).
    """

    released: float
    newest: float

    def is_set(self, wall: float) -> bool:
        """Whether `wall` may be believed."""
        return wall >= self.released and wall >= self.newest - DAY_S
