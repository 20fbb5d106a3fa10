"""What the station notices about itself and its lines: warnings that come and go by themselves (contract section 7)."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.clock import boottime
from agent.connection import Connection
from agent.facts import FaultCleared, FaultRaised
from agent.happenings import Happen

STEP_S = 5.0
"""Seconds between two looks at everything."""
AWAY_S = 60.0
"""How long supplier or broker is out of reach before that is told; also how often the supplier is tried at rest."""
HOT_C = 80.0
COOL_C = 75.0
"""A Pi slows itself down from 80 degrees Celsius on (Raspberry Pi documentation, "Frequency management")."""
LOW_BYTES = 100 * 1024 * 1024
ROOM_BYTES = 120 * 1024 * 1024
THERMAL = Path("/sys/class/thermal")
CPU = "cpu-thermal"
"""What the kernel calls a Pi's own sensor; other machines' are not ours to judge."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether something is wrong now (None: it cannot be told), and what is said if it is."""

    code: str
    wrong: bool | None
    title: str
    detail: str


class Health:
    """Looks around every few seconds; one thread calls `step`. Only changes are told."""

    def __init__(
        self,
        happen: Happen,
        *,
        supplier: Callable[[], Connection] | None,
        tried: Callable[[], float | None],
        probe: Callable[[], None],
        broker: Callable[[], Connection],
        clock_set: Callable[[], bool],
        state_dir: Path,
        thermal: Path | None = None,
        clock: Callable[[], float] = boottime,
    ) -> None:
        """`tried` says when the supplier was last called (CLOCK_BOOTTIME seconds); `probe` has it tried soon.

        `supplier` None: nobody here calls it.
        """
        self._happen = happen
        self._supplier = supplier
        self._tried = tried
        self._probe = probe
        self._broker = broker
        self._clock_set = clock_set
        self._state_dir = state_dir
        self._thermal = thermal or THERMAL
        self._clock = clock
        self._away: dict[str, float] = {}
        self._told: dict[str, bool] = {}

    def step(self) -> float:
        """Look at everything once; gives the seconds until the next look."""
        now = self._clock()
        tried = self._tried()
        if self._supplier and (tried is None or now - tried >= AWAY_S):
            self._probe()
        for finding in self._findings(now):
            self._tell(finding)
        return STEP_S

    def _findings(self, now: float) -> Iterator[Finding]:
        code, title = "SupplierUnreachable", "Supplier Unreachable"
        detail = "The supplier cannot be reached; what is owed to it waits. Check the network and the supplier's URL."
        if self._supplier:
            yield Finding(code, self._is_away(code, self._supplier(), now), title, detail)
        code, title = "BrokerUnreachable", "Broker Unreachable"
        detail = "The broker cannot be reached; events wait in the journal. Check the network and the broker."
        yield Finding(code, self._is_away(code, self._broker(), now), title, detail)
        detail = "The clock shows a time that cannot be; events say so. Check the network's time service."
        yield Finding("ClockUnset", not self._clock_set(), "Clock Unset", detail)
        yield self._temperature()
        yield self._disk()

    def _is_away(self, code: str, connection: Connection, now: float) -> bool | None:
        if connection.since is None:
            return None
        if connection.reachable:
            self._away.pop(code, None)
            return False
        return now - self._away.setdefault(code, now) >= AWAY_S

    def _temperature(self) -> Finding:
        degrees = hottest(self._thermal)
        limit = COOL_C if self._told.get("OverTemperature") else HOT_C
        detail = f"The processor is at {HOT_C:g} degrees Celsius or more and slows down. Give the box shade and air."
        wrong = None if degrees is None else degrees >= limit
        return Finding("OverTemperature", wrong, "Over Temperature", detail)

    def _disk(self) -> Finding:
        free = free_bytes(self._state_dir)
        limit = ROOM_BYTES if self._told.get("LowDisk") else LOW_BYTES
        detail = f"Less than {LOW_BYTES >> 20} MiB are free for the journal. Free space in {self._state_dir}."
        return Finding("LowDisk", None if free is None else free < limit, "Low Disk", detail)

    def _tell(self, finding: Finding) -> None:
        if finding.wrong is None or finding.wrong == self._told.get(finding.code):
            return
        self._told[finding.code] = finding.wrong
        if finding.wrong:
            self._happen(
                FaultRaised, code=finding.code, title=finding.title, detail=finding.detail, slot=0, warning=True
            )
        else:
            self._happen(FaultCleared, code=finding.code)


def hottest(thermal: Path) -> float | None:
    """The processor's temperature in degrees Celsius; None where there is no sensor of its own (not a Pi)."""
    degrees: list[float] = []
    for zone in sorted(thermal.glob("thermal_zone*")):
        try:
            if (zone / "type").read_text(encoding="ascii").strip() == CPU:
                degrees.append(int((zone / "temp").read_text(encoding="ascii")) / 1000)
        except (OSError, ValueError):
            continue
    return max(degrees, default=None)


def free_bytes(folder: Path) -> int | None:
    """How much a user without privileges may still write there; None if nobody can tell."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize
