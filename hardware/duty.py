"""Rest after work, so that no coil and no motor burns, whatever is asked of it and whoever dies meanwhile."""

import logging
from collections.abc import Callable
from math import isfinite
from pathlib import Path

REST_TIMES = 8.0
"""How many times as long as it was driven a part rests before it is driven again (HARTING 61 13 213, data sheet)."""
CUT_S = 3.0
"""How long at most a drive counts whose end nobody saw (the data sheet's hard limit): what was longer needs no rest."""

WORKING, RESTING = "working", "resting"

logger = logging.getLogger(__name__)


class Note:
    """What a part does, in a file that outlives a kill; in the runtime directory, so not on the station's disk."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._failing = False

    def read(self) -> tuple[str, float] | None:
        """WORKING since or RESTING until this moment of the boot (CLOCK_BOOTTIME seconds); None: nobody knows."""
        try:
            what, moment = self._file.read_text(encoding="ascii").split()
            return (what, float(moment)) if isfinite(float(moment)) else None
        except (OSError, ValueError):
            return None

    def write(self, what: str, moment: float) -> None:
        """Write it down; if that fails the next start takes the note before, or lets the part rest."""
        try:
            self._file.write_text(f"{what} {moment}\n", encoding="ascii")
            self._failing = False
        except OSError as error:
            if not self._failing:
                logger.warning("a lock's rest cannot be noted in %s: %s", self._file, error)
            self._failing = True


class Rest:
    """Counts one part's rest, over restarts too: without a note a part that is opened rests first."""

    def __init__(self, longest_s: float, clock: Callable[[], float], note: Note | None = None) -> None:
        """`longest_s`: how long the part is driven at most. It is driven no more now, if a life before did."""
        self._clock = clock
        self._note = note
        self._until = clock() + self._left_before(longest_s)

    def began(self) -> None:
        """The part is driven from now on."""
        if self._note is not None:
            self._note.write(WORKING, self._clock())

    def worked(self, seconds: float) -> None:
        """The part was driven so long, until now."""
        self._until = self._clock() + REST_TIMES * seconds
        if self._note is not None:
            self._note.write(RESTING, self._until)

    def left_s(self) -> float:
        """Seconds until it may be driven again."""
        return max(0.0, self._until - self._clock())

    def _left_before(self, longest_s: float) -> float:
        """What is left of a rest of the life before; a clock that was started anew makes no rest longer than any."""
        longest_rest_s = REST_TIMES * max(CUT_S, longest_s)
        match self._note and self._note.read():
            case (str(what), float(until)) if what == RESTING:
                return min(max(0.0, until - self._clock()), longest_rest_s)
            case (str(what), float(since)) if what == WORKING:
                worked_s = self._clock() - since
                return REST_TIMES * max(worked_s, longest_s) if 0 <= worked_s <= CUT_S else longest_rest_s
        return REST_TIMES * longest_s
