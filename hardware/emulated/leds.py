"""What takes the place of `/dev/leds0`: the pixels behind the kernel's ws2812-pio driver.

Rules and error codes are those of drivers/misc/ws2812-pio-rp1.c of github.com/raspberrypi/linux, opened anew for each
write; its gamma curve is left out, as with `brightness=0` in the overlay.
"""

import errno

from hardware.emulated.strip import EmulatedStrip
from hardware.parts import Rgb

PIXEL_BYTES = 4


class EmulatedLeds:
    """A device of `num_leds` pixels, which `strip` shows."""

    def __init__(self, strip: EmulatedStrip, num_leds: int) -> None:
        self._strip = strip
        self._size = num_leds * PIXEL_BYTES

    def write(self, frame: bytes) -> int:
        """Show one frame; what it leaves out is dark. Raises OSError."""
        if len(frame) > self._size:
            raise OSError(errno.EFBIG, "File too large")
        if self._strip.render(_pixels(frame.ljust(self._size, b"\0"))):
            raise OSError(errno.EIO, "Input/output error")
        return len(frame)


def _pixels(frame: bytes) -> tuple[Rgb, ...]:
    return tuple(zip(frame[0::4], frame[1::4], frame[2::4], strict=True))
