"""The promises of `parts.Lock` and `parts.Permit`, for every slot of the station."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.hands import bolt_is, line_is
from support.patience import until
from support.promised import Promised, attempt

from hardware.board import Board
from hardware.clock import boottime
from hardware.parts import HardwareError, Lock, LockFailure, Position
from hardware.wiring import SlotWiring

LOCKED, UNLOCKED = Position.LOCKED, Position.UNLOCKED
BOTH_WAYS = (LOCKED, UNLOCKED)
AT_ONCE_S = 0.05
LOOKED_S = 1.0


@pytest.fixture
def slots(station: Promised, board: Board) -> Iterator[list[tuple[SlotWiring, Lock]]]:
    """Every slot, with nobody's hands on its bolt; afterwards all are open."""
    for slot in station.wiring.slots:
        station.hands.keep_off(slot.number)
    yield [(slot, board.locks[slot.number]) for slot in station.wiring.slots]
    opened(board)


def opened(board: Board) -> None:
    for lock in board.locks.values():
        attempt(lock, UNLOCKED)


def arrives(station: Promised, slot: SlotWiring, lock: Lock, position: Position, within_s: float) -> bool:
    """Whether the bolt gets there, by its sensor, and without one for whoever looks."""
    if slot.lock.sensor_pin is not None:
        return until(lambda: lock.seen() is position, within_s)
    assert lock.seen() is None
    is_there = bolt_is(slot.number, position.value)
    return station.hands.sees(f"is the bolt of slot {slot.number} {position} now", is_there)


def moves(station: Promised, slot: SlotWiring, lock: Lock, position: Position) -> bool:
    """Whether it gets there in one attempt; in a world whose time nobody promised, in as many as the config gives."""
    for _ in range(1 if station.timed else slot.lock.attempts):
        began = attempt(lock, position)
        if arrives(station, slot, lock, position, began + lock.settle_s(position) - boottime()):
            return True
    return False


def test_an_attempt_moves_the_bolt_in_time_both_ways_and_the_sensor_follows(
    station: Promised, slots: list[tuple[SlotWiring, Lock]]
) -> None:
    for slot, lock in slots:
        for position in BOTH_WAYS:
            assert moves(station, slot, lock, position), f"slot {slot.number} is not {position}"


def test_to_drive_returns_at_once_and_what_it_began_is_over_when_the_bolt_is_judged(
    station: Promised, slots: list[tuple[SlotWiring, Lock]]
) -> None:
    for _, lock in slots:
        for position in BOTH_WAYS:
            assert until(lambda lock=lock, position=position: lock.ready_s(position) == 0, 30.0)
            began = boottime()
            lock.drive(position)
            assert boottime() - began <= station.within(AT_ONCE_S)
            assert (lock.tend() or 0.0) <= lock.settle_s(position)
            assert until(lambda lock=lock: lock.tend() is None)
            assert boottime() - began <= station.within(lock.settle_s(position))


def test_a_lock_that_has_to_rest_drives_nothing(station: Promised, slots: list[tuple[SlotWiring, Lock]]) -> None:
    for slot, lock in slots:
        attempt(lock, LOCKED)
        edges = station.hands.edges(slot.number)
        for position in (LOCKED, UNLOCKED):
            if lock.ready_s(position) > 0:
                with pytest.raises(LockFailure):
                    lock.drive(position)
        assert edges is None or edges() == []


def test_to_let_go_never_waits_for_a_coil(station: Promised, slots: list[tuple[SlotWiring, Lock]]) -> None:
    for slot, lock in slots:
        attempt(lock, LOCKED)
        if slot.lock.kind == "solenoid":
            assert lock.ready_s(UNLOCKED) == 0
            lock.drive(UNLOCKED)
            assert arrives(station, slot, lock, UNLOCKED, station.within(lock.settle_s(UNLOCKED)))


def test_halted_nothing_is_under_way_and_a_held_bolt_stays(
    station: Promised, slots: list[tuple[SlotWiring, Lock]]
) -> None:
    for slot, lock in slots:
        assert moves(station, slot, lock, LOCKED)
        lock.halt()
        assert lock.tend() is None
        assert arrives(station, slot, lock, LOCKED, station.within(AT_ONCE_S))
        assert until(lambda lock=lock: lock.ready_s(UNLOCKED) == 0, 30.0)
        lock.drive(UNLOCKED)
        lock.halt()
        assert lock.tend() is None


