"""How much current the lights draw: an estimate, to be held against what their supply bears."""

from collections.abc import Mapping

from hardware.looks import Colour
from hardware.parts import Rgb

CHANNEL_MA = 20.0
"""One channel of one LED at 255. Worldsemi's WS2812 data sheet says 20 mA; later types draw 12 to 16."""
IDLE_MA = 1.0
"""What a pixel's own chip draws, dark or lit."""


def pixel_ma(palette: Mapping[Colour, Rgb], brightness: float) -> float:
    """Milliamperes of one pixel that shows the colour of the `palette` that draws most, at this brightness (0-1)."""
    most = max(sum(round(channel * brightness) for channel in rgb) for rgb in palette.values())
    return CHANNEL_MA * most / 255


def lights_ma(palette: Mapping[Colour, Rgb], brightness: float, lit: int, pixels: int) -> float:
    """Milliamperes of a strip of `pixels` whose lights (`lit` pixels in all) show the dearest colour, none flashing.

    A mean over the strip's own pulse width modulation, and an upper bound: a gamma curve on the way only dims.
    """
    return lit * pixel_ma(palette, brightness) + pixels * IDLE_MA


def brightness_for(palette: Mapping[Colour, Rgb], max_ma: float, lit: int, pixels: int) -> float:
    """The highest brightness, in steps of 0.01, that draws at most `max_ma`; 0 if none does."""
    fitting = (step / 100 for step in range(100, 0, -1) if lights_ma(palette, step / 100, lit, pixels) <= max_ma)
    return next(fitting, 0.0)
