"""The two kinds of chips a station can have: the Pi's own, and emulated ones in a simulated world."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Protocol

from hardware.clock import boottime
from hardware.emulated.gpio import lgpio_module
from hardware.emulated.leds import EmulatedLeds
from hardware.emulated.mfrc522_chip import Mfrc522Chip
from hardware.emulated.pwm import EmulatedPwm
from hardware.emulated.spidev import spidev_module
from hardware.emulated.strip import EmulatedStrip, ws281x_module
from hardware.emulated.world_link import WorldLink
from hardware.parts import PartMissing, Strip
from hardware.pins import Pins, open_pins
from hardware.pwm import Pwm, Sysfs
from hardware.strips.child import Child
from hardware.strips.pio import Put, device
from hardware.strips.remote import RemoteStrip
from hardware.strips.ws281x import Ws281xStrip, load_ws281x
from hardware.wiring import LightsWiring, SolenoidWiring, Wiring


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


class EmulatedChips:
    """Chips in this process, in the world that is served at a socket."""

    def __init__(self, wiring: Wiring, world: Path, lost: Callable[[], None]) -> None:
        """Connect to the world; `lost` is called when it goes away. Raises PartMissing."""
        self._link = WorldLink(world, lost)
        chip = Mfrc522Chip(self._link.field)
        self._spidev = spidev_module(chip, wiring.reader.spi_bus, wiring.reader.spi_device)
        strip = EmulatedStrip(self._link.show, lambda: self._link.fault("lights-dead"), boottime)
        self._ws281x = ws281x_module(strip)
        self._leds = EmulatedLeds(strip, wiring.lights.pixels)
        locks = [slot.lock for slot in wiring.slots]
        self._held_softly = [lock.pin for lock in locks if isinstance(lock, SolenoidWiring) and lock.hold_duty < 1]

    def pins(self) -> Pins:
        """See Chips."""
        return open_pins(stand_in=lgpio_module(self._link))

    def pwm(self) -> Pwm:
        """See Chips."""
        return Pwm(EmulatedPwm(self._held_softly, self._link.drive, self._link.high()))

    def spidev(self) -> ModuleType:
        """See Chips."""
        return self._spidev

    def ws281x(self, lights: LightsWiring) -> Strip:
        """See Chips."""
        return Ws281xStrip(load_ws281x(self._ws281x), lights.pin, lights.pixels)

    def leds(self, lights: LightsWiring) -> Put:  # noqa: ARG002  there is one such device
        """See Chips."""
        return self._leds.write

    def close(self) -> None:
        """See Chips."""
        self._link.close()
