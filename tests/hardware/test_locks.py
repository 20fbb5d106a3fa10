"""Solenoid locks at full power over the real gpiozero and the emulated lines."""

from dataclasses import replace

import pytest
from support.wires import Wires

from hardware.emulated.gpio import lgpio_module
from hardware.emulated.pwm import EmulatedPwm
from hardware.locks import open_lock as opened
from hardware.parts import Lock, LockFailure, PartMissing, Position
from hardware.pins import Pins, open_pins
from hardware.pwm import Pwm
from hardware.wiring import Level, SlotWiring, SolenoidWiring

SLOT = SlotWiring(number=1, lights=(8, 15), lock=SolenoidWiring(pin=17, sensor_pin=27))


def open_lock(slot: SlotWiring, pins: Pins, position: Position | None) -> Lock:
    return opened(slot, pins, position, pwm=Pwm(EmulatedPwm([], lambda *_: None, ())))


def test_a_held_lock_sees_no_low_edge_from_open_to_close(pins: Pins, wires: Wires) -> None:
    lock = open_lock(SLOT, pins, Position.LOCKED)
    lock.drive(Position.LOCKED)
    lock.close()
    lock.close()
    pins.close()
    assert wires.levels(17) == [1, 1]


def test_an_open_lock_is_claimed_low_and_driven_both_ways(pins: Pins, wires: Wires) -> None:
    lock = open_lock(SLOT, pins, Position.UNLOCKED)
    lock.drive(Position.LOCKED)
    lock.drive(Position.UNLOCKED)
    assert wires.levels(17) == [0, 1, 0]


@pytest.mark.parametrize(("sensor_locked", "closed_shows"), [("low", Position.LOCKED), ("high", Position.UNLOCKED)])
def test_the_sensors_polarity(pins: Pins, wires: Wires, sensor_locked: Level, closed_shows: Position) -> None:
    wiring = replace(SLOT, lock=SolenoidWiring(pin=17, sensor_pin=27, sensor_locked=sensor_locked))
    lock = open_lock(wiring, pins, Position.UNLOCKED)
    assert lock.seen() is not closed_shows
    wires.grounded.add(27)
    assert lock.seen() is closed_shows


@pytest.mark.parametrize(("closed", "level"), [({27}, 1), (set(), 0)])
def test_a_lock_that_nobody_remembers_is_claimed_as_its_sensor_shows(
    pins: Pins, wires: Wires, closed: set[int], level: int
) -> None:
    wires.grounded |= closed
    open_lock(SLOT, pins, None)
    assert wires.levels(17) == [level]


BLIND = replace(SLOT, lock=SolenoidWiring(pin=17, move_timeout_ms=300))


@pytest.mark.parametrize(("position", "level"), [(Position.LOCKED, 1), (Position.UNLOCKED, 0)])
def test_without_a_sensor_a_lock_that_nobody_remembers_is_not_touched_before_it_is_driven(
    pins: Pins, wires: Wires, position: Position, level: int
) -> None:
    lock = open_lock(BLIND, pins, None)
    assert lock.seen() is None
    assert lock.settle_s(Position.LOCKED) == 0.3
    assert wires.levels(17) == []
    lock.drive(position)
    assert set(wires.levels(17)) == {level}
    lock.drive(Position.UNLOCKED)
    assert wires.levels(17)[-1] == 0
    lock.close()
    lock.close()


@pytest.mark.parametrize("position", [Position.LOCKED, Position.UNLOCKED, None])
def test_a_bolt_stays_where_the_claimed_line_keeps_it(pins: Pins, position: Position | None) -> None:
    lock = open_lock(BLIND, pins, position)
    assert [lock.stays(each) for each in Position] == [each is position for each in Position]
    for goal in Position:
        lock.drive(goal)
        assert [lock.stays(each) for each in Position] == [each is goal for each in Position]


def test_closed_before_it_was_driven_it_is_left_alone(pins: Pins, wires: Wires) -> None:
    open_lock(BLIND, pins, None).close()
    assert wires.levels(17) == []


def test_a_line_that_turns_out_to_be_taken_is_the_locks_failure(pins: Pins) -> None:
    taken = open_lock(BLIND, pins, Position.LOCKED)
    lock = open_lock(BLIND, pins, None)
    with pytest.raises(LockFailure, match="GPIO17"):
        lock.drive(Position.UNLOCKED)
    taken.close()


def test_lines_that_fail_are_the_locks_failure(pins: Pins, wires: Wires) -> None:
    lock = open_lock(SLOT, pins, Position.UNLOCKED)
    wires.cut = True
    with pytest.raises(LockFailure, match="cannot be driven"):
        lock.drive(Position.LOCKED)
    with pytest.raises(LockFailure, match="cannot be read"):
        lock.seen()
    lock.close()
    with pytest.raises(LockFailure):
        lock.drive(Position.LOCKED)


def test_a_sensor_that_cannot_be_read_at_the_start_is_a_missing_part(pins: Pins, wires: Wires) -> None:
    wires.deaf = True
    with pytest.raises(PartMissing, match="slot 1"):
        open_lock(SLOT, pins, None)


def test_a_line_that_is_in_use_or_out_of_reach_cannot_be_claimed(pins: Pins, wires: Wires) -> None:
    lock = open_lock(SLOT, pins, Position.UNLOCKED)
    with pytest.raises(PartMissing, match="GPIO27 is in use"):
        open_lock(SLOT, pins, Position.UNLOCKED)
    with pytest.raises(PartMissing, match="GPIO17 is in use"):
        pins.output(17, high=True)
    wires.cut = True
    with pytest.raises(PartMissing, match="GPIO5 cannot be claimed"):
        pins.input(5)
    lock.close()


def test_two_stations_in_one_process_have_their_own_lines(pins: Pins, wires: Wires) -> None:
    other_wires = Wires()
    other = open_pins(stand_in=lgpio_module(other_wires))
    open_lock(SLOT, pins, Position.UNLOCKED).drive(Position.LOCKED)
    open_lock(SLOT, other, Position.UNLOCKED)
    other.close()
    assert wires.levels(17) == [0, 1]
    assert other_wires.levels(17) == [0]


def test_the_reset_line_goes_high_and_low(pins: Pins, wires: Wires) -> None:
    reset = pins.output(25, high=True)
    reset.off()
    reset.on()
    assert wires.levels(25) == [1, 0, 1]
