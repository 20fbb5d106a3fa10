"""Locks of every kind from wiring to a bolt in the world, over stops, kills and starts."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hardware.board import make_safe, open_board
from hardware.emulated.world import World
from hardware.emulated.world_server import WorldServer
from hardware.lock_keeper import LockKeeper
from hardware.parts import Position
from hardware.wiring import LightsWiring, LockWiring, MotorWiring, SolenoidWiring, Wiring

LOCKED, UNLOCKED = Position.LOCKED, Position.UNLOCKED


def bolts(world: World) -> list[str]:
    return [slot["bolt"] for slot in world.snapshot()["slots"]]


MOTOR = MotorWiring(lock_pin=17, unlock_pin=5, sensor_pin=27, pulse_ms=60, move_timeout_ms=400)
SOFT = SolenoidWiring(pin=12, hold_duty=0.4, pull_in_ms=40, sensor_pin=27, move_timeout_ms=400)


def of_kind(wiring: Wiring, lock: LockWiring, **slot: Any) -> Wiring:
    """The station with another lock in slot 1."""
    return replace(wiring, slots=(replace(wiring.slots[0], lock=lock, **slot), wiring.slots[1]))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[[Wiring], tuple[World, Path]]]:
    """Serves worlds of the test's own wiring."""
    with ExitStack() as life:

        def serve(wiring: Wiring) -> tuple[World, Path]:
            world = World(wiring, tmp_path / "own.json", travel_s=0.02)
            life.enter_context(WorldServer(world, tmp_path / "own.sock"))
            return world, tmp_path / "own.sock"

        yield serve


@pytest.mark.parametrize("lock", [MOTOR, SOFT])
def test_a_lock_of_any_kind_is_moved_there_and_back(
    wiring: Wiring, served: Any, lock: LockWiring, lost: threading.Event
) -> None:
    wiring = of_kind(wiring, lock)
    world, door = served(wiring)
    station = open_board(wiring, {1: UNLOCKED}, world=door, lost=lost.set)
    settled: list[tuple[int, int, Position | None]] = []
    keeper = LockKeeper(station.locks, {1: 2, 2: 2}, lambda *told: settled.append(told), lambda *_: None)
    for move, position in enumerate([LOCKED, UNLOCKED, LOCKED], start=1):
        keeper.order(1, position, move)
        while len(settled) < move:
            keeper.wake.wait(keeper.step())
        assert settled[-1] == (1, move, position)
        assert bolts(world)[0] == position
    station.close()
    assert bolts(world)[0] == LOCKED
    assert not world.snapshot()["slots"][0]["burnt"]


def edges(world: World, pin: int) -> Callable[[], list[int]]:
    """Counts the edges on a line from now on."""
    levels = [world.snapshot()["lines"].get(str(pin), 0)]
    world.subscribe(lambda snapshot: levels.append(snapshot["lines"].get(str(pin), 0)))
    return lambda: [after for before, after in pairwise(levels) if before != after]


HOLDER = """
import sys
from pathlib import Path
from hardware.board import make_safe, open_board
from hardware.parts import Position
from hardware.wiring import *
wiring = eval(sys.argv[2])
board = open_board(wiring, {1: Position.LOCKED}, world=Path(sys.argv[1]), lost=sys.exit, permitted=frozenset({1}))
print("open", flush=True)
sys.stdin.read()
if len(sys.argv) > 3:
    board.close()
"""


def holder(door: Path, wiring: Wiring, *, killed: bool) -> None:
    """A life of a station that holds slot 1, which is killed or stops."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(door), repr(wiring), *([] if killed else ["close"])],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        if killed:
            process.kill()


@pytest.mark.parametrize("killed", [False, True], ids=["stop", "kill"])
@pytest.mark.parametrize("lock", [SolenoidWiring(pin=12, sensor_pin=27), SOFT], ids=["full", "soft"])
def test_a_held_solenoid_and_its_power_see_no_edge_over_stop_or_kill_and_start(
    wiring: Wiring, served: Any, lock: SolenoidWiring, killed: bool, eventually: Any, lost: threading.Event
) -> None:
    wiring = of_kind(wiring, lock, power_permit_pin=6)
    world, door = served(wiring)
    for pin in (12, 6):
        world.set_line(pin, 1)
    eventually(lambda: bolts(world)[0] == LOCKED)
    held, power = edges(world, 12), edges(world, 6)
    holder(door, wiring, killed=killed)
    station = open_board(wiring, {1: LOCKED}, world=door, lost=lost.set, permitted=frozenset({1}))
    assert station.locks[1].seen() is LOCKED
    station.close()
    station = open_board(wiring, {1: LOCKED, 2: UNLOCKED}, world=door, lost=lost.set, permitted=frozenset({1}))
    station.locks[2].drive(LOCKED)
    eventually(lambda: bolts(world)[1] == LOCKED)
    assert (held(), power()) == ([], [])
    station.close()


@pytest.mark.parametrize("position", [LOCKED, UNLOCKED, None])
def test_a_pulse_that_a_killed_station_left_ends_with_the_next_claim(
    wiring: Wiring, served: Any, position: Position | None, eventually: Any, lost: threading.Event
) -> None:
    wiring = of_kind(wiring, MOTOR)
    world, door = served(wiring)
    world.set_line(17, 1)
    station = open_board(wiring, {1: position} if position else {}, world=door, lost=lost.set)
    eventually(lambda: world.snapshot()["lines"]["17"] == 0)
    station.close()


def test_a_pulse_that_goes_on_when_the_station_stops_is_cut_short(
    wiring: Wiring, served: Any, eventually: Any, lost: threading.Event
) -> None:
    wiring = of_kind(wiring, MOTOR)
    world, door = served(wiring)
    station = open_board(wiring, {1: UNLOCKED}, world=door, lost=lost.set)
    eventually(lambda: station.locks[1].ready_s(LOCKED) == 0)
    station.locks[1].drive(LOCKED)
    eventually(lambda: world.snapshot()["lines"]["17"] == 1)
    station.close()
    eventually(lambda: world.snapshot()["lines"]["17"] == 0)


def test_safe_state_in_the_world(wiring: Wiring, served: Any, tmp_path: Path, eventually: Any) -> None:
    wiring = of_kind(wiring, SOFT, power_permit_pin=6)
    wiring = replace(wiring, slots=(wiring.slots[0], replace(wiring.slots[1], lock=replace(MOTOR, sensor_pin=23))))
    world, door = served(wiring)
    for pin in (12, 6, 17):
        world.set_line(pin, 1)
    world.show([(1, 2, 3)] * 24, 0.0)
    told = list(make_safe(wiring, world=door, runtime=tmp_path, everything=False))
    assert told == ["slot 2: motor line GPIO17 low", "slot 2: motor line GPIO5 low", "lights: dark"]
    eventually(lambda: world.snapshot()["strip"]["pixels"] == [[0, 0, 0]] * 24)
    lines = world.snapshot()["lines"]
    assert (lines["12"], lines["6"], lines["17"]) == (1, 1, 0)
    list(make_safe(wiring, world=door, runtime=tmp_path, everything=True))
    eventually(lambda: world.snapshot()["lines"]["12"] == 0)
    assert world.snapshot()["lines"]["6"] == 0
    world.set_fault("lights-dead", True)
    dead = list(make_safe(wiring, world=door, runtime=tmp_path, everything=False))
    assert dead[-1].startswith("lights: left alone: ")
    unlit = replace(wiring, lights=LightsWiring(kind="none"))
    assert len(list(make_safe(unlit, world=door, runtime=tmp_path, everything=False))) == len(told) - 1
