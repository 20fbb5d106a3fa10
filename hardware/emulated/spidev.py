"""Takes the place of the C module `spidev` in front of an emulated chip."""

import errno
from functools import partial
from types import ModuleType
from typing import Protocol

_CHIP_MODE = 0


class Chip(Protocol):
    """What hangs on the bus."""

    def transfer(self, sent: list[int]) -> list[int]:
        """One chip select: as many bytes back as were sent. Raises OSError when the bus fails."""
        ...


class SpiDev:
    """The part of `spidev.SpiDev` that drivers of an MFRC522 use; only the device `place` exists."""

    def __init__(self, chip: Chip, place: tuple[int, int]) -> None:
        self.max_speed_hz = 500_000
        self.mode = 0
        self._chip = chip
        self._place = place
        self._is_open = False

    def open(self, bus: int, device: int) -> None:
        """Raises FileNotFoundError for any other device than the one there is, as the kernel would."""
        if (bus, device) != self._place:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", f"/dev/spidev{bus}.{device}")
        self._is_open = True

    def xfer2(self, values: list[int]) -> list[int]:
        """One transfer under one chip select. Raises OSError when closed or when the bus fails."""
        if not self._is_open:
            raise OSError(errno.EBADF, "Bad file descriptor")
        if not values or not _are_bytes(values):
            raise TypeError("Non-Int/Long value in arguments: give at least one byte, each 0-255")
        if self.mode != _CHIP_MODE:
            return [0xFF] * len(values)
        return self._chip.transfer(values)

    def close(self) -> None:
        """Give the bus back. Idempotent."""
        self._is_open = False


def _are_bytes(values: list[int]) -> bool:
    try:
        bytes(values)
    except (TypeError, ValueError):
        return False
    return True


def spidev_module(chip: Chip, bus: int = 0, device: int = 0) -> ModuleType:
    """A fresh module that can take the place of `spidev`; its SpiDev finds `chip` at /dev/spidevBUS.DEVICE."""
    module = ModuleType("spidev", "An emulated SPI bus.")
    vars(module)["SpiDev"] = partial(SpiDev, chip, (bus, device))
    return module
