"""What a light can look like: colours and rhythms, named; `lights.py` turns them into frames."""

from dataclasses import dataclass
from enum import StrEnum


class Colour(StrEnum):
    """The station's colours; what each is on the strip stands in `[lights] colours`."""

    BLUE = "blue"
    WHITE = "white"
    RED = "red"


class Rhythm(StrEnum):
    """How a colour is shown over time. Flicker is 2.5 Hz; blinks are 200 ms on and 200 ms off, twice."""

    STEADY = "steady"
    BREATHING = "breathing"
    FLICKER = "flicker"
    TWO_BLINKS = "two-blinks"


@dataclass(frozen=True, slots=True)
class Look:
    """One light's look since `since` (seconds, CLOCK_BOOTTIME). Several colours take turns blink by blink."""

    colours: tuple[Colour, ...] = ()
    rhythm: Rhythm = Rhythm.STEADY
    since: float = 0.0


DARK = Look()