@pytest.mark.parametrize("position", [LOCKED, UNLOCKED])
def test_closed_and_opened_anew_the_bolt_sees_no_edge(station: Promised, position: Position) -> None:
    everywhere = {slot.number: position for slot in station.wiring.slots}
    for number in everywhere:
        station.hands.keep_off(number)
    with closing(station.open(dict.fromkeys(everywhere, UNLOCKED))) as board:
        for slot in station.wiring.slots:
            lock = board.locks[slot.number]
            assert moves(station, slot, lock, position)
        counters = [station.hands.edges(number) for number in everywhere]
        board.close()
        board.close()
    with closing(station.open(everywhere)) as board:
        for slot in station.wiring.slots:
            lock = board.locks[slot.number]
            assert arrives(station, slot, lock, position, station.within(AT_ONCE_S)), "it moved meanwhile"
            moved = slot.lock.sensor_pin is not None and until(
                lambda lock=lock: lock.seen() is not position, LOOKED_S if station.timed else 0.0
            )
            assert not moved, f"slot {slot.number} moved when it was opened anew"
        assert [edges() for edges in counters if edges is not None] == [[] for edges in counters if edges is not None]
        opened(board)


HOLDER = """
import sys
from pathlib import Path
from hardware.board import open_board
from hardware.parts import Position
from hardware.wiring import *
wiring = eval(sys.argv[1])
held = {slot.number: Position.LOCKED for slot in wiring.slots}
open_board(wiring, held, world=Path(sys.argv[2]), lost=lambda: None, runtime=Path(sys.argv[3]))
print("open", flush=True)
sys.stdin.read()
"""


def test_a_killed_station_leaves_every_bolt_where_it_was(station: Promised) -> None:
    """On metal: whether this kernel keeps outputs when their process dies (persist_gpio_outputs)."""
    for slot in station.wiring.slots:
        station.hands.keep_off(slot.number)
    with closing(station.open({slot.number: UNLOCKED for slot in station.wiring.slots})) as board:
        for slot in station.wiring.slots:
            assert moves(station, slot, board.locks[slot.number], LOCKED)
    counters = [station.hands.edges(slot.number) for slot in station.wiring.slots]
    command = [sys.executable, "-P", "-c", HOLDER, repr(station.wiring), str(station.world), str(station.runtime)]
    clean = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, env=clean, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        holder.kill()
    with closing(station.open({slot.number: LOCKED for slot in station.wiring.slots})) as board:
        for slot in station.wiring.slots:
            stayed = arrives(station, slot, board.locks[slot.number], LOCKED, station.within(AT_ONCE_S))
            assert stayed, f"slot {slot.number} opened: take strict_gpiod out of config.txt (docs/locks.md)"
        assert all(edges is None or edges() == [] for edges in counters)
        opened(board)


def test_closed_a_lock_raises_nothing_but_a_hardware_error(station: Promised, board: Board) -> None:
    for slot in station.wiring.slots:
        lock = board.locks[slot.number]
        assert until(lambda lock=lock: lock.ready_s(UNLOCKED) == 0, 30.0)
        lock.close()
        lock.close()
        lock.halt()
        if slot.lock.kind == "motor" or slot.lock.hold_duty == 1.0:  # a PWM channel has nothing to give back
            with pytest.raises(HardwareError):
                lock.drive(UNLOCKED)


def test_a_kick_is_shorter_than_a_move(station: Promised, board: Board) -> None:
    del station
    for lock in board.locks.values():
        assert 0 <= lock.kick_s <= lock.settle_s(LOCKED)


def test_a_permit_is_on_while_it_is_granted(station: Promised, board: Board) -> None:
    permits = [(slot, board.locks[slot.number].permit) for slot in station.wiring.slots if slot.power_permit_pin]
    if not permits:
        pytest.skip("no slot has a power_permit_pin")
    for slot, permit in permits:
        assert permit is not None
        station.hands.no_power(slot.number)
        assert permit.granted is False, "it was claimed high for a free slot"
        for granted in (True, False):
            permit.grant(granted)
            assert permit.granted is granted
            pin, level = slot.power_permit_pin or 0, int(granted)
            volts = f"does the power permit of slot {slot.number} (GPIO{pin}) have {'3.3' if granted else '0'} V"
            assert station.hands.sees(volts, line_is(pin, level))
