"""The MFRC522 as a chip: one frame out and its answer in, and whether the chip is well.

It uses the register access of the `mfrc522` package and nothing else of it: its constructor wants RPi.GPIO and drives
pins, its loop never sees the timer, its anticollision cuts UIDs. Section numbers are those of the data sheet MFRC522
rev. 3.9.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

from hardware.anticollision import Heard
from hardware.iso14443 import Bits, to_bits, to_bytes
from hardware.parts import ReaderFailure


@contextmanager
def _standing_in(*names: str) -> Iterator[None]:
    """Empty modules under these names: RPi.GPIO raises off a Pi and on a Pi 5 as soon as it is imported."""
    kept = {name: sys.modules.get(name) for name in names}
    sys.modules.update({name: ModuleType(name) for name in names})
    try:
        yield
    finally:
        for name, module in kept.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


with _standing_in("RPi", "RPi.GPIO", "spidev"):
    from mfrc522 import MFRC522

if TYPE_CHECKING:
    from spidev import SpiDev

log = logging.getLogger(__name__)

_READ = 0x80
_FIFO_BYTES = 64
_ANTENNA_OFF = 0x80
_ANTENNA_ON = 0x83
_POWER_DOWN = 0x10
_NO_CHIP = (0x00, 0xFF)
_GENUINE = (0x90, 0x91, 0x92)
_SILENT = {
    0x00: "it has no 3.3 V or ground, RST is low, MISO is not connected, or MISO and MOSI are swapped",
    0xFF: "MISO is held high, or SDA (chip select) is not connected",
}
"""What the wires are like when VersionReg reads so."""

_IRQ_ALWAYS_0 = 0x80
_IRQ_RX = 0x20
_IRQ_ERR = 0x02
_IRQ_TIMER = 0x01
_ALL_IRQS = 0x7F
_ERR_OVERFLOW = 0x10
_ERR_COLLISION = 0x08
_START_SEND = 0x80
_FLUSH = 0x80
_LAST_BITS = 0x07
_COLL_POS_NOT_VALID = 0x20
_COLL_POS = 0x1F
_LAST_COLL_POS = 32

# Register, what is written, and the bits that must read back: those without reserved neighbours, for clones' sake.
_SETTINGS = (
    (MFRC522.TModeReg, 0x80, 0xFF),  # TAuto: the timer starts with the end of each transmission
    (MFRC522.TPrescalerReg, 169, 0xFF),  # 13.56 MHz / 339 = 40 kHz
    (MFRC522.TReloadRegH, 0, 0xFF),
    (MFRC522.TReloadRegL, 19, 0xFF),  # 20 ticks are 0.5 ms
    (MFRC522.TxAutoReg, 0x40, 0x40),  # 100 % ASK, as type A asks
    (MFRC522.ModeReg, 0x3D, 0x00),
    (MFRC522.CollReg, 0x00, 0x80),  # bits after a collision read 0
    (MFRC522.TxControlReg, _ANTENNA_ON, 0x03),
)

_ETU_S = 128 / 13.56e6  # one bit at 106 kBd (ISO/IEC 14443-2)
_DELAY_S = 1236 / 13.56e6  # a card answers exactly then, or 5 us earlier (ISO/IEC 14443-3, clause 6.2.1.1)
_TIMER_S = 0.0005
_SPARE_S = 0.00002
_NAP_S = 0.001
_MOST_NAPS = 10
_WAKE_NAP_S = 0.005
_MOST_WAKE_NAPS = 5
_CARD_POWER_UP_S = 0.005  # ISO/IEC 14443-3, clause 5: cards may take 5 ms from the field to the first request


def _on_air_s(bits: int) -> float:
    """Seconds of a frame with its start, its end and a parity bit for each byte (ISO/IEC 14443-3, clause 6.2.3)."""
    return (2 + bits + bits // 8) * _ETU_S


def is_genuine(version: int) -> bool:
    """Whether an MFRC522 says this (data sheet section 9.3.4.8); clones that work say others, such as 0x88 or 0x12."""
    return version in _GENUINE


class ChipOdd(Exception):
    """The chip answers what no chip in its senses would; look at its health."""


class ReaderChip(MFRC522):
    """The chip behind `spi`, which is open. `nap` waits for it, a few milliseconds at a time.

    Everything here raises OSError when the bus fails. `version` is what VersionReg last read as; None: nothing yet.
    """

    def __init__(self, spi: "SpiDev", nap: Callable[[float], None]) -> None:
        self.spi = spi
        self._nap = nap
        self.version: int | None = None
        self._told_version = False
        self._was_silent = False
        self._leaving_s = 0.0

    def exchange(self, frame: Bits, align: int = 0, *, answer: int, awaited: bool = True) -> Heard | None:
        """Transceive (section 10.3.1.8); StartSend comes last, when the framing of this frame stands."""
        if self._leaving_s:  # the next frame would cut it off, and a card that missed its HLTA misses the next WUPA too
            self._nap(self._leaving_s)
        leaves_s = _on_air_s(len(frame))
        self._leaving_s = 0.0 if awaited else leaves_s
        framing = align << 4 | len(frame) % 8
        self.Write_MFRC522(self.CommandReg, self.PCD_IDLE)
        self.Write_MFRC522(self.CommIrqReg, _ALL_IRQS)
        self.Write_MFRC522(self.FIFOLevelReg, _FLUSH)
        self.spi.xfer2([self.FIFODataReg << 1, *to_bytes(frame)])
        self.Write_MFRC522(self.BitFramingReg, framing)
        self.Write_MFRC522(self.CommandReg, self.PCD_TRANSCEIVE)
        self.Write_MFRC522(self.BitFramingReg, _START_SEND | framing)
        if not awaited:
            return None
        answer_s = _TIMER_S if self._was_silent or not answer else _DELAY_S + _on_air_s(answer)
        return self._wait(align, leaves_s + answer_s + _SPARE_S)

    def _wait(self, align: int, nap: float) -> Heard | None:
        """Nap until an answer is complete or the timer has run out: once, if this frame fares as the last one did."""
        for _ in range(_MOST_NAPS):
            self._nap(nap)
            nap = _NAP_S
            irq, error, level, control, coll = self._read_all(
                self.CommIrqReg, self.ErrorReg, self.FIFOLevelReg, self.ControlReg, self.CollReg
            )
            if irq & _IRQ_ALWAYS_0 or level > _FIFO_BYTES:
                raise ChipOdd
            self._was_silent = not irq & _IRQ_RX
            if irq & _IRQ_RX:
                return self._heard(error, level, (control & _LAST_BITS) or 8, coll, align)
            if irq & _IRQ_TIMER:
                return Heard(clean=False) if irq & _IRQ_ERR else None
        if irq & _IRQ_ERR:
            return Heard(clean=False)
        raise ChipOdd

    def _heard(self, error: int, level: int, last_bits: int, coll: int, align: int) -> Heard:
        """What stands in the FIFO. Parity and protocol errors behind a collision are the collision's own."""
        data = self._read_all(*[self.FIFODataReg] * level) if level else []
        bits = to_bits(bytes(data))[align : 8 * (level - 1) + last_bits if level else 0]
        if not error & _ERR_COLLISION:
            return Heard(bits, clean=not error)
        collision = ((coll & _COLL_POS) or _LAST_COLL_POS) - 1 - align
        if coll & _COLL_POS_NOT_VALID or error & _ERR_OVERFLOW or collision < 0:
            return Heard(clean=False)
        return Heard(bits, collision)

    def is_well(self) -> bool:
        """VersionReg answers and the settings are where they were put. One transfer."""
        version, *found = self._read_all(self.VersionReg, *(register for register, _, _ in _SETTINGS))
        if version in _NO_CHIP:
            return False
        is_well = all((is_ ^ put) & mask == 0 for is_, (_, put, mask) in zip(found, _SETTINGS, strict=True))
        if is_well:
            self._note_version(version)
        return is_well

    def set_up(self) -> None:
        """Soft reset and settings (section 9). Raises ReaderFailure when the chip is not there or forgets them."""
        self._await_chip()
        self.MFRC522_Reset()
        self._await_chip()
        for register, value, _ in _SETTINGS:
            self.Write_MFRC522(register, value)
        self._nap(_CARD_POWER_UP_S)
        if not self.is_well():
            raise ReaderFailure("The card reader's chip forgets its settings; look at its 3.3 V supply and its wires")

    def close(self) -> None:
        """Switch the field off and give the bus back."""
        try:
            self.Write_MFRC522(self.TxControlReg, _ANTENNA_OFF)
        finally:
            self.spi.close()

    def _await_chip(self) -> None:
        """Wait until the chip is there and its oscillator runs (section 8.8)."""
        for _ in range(_MOST_WAKE_NAPS):
            version, command = self._read_all(self.VersionReg, self.CommandReg)
            if version not in _NO_CHIP and not command & _POWER_DOWN:
                return
            self._nap(_WAKE_NAP_S)
        why = _SILENT.get(version, "its oscillator does not start; look at its 3.3 V supply")
        raise ReaderFailure(f"The card reader's chip does not answer (VersionReg reads 0x{version:02X}): {why}")

    def _note_version(self, version: int) -> None:
        self.version = version
        if not is_genuine(version) and not self._told_version:
            self._told_version = True
            log.warning("The reader's chip says version 0x%02X: no genuine MFRC522, but it is used as one", version)

    def _read_all(self, *registers: int) -> list[int]:
        """Several registers in one transfer (section 8.1.2.1)."""
        return self.spi.xfer2([*(_READ | register << 1 for register in registers), 0])[1:]
