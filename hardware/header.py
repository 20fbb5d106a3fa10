"""The 40-pin header that every Raspberry Pi since 2014 has: which pad leads where (raspberrypi.com, "GPIO")."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pad:
    """One pad. `number` is its place (1 is at the corner, odd ones beside it), `bcm` its line; power has none."""

    number: int
    name: str
    bcm: int | None = None


_NAMES = (
    "3V3 5V 2 5V 3 GND 4 14 GND 15 17 18 27 GND 22 23 3V3 24 10 GND",
    "9 25 11 8 GND 7 0 1 5 GND 6 12 13 GND 19 16 26 20 GND 21",
)
HEADER = tuple(
    Pad(number, f"GPIO{name}", int(name)) if name.isdigit() else Pad(number, name)
    for number, name in enumerate(" ".join(_NAMES).split(), start=1)
)
PADS = {pad.bcm: pad for pad in HEADER if pad.bcm is not None}
"""The pad of each line, by BCM number."""
GROUNDS = tuple(pad for pad in HEADER if pad.name == "GND")

PULLED_UP_AT_BOOT = range(9)
"""Lines that the chip pulls high until somebody drives them (BCM2835 ARM Peripherals, table 6-31)."""
ID_EEPROM = (0, 1)
"""Read at boot to find a HAT."""


@dataclass(frozen=True, slots=True)
class Spi:
    """One SPI bus; `selects` are the chip select lines of its devices 0, 1, ..."""

    mosi: int
    miso: int
    sclk: int
    selects: tuple[int, ...]

    @property
    def lines(self) -> tuple[int, ...]:
        """All of its lines, whichever device is used."""
        return (self.mosi, self.miso, self.sclk, *self.selects)


# BCM2711 ARM Peripherals, section 5.3 (alternative functions): what the kernel's overlays put on these lines
SPI = {0: Spi(10, 9, 11, (8, 7)), 1: Spi(20, 19, 21, (18, 17, 16))}
UART = (14, 15)
I2C = (2, 3)
