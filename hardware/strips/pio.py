"""A WS2812 strip on a Raspberry Pi 5: the kernel's ws2812-pio overlay makes it a device that frames are written to.

As drivers/misc/ws2812-pio-rp1.c of github.com/raspberrypi/linux reads them: four bytes a pixel, red, green, blue, white
(the last counts on RGBW strips only). Each open of the device takes one frame, from its first pixel on. A frame of all
pixels is shown at once, a shorter one after 50 ms with the rest dark, of a longer one the rest is refused (EFBIG,
ENOSPC). A single byte would be the brightness. The driver darkens values by a gamma curve, unless the overlay says
`brightness=0` (kernels after 6.12.55).
"""

import errno
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from hardware.models import OVERLAY, board_model, lights_fit
from hardware.parts import LightsFailure, PartMissing, Rgb
from hardware.wiring import LightsWiring

DEVICE = Path("/dev/leds0")
_TOO_LONG = (errno.EFBIG, errno.ENOSPC)

logger = logging.getLogger(__name__)

Put = Callable[[bytes], int]
"""Writes one frame, and gives how many bytes were taken. Raises OSError."""


def device(path: Path = DEVICE) -> Put:
    """The device itself."""

    def put(frame: bytes) -> int:
        handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            return os.write(handle, frame)
        finally:
            os.close(handle)

    return put


class PioStrip:
    """The pixels of `/dev/leds0`."""

    def __init__(self, put: Put, wiring: LightsWiring, model: Callable[[], str] = board_model) -> None:
        """Go dark. Raises PartMissing."""
        self._put = put
        self._pixels = wiring.pixels
        self._closed = False
        try:
            self.show([])
        except LightsFailure as error:
            overlay = OVERLAY.format(pin=wiring.pin, pixels=wiring.pixels)
            hint = lights_fit(model(), "pio") or (
                f"add `{overlay}` to /boot/firmware/config.txt, and the udev rule of docs/lights.md"
            )
            raise PartMissing(f"{error}; {hint}") from error

    def show(self, frame: Sequence[Rgb]) -> None:
        """See parts.Strip; pixels beyond the frame stay dark."""
        if self._closed:
            raise LightsFailure("the strip is closed: open it again")
        data = b"".join(bytes((*pixel, 0)) for pixel in frame).ljust(4 * self._pixels, b"\0")
        try:
            taken = self._put(data)
        except OSError as error:
            why = "num_leds of its overlay is less than lights.pixels" if error.errno in _TOO_LONG else str(error)
            raise LightsFailure(f"{DEVICE} took no frame: {why}") from error
        if taken != len(data):
            raise LightsFailure(f"{DEVICE} took {taken} of {len(data)} bytes: it is no ws2812-pio device")

    def close(self) -> None:
        """See parts.Strip."""
        if self._closed:
            return
        try:
            self.show([])
        except LightsFailure as error:
            logger.warning("the lights could not be put out: %s", error)
        self._closed = True
