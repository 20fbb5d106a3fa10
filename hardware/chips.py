"""The two kinds of chips a station can have: the Pi's own, and emulated ones in a simulated world."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from hardware.clock import boottime
from hardware.emulated.gpio import lgpio_module
from hardware.emulated.mfrc522_chip import Mfrc522Chip
from hardware.emulated.spidev import spidev_module
from hardware.emulated.strip import EmulatedStrip, ws281x_module
from hardware.emulated.world_link import WorldLink
from hardware.parts import PartMissing
from hardware.pins import Pins, open_pins
from hardware.strips.ws281x import load_ws281x
from hardware.wiring import Wiring

if TYPE_CHECKING:
    from rpi_ws281x import PixelStrip


class Chips(Protocol):
    """The vendors' libraries over some chips. Every method raises PartMissing."""

    def pins(self) -> Pins:
        """Open the GPIO chip."""
        ...

    def spidev(self) -> ModuleType:
        """The SPI bus's module."""
        ...

    def pixel_strip(self) -> "type[PixelStrip]":
        """The strip's class."""
        ...

    def close(self) -> None:
        """Leave the chips as they are. Idempotent."""
        ...


class PiChips:
    """The Raspberry Pi's own."""

    def __init__(self, runtime: Path | None) -> None:
        self._runtime = runtime

    def pins(self) -> Pins:
        """See Chips."""
        return open_pins(runtime=self._runtime)

    def spidev(self) -> ModuleType:
        """See Chips."""
        try:
            import spidev
        except ImportError as error:
            raise PartMissing(f"spidev cannot be loaded ({error}): install the extra `pi`") from error
        return spidev

    def pixel_strip(self) -> "type[PixelStrip]":
        """See Chips."""
        return load_ws281x()

    def close(self) -> None:
        """See Chips."""


class EmulatedChips:
    """Chips in this process, in the world that is served at a socket."""

    def __init__(self, wiring: Wiring, world: Path, lost: Callable[[], None]) -> None:
        """Connect to the world; `lost` is called when it goes away. Raises PartMissing."""
        self._link = WorldLink(world, lost)
        chip = Mfrc522Chip(self._link.field)
        self._spidev = spidev_module(chip, wiring.reader.spi_bus, wiring.reader.spi_device)
        strip = EmulatedStrip(self._link.show, lambda: self._link.fault("lights-dead"), boottime)
        self._ws281x = ws281x_module(strip)

    def pins(self) -> Pins:
        """See Chips."""
        return open_pins(stand_in=lgpio_module(self._link))

    def spidev(self) -> ModuleType:
        """See Chips."""
        return self._spidev

    def pixel_strip(self) -> "type[PixelStrip]":
        """See Chips."""
        return load_ws281x(self._ws281x)

    def close(self) -> None:
        """See Chips."""
        self._link.close()
