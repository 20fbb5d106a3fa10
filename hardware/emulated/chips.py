"""The chips of a simulated station."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from hardware.clock import boottime
from hardware.emulated.gpio import lgpio_module
from hardware.emulated.leds import EmulatedLeds
from hardware.emulated.mfrc522_chip import Mfrc522Chip
from hardware.emulated.pwm import EmulatedPwm
from hardware.emulated.spidev import spidev_module
from hardware.emulated.strip import EmulatedStrip, ws281x_module
from hardware.emulated.world_link import WorldLink
from hardware.parts import Strip
from hardware.pins import Pins, open_pins
from hardware.pwm import Pwm
from hardware.strips.pio import Put
from hardware.strips.ws281x import Ws281xStrip, load_ws281x
from hardware.wiring import LightsWiring, SolenoidWiring, Wiring


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
