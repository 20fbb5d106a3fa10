"""What the parts' tests share: a bench with an emulated reader, the default wiring, a world with a door."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.emulated_reader import ReaderBench
from support.hand_clock import HandClock
from support.wires import Wires

from hardware.board import Board, open_board
from hardware.emulated.gpio import lgpio_module
from hardware.emulated.world import World
from hardware.emulated.world_server import WorldServer
from hardware.parts import Position
from hardware.pins import Pins, open_pins
from hardware.wiring import SlotWiring, SolenoidWiring, Wiring

Eventually = Callable[[Callable[[], object]], None]
OpenBoard = Callable[..., Board]


@pytest.fixture
def bench() -> ReaderBench:
    return ReaderBench()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def wires() -> Wires:
    return Wires()


@pytest.fixture
def pins(wires: Wires) -> Iterator[Pins]:
    """The lines of an emulated GPIO chip, which end at `wires`."""
    opened = open_pins(stand_in=lgpio_module(wires))
    yield opened
    opened.close()
    opened.close()


@pytest.fixture
def wiring() -> Wiring:
    return Wiring(
        kind="simulated",
        slots=(
            SlotWiring(number=1, lights=(8, 15), lock=SolenoidWiring(pin=17, sensor_pin=27)),
            SlotWiring(number=2, lights=(16, 23), lock=SolenoidWiring(pin=22, sensor_pin=23)),
        ),
    )


@pytest.fixture
def eventually() -> Eventually:
    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.002)

    return wait


@pytest.fixture
def world(wiring: Wiring, tmp_path: Path) -> World:
    return World(wiring, tmp_path / "world.json", travel_s=0.02)


@pytest.fixture
def door(world: World, tmp_path: Path) -> Iterator[Path]:
    """The socket at which `world` is served."""
    with WorldServer(world, tmp_path / "world.sock"):
        yield tmp_path / "world.sock"


@pytest.fixture
def lost() -> threading.Event:
    return threading.Event()


@pytest.fixture
def board(wiring: Wiring, door: Path, lost: threading.Event) -> Iterator[OpenBoard]:
    """Opens boards in `world`, and closes them after the test."""
    with ExitStack() as life:

        def opened(used: Wiring = wiring, positions: dict[int, Position] | None = None) -> Board:
            board = open_board(used, positions or {}, world=door, lost=lost.set)
            life.callback(board.close)
            return board

        yield opened


@pytest.fixture(autouse=True)
def _no_thread_left(eventually: Eventually) -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    eventually(lambda: set(threading.enumerate()) <= before)
