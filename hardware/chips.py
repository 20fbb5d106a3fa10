"""The chips of a station: the Pi's own, here, or emulated ones in a simulated world (`emulated/chips.py`)."""

import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Protocol

from hardware.parts import PartMissing, Strip
from hardware.pins import Pins, open_pins
from hardware.pwm import Pwm, Sysfs
from hardware.strips.child import Child
from hardware.strips.pio import Put, device
from hardware.strips.remote import RemoteStrip
from hardware.wiring import LightsWiring, Wiring


class Chips(Protocol):
    """The vendors' libraries over some chips. Every method raises PartMissing."""

    def pins(self) -> Pins:
        """Open the GPIO chip."""
        ...

    def pwm(self) -> Pwm:
        """The PWM block."""
        ...

    def spidev(self) -> ModuleType:
        """The SPI bus's module."""
        ...

    def ws281x(self, lights: LightsWiring) -> Strip:
        """Take a WS281x strip."""
        ...

    def leds(self, lights: LightsWiring) -> Put:
        """What the kernel's ws2812-pio makes."""
        ...

    def close(self) -> None:
        """Leave the chips as they are. Idempotent."""
        ...


class PiChips:
    """The Raspberry Pi's own."""

    def __init__(self, wiring: Wiring, runtime: Path | None, lights_process: Sequence[str]) -> None:
        """`runtime` and `lights_process`: see open_board."""
        self._runtime = runtime
        self._child = None
        if lights_process and is_root():
            self._child = Child([*lights_process, "--socket", wiring.lights.socket])

    def pins(self) -> Pins:
        """See Chips."""
        return open_pins(runtime=self._runtime)

    def pwm(self) -> Pwm:
        """See Chips."""
        return Pwm(Sysfs())

    def spidev(self) -> ModuleType:
        """See Chips."""
        try:
            import spidev
        except ImportError as error:
            raise PartMissing(f"spidev cannot be loaded ({error}): install the extra `pi`") from error
        return spidev

    def ws281x(self, lights: LightsWiring) -> Strip:
        """See Chips: the strip is driven by the lights process; as root we start it ourselves."""
        return RemoteStrip(Path(lights.socket), lights.pin, lights.pixels, self._child)

    def leds(self, lights: LightsWiring) -> Put:  # noqa: ARG002  there is one such device
        """See Chips."""
        return device()

    def close(self) -> None:
        """See Chips."""
        if self._child is not None:
            self._child.close()


def is_root() -> bool:
    """Whether this process may start what needs root."""
    return os.geteuid() == 0
