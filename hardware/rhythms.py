"""What a look shows at a given moment, and which of its flashes are left out."""

import math
from collections import deque
from dataclasses import dataclass

from hardware.looks import Colour, Look, Rhythm

BLINK_S = 0.2
"""Seconds a flicker or blink is on, and off: 2.5 Hz (contract section 5)."""
BREATH_S = 2.0
DIMMEST = 0.1
FRAME_S = 1 / 26
HASTE_S = 1 / 4
"""Seconds between frames of what moves, and between those of new looks that do not wait for their turn: 30 a second."""
BLINKS = 2
FLASHES = 3
"""A light may flash this often in any `FLASH_WINDOW_S` (WCAG 2.3.1, three flashes or below threshold)."""
FLASH_WINDOW_S = 1.0


@dataclass(frozen=True, slots=True)
class Shine:
    """One moment of a light: `colour` (None: dark) at `level` (0-1), the same until `until` (CLOCK_BOOTTIME seconds).

    `blink` tells the blinks of a flashing look apart; None for a look that does not flash.
    """

    colour: Colour | None = None
    level: float = 1.0
    until: float = math.inf
    blink: tuple[float, int] | None = None


def shine(look: Look, now: float) -> Shine:
    """What `look` shows at `now`."""
    if not look.colours:
        return Shine()
    match look.rhythm:
        case Rhythm.STEADY:
            return Shine(look.colours[0])
        case Rhythm.BREATHING:
            wave = (1 + math.cos(2 * math.pi * (now - look.since) / BREATH_S)) / 2
            return Shine(look.colours[0], DIMMEST + (1 - DIMMEST) * wave, now + FRAME_S)
        case Rhythm.FLICKER:
            return _blink(look, now, math.inf)
        case Rhythm.TWO_BLINKS:
            return _blink(look, now, BLINKS)


def _blink(look: Look, now: float, times: float) -> Shine:
    half = max(0, math.floor((now - look.since) / BLINK_S))
    number, dark = divmod(half, 2)
    if number + dark >= times:
        return Shine()
    until = look.since + (half + 1) * BLINK_S
    if dark:
        return Shine(until=until)
    return Shine(look.colours[number % len(look.colours)], until=until, blink=(look.since, number))


class FlashGuard:
    """Keeps one light from flashing more than `FLASHES` times in a second.

    A flash begins when the light shows another colour than before. One too many is left out if it is a blink; a
    colour that is to stay comes as soon as it may.
    """

    def __init__(self) -> None:
        self._begun: deque[float] = deque(maxlen=FLASHES)
        self._colour: Colour | None = None
        self._left_out: tuple[float, int] | None = None

    def pass_on(self, wanted: Shine, now: float) -> Shine:
        """What may be shown at `now` of what is wanted."""
        if wanted.colour is None or wanted.colour is self._colour:
            self._colour = wanted.colour
            return wanted
        self._colour = None
        free = self._begun[0] + FLASH_WINDOW_S if len(self._begun) == FLASHES else now
        if wanted.blink is not None and (wanted.blink == self._left_out or now < free):
            self._left_out = wanted.blink
            return Shine(until=wanted.until)
        if now < free:
            return Shine(until=min(free, wanted.until))
        self._begun.append(now)
        self._colour = wanted.colour
        return wanted
