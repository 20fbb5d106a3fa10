"""A WS281x strip on a PWM or PCM pin, through rpi_ws281x. The only file that imports it.

On metal this runs in the lights process (server.py): the library needs root.
"""

import atexit
import logging
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from hardware.models import board_model, lights_fit
from hardware.parts import LightsFailure, PartMissing, Rgb
from hardware.stand_in import standing_in

if TYPE_CHECKING:
    from rpi_ws281x import PixelStrip

SECOND_CHANNEL_PINS = (13, 19, 41, 45, 53)
"""Pins of the second PWM channel (BCM2835 ARM Peripherals, table 6-31); every other pin is on the first."""

BLACK: Rgb = (0, 0, 0)

logger = logging.getLogger(__name__)


def load_ws281x(stand_in: ModuleType | None = None) -> ModuleType:
    """rpi_ws281x, or with `stand_in` the same over that in its C module's place. Raises PartMissing."""
    modules = {} if stand_in is None else {"_rpi_ws281x": stand_in}
    try:
        with standing_in(modules, ["rpi_ws281x", "rpi_ws281x.rpi_ws281x"]):
            import rpi_ws281x
    except ImportError as error:
        raise PartMissing(f"rpi_ws281x cannot be loaded ({error}): install the extra `pi`") from error
    return rpi_ws281x


class Ws281xStrip:
    """The pixels on one pin."""

    def __init__(self, library: ModuleType, pin: int, pixels: int, model: Callable[[], str] = board_model) -> None:
        """Take the pin. Raises PartMissing; then it says what `model`, the board's name, has to do with it."""
        strip: PixelStrip = library.PixelStrip(pixels, pin, channel=int(pin in SECOND_CHANNEL_PINS))
        try:
            strip.begin()
        except RuntimeError as error:
            # The library would also close at exit what begin() has not opened, and crash (segmentation fault, 5.0.0).
            atexit.unregister(strip._cleanup)  # noqa: SLF001
            library.ws.delete_ws2811_t(strip._leds)  # noqa: SLF001
            hint = lights_fit(model(), "ws281x") or "run as root on a Pi up to 4"
            raise PartMissing(f"the strip on GPIO{pin} cannot be opened ({error}): {hint}") from error
        self._strip: PixelStrip | None = strip

    def show(self, frame: Sequence[Rgb]) -> None:
        """See parts.Strip; pixels beyond the frame stay dark."""
        if self._strip is None:
            raise LightsFailure("the strip is closed: open it again")
        rest = self._strip.numPixels() - len(frame)
        if rest < 0:
            raise LightsFailure(f"the strip has {len(frame) + rest} pixels and no {len(frame)}: see [lights] pixels")
        for number, (red, green, blue) in enumerate([*frame, *[BLACK] * rest]):
            self._strip.setPixelColorRGB(number, red, green, blue)
        try:
            self._strip.show()
        except RuntimeError as error:
            raise LightsFailure(f"the strip took no frame ({error}): look after its power and wiring") from error

    def close(self) -> None:
        """See parts.Strip."""
        if self._strip is None:
            return
        try:
            self.show([(0, 0, 0)] * self._strip.numPixels())
        except LightsFailure as error:
            logger.warning("the lights could not be put out: %s", error)
        atexit.unregister(self._strip._cleanup)  # noqa: SLF001 (the library has no other way to close)
        self._strip._cleanup()  # noqa: SLF001
        self._strip = None
