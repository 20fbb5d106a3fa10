"""A card reader on an emulated chip, on time that passes only here, and a bus that lies."""

import errno
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from itertools import pairwise
from types import ModuleType

from hardware.emulated.cards import Field
from hardware.emulated.mfrc522_chip import Mfrc522Chip
from hardware.emulated.spidev import SpiDev, spidev_module
from hardware.parts import ReaderFailure, Sighting
from hardware.reader import Mfrc522Reader, ResetLine, open_reader
from hardware.wiring import ReaderWiring

TRANSFER_S = 41e-6
"""One transfer of two bytes: 16 us on the wire at 1 MHz, and 25 us of the kernel's (estimate)."""


class Ticking:
    """Seconds that pass only here: one transfer's with each look at the clock, and what is napped."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.naps = 0
        self.napped_s = 0.0

    def __call__(self) -> float:
        self.now += TRANSFER_S
        return self.now

    def nap(self, seconds: float) -> None:
        """Sleep; each nap is one more time that the processor has to wake up."""
        self.naps += 1
        self.napped_s += seconds
        self.now += seconds


@dataclass
class ReaderBench:
    """Field, chip and bus, and a reader on them."""

    field: Field = default(default_factory=Field)
    clock: Ticking = default(default_factory=Ticking)
    version: int = 0x92

    def __post_init__(self) -> None:
        self.chip = Mfrc522Chip(self.field, self.clock, self.version)
        self.spidev: ModuleType = spidev_module(self.chip)
        self.reader: Mfrc522Reader = self.opened()

    def opened(self, spi: SpiDev | None = None, reset: ResetLine | None = None) -> Mfrc522Reader:
        """A reader at this chip, or at another bus to it."""
        module = self.spidev
        if spi is not None:
            module = ModuleType("spidev")
            vars(module)["SpiDev"] = lambda: spi
        return open_reader(ReaderWiring(), module, reset, self.clock.nap, self.clock)

    def transfers(self, work: Callable[[], object]) -> int:
        """How many transfers that takes."""
        before = self.chip.transfers
        work()
        return self.chip.transfers - before

    def polls(self, count: int) -> list[Sighting | ReaderFailure]:
        """As many sightings, 50 ms apart; a failure stands as its exception."""
        seen: list[Sighting | ReaderFailure] = []
        for _ in range(count):
            self.clock.nap(0.05)
            try:
                seen.append(self.reader.poll())
            except ReaderFailure as failure:
                seen.append(failure)
        return seen


Lie = Callable[[random.Random, Sequence[int], Sequence[int]], list[int]]
"""What is answered instead, given dice, the honest answer and the one before."""


def _bits_flipped(dice: random.Random, honest: Sequence[int], _before: Sequence[int]) -> list[int]:
    at = dice.randrange(len(honest))
    return [byte ^ (1 << dice.randrange(8) if place == at else 0) for place, byte in enumerate(honest)]


def _slipped(_dice: random.Random, honest: Sequence[int], _before: Sequence[int]) -> list[int]:
    return [honest[0] >> 1, *((left << 7 | right >> 1) & 0xFF for left, right in pairwise(honest))]


def _stale(_dice: random.Random, honest: Sequence[int], before: Sequence[int]) -> list[int]:
    return [*before, *honest][: len(honest)]


def _failed(_dice: random.Random, _honest: Sequence[int], _before: Sequence[int]) -> list[int]:
    raise OSError(errno.EIO, "Input/output error")


LIES: dict[str, Lie] = {
    "dice": lambda dice, honest, _: list(dice.randbytes(len(honest))),
    "one bit flipped": _bits_flipped,
    "slipped by a clock edge": _slipped,
    "the answer before": _stale,
    "all 00": lambda _dice, honest, _: [0x00] * len(honest),
    "all FF": lambda _dice, honest, _: [0xFF] * len(honest),
    "an OSError": _failed,
}
"""What may become of an answer on its way over MISO."""


class LyingBus(SpiDev):
    """Puts lies in the place of answers. What is sent arrives, so the chip itself stays honest.

    `lie_for` gives the lie for the answer of this number, counted from 0, or None for the honest one; `meanwhile` is
    called with the number before each transfer.
    """

    def __init__(self, chip: Mfrc522Chip, lie_for: Callable[[int], Lie | None], seed: int = 0) -> None:
        super().__init__(chip, (0, 0))
        self.answers = 0
        self.meanwhile: Callable[[int], None] = lambda _: None
        self._lie_for = lie_for
        self._dice = random.Random(seed)
        self._before: list[int] = []

    def xfer2(self, values: list[int]) -> list[int]:
        """One transfer, honest or not."""
        number, self.answers = self.answers, self.answers + 1
        self.meanwhile(number)
        honest = super().xfer2(values)
        before, self._before = self._before, honest
        lie = self._lie_for(number)
        return lie(self._dice, honest, before) if lie else honest
