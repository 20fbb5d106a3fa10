"""A bench with an emulated reader on it, in a time of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as default
from types import ModuleType

import pytest

from hardware.emulated.cards import Field
from hardware.emulated.mfrc522_chip import Mfrc522Chip
from hardware.emulated.spidev import spidev_module
from hardware.reader import Mfrc522Reader, open_reader
from hardware.wiring import ReaderWiring


class Ticking:
    """Seconds that pass only here: 41 us with each look at the clock (one transfer at 1 MHz), and what is napped."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 41e-6
        return self.now

    def nap(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Bench:
    """Field, chip and bus, and a reader on them."""

    field: Field = default(default_factory=Field)
    clock: Ticking = default(default_factory=Ticking)
    version: int = 0x92

    def __post_init__(self) -> None:
        self.chip = Mfrc522Chip(self.field, self.clock, self.version)
        self.spidev: ModuleType = spidev_module(self.chip)
        self.reader: Mfrc522Reader = open_reader(ReaderWiring(), self.spidev, None, self.clock.nap, self.clock)

    def transfers(self, work: Callable[[], object]) -> int:
        before = self.chip.transfers
        work()
        return self.chip.transfers - before


@pytest.fixture
def bench() -> Bench:
    return Bench()
