"""A station whose parts are held to their promises: the board as `run` opens it, and a tap on its reader's bus."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from support.hands import Hands
from support.patience import PATIENCE_S, until

from agent.rooms import LIGHTS_PROCESS
from hardware.board import Board, open_board
from hardware.clock import boottime
from hardware.emulated.registers import Register
from hardware.parts import Lock, Position
from hardware.wiring import Wiring

RESTED_WITHIN_S = 60.0
"""How long a motor or coil may rest at most (docs/locks.md), and more."""


class Tap:
    """The reader's SPI device as its driver opened it: counts transfers, and can be used between two polls."""

    def __init__(self) -> None:
        self.transfers = 0
        self.cut = False
        self.written: dict[int, int] = {}
        self._spi: Any = None

    def spidev(self, module: ModuleType) -> ModuleType:
        """`module`, tapped."""
        tapped = ModuleType("spidev")
        vars(tapped)["SpiDev"] = partial(self._opened, module)
        return tapped

    def xfer2(self, values: list[int]) -> list[int]:
        """One transfer. Raises OSError, also while the bus is `cut`."""
        self.transfers += 1
        if self.cut:
            raise OSError(5, "Input/output error")
        if not values[0] & 0x80:
            self.written[values[0] >> 1] = values[-1]
        answer: list[int] = self._spi.xfer2(values)
        return answer

    def read(self, register: int) -> int:
        """One register."""
        return self.xfer2([0x80 | register << 1, 0])[1]

    def write(self, register: int, value: int) -> None:
        """One register."""
        self.xfer2([register << 1, value])

    @property
    def field_is_on(self) -> bool:
        """Whether an antenna driver was switched on last (TxControlReg, bits 0 and 1)."""
        return bool(self.written.get(Register.TX_CONTROL, 0) & 0x03)

    def _opened(self, module: ModuleType) -> "_TappedSpi":
        self._spi = module.SpiDev()
        return _TappedSpi(self, self._spi)


class _TappedSpi:
    def __init__(self, tap: Tap, spi: Any) -> None:
        self.xfer2 = tap.xfer2
        self.open = spi.open
        self.close = spi.close
        self._spi = spi

    def __setattr__(self, name: str, value: object) -> None:
        """max_speed_hz and mode are the device's own."""
        super().__setattr__(name, value)
        if name in ("max_speed_hz", "mode"):
            setattr(self._spi, name, value)


@dataclass
class Promised:
    """A station under test. `timed`: its chips are real, so clocks decide; an emulated one is counted instead."""

    wiring: Wiring
    hands: Hands
    tap: Tap
    world: Path
    runtime: Path

    @property
    def timed(self) -> bool:
        """Whether its chips are real."""
        return self.wiring.kind == "raspberry-pi"

    def open(self, positions: Mapping[int, Position]) -> Board:
        """The board as `run` opens it, its locks claimed at `positions`."""
        return open_board(
            self.wiring,
            positions,
            world=self.world,
            lost=lambda: None,
            runtime=self.runtime,
            lights_process=LIGHTS_PROCESS,
        )

    def within(self, seconds: float) -> float:
        """Seconds that something may take: what is promised, or plenty."""
        return seconds if self.timed else PATIENCE_S

    def cost(self, work: Callable[[], object]) -> tuple[int, float]:
        """Transfers and seconds that it takes."""
        transfers, began = self.tap.transfers, boottime()
        work()
        return self.tap.transfers - transfers, boottime() - began


def attempt(lock: Lock, position: Position) -> float:
    """One attempt, as whoever owns the lock makes it: when it is ready, tended until nothing is under way.

    When it was driven (CLOCK_BOOTTIME seconds).
    """
    assert until(lambda: lock.ready_s(position) == 0, RESTED_WITHIN_S), "it is never ready"
    began = boottime()
    lock.drive(position)
    assert until(lambda: lock.tend() is None), "what drive began never ends"
    return began
