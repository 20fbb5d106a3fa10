"""Motor locks: bounded pulses, never both ways at once, and rest in between, whatever is asked."""

from typing import Any

import pytest
from support.wires import Wires

from hardware.duty import REST_TIMES
from hardware.locks import open_lock
from hardware.motor import MotorLock
from hardware.parts import LockFailure, Position
from hardware.pins import LineFailure, Pins
from hardware.pwm import Pwm, Sysfs
from hardware.wiring import Level, MotorWiring, SlotWiring

LOCKED, UNLOCKED = Position.LOCKED, Position.UNLOCKED
PULSE_S = 0.3
REST_S = REST_TIMES * PULSE_S


class Wire:
    """A motor line that remembers its levels with their time, and fails as told."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self.levels: list[tuple[float, bool]] = []
        self.high = False
        self.fails: set[bool] = set()

    def on(self) -> None:
        self._put(True)

    def off(self) -> None:
        self._put(False)

    def close(self) -> None:
        pass

    def _put(self, high: bool) -> None:
        if high in self.fails:
            raise LineFailure("no line")
        if high != self.high:
            self.high = high
            self.levels.append((self._clock(), high))


class Motor:
    """A motor lock that has rested since it was opened."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.lock_wire, self.unlock_wire = Wire(clock), Wire(clock)
        self.lock = MotorLock(self.lock_wire, self.unlock_wire, pulse_s=PULSE_S, settle_s=0.8, clock=clock)
        clock.advance(REST_S)

    def pulse(self, position: Position) -> None:
        self.lock.drive(position)
        self.clock.advance(PULSE_S)
        self.lock.tend()


@pytest.fixture
def motor(clock: Any) -> Motor:
    return Motor(clock)


def test_a_bolt_stays_wherever_a_motor_left_it(motor: Motor) -> None:
    assert all(motor.lock.stays(position) for position in Position)


def test_a_pulse_ends_when_it_is_tended_in_time(motor: Motor) -> None:
    began = motor.clock()
    motor.lock.drive(LOCKED)
    assert motor.lock.tend() == pytest.approx(PULSE_S)
    motor.clock.advance(0.1)
    assert motor.lock.tend() == pytest.approx(PULSE_S - 0.1)
    motor.clock.advance(PULSE_S - 0.1)
    assert motor.lock.tend() is None
    assert motor.lock_wire.levels == [(began, True), (pytest.approx(began + PULSE_S), False)]
    assert motor.unlock_wire.levels == []


@pytest.mark.parametrize("then", [LOCKED, UNLOCKED])
def test_after_a_pulse_the_motor_rests_eight_times_as_long(motor: Motor, then: Position) -> None:
    motor.pulse(LOCKED)
    assert motor.lock.ready_s(then) == pytest.approx(REST_S)
    with pytest.raises(LockFailure, match="rest"):
        motor.lock.drive(then)
    assert (motor.lock_wire.high, motor.unlock_wire.high) == (False, False)
    motor.clock.advance(REST_S + 0.001)
    assert motor.lock.ready_s(then) == 0.0
    motor.lock.drive(then)
    assert (motor.lock_wire.high, motor.unlock_wire.high) == (then is LOCKED, then is UNLOCKED)


def test_the_other_way_is_never_driven_while_a_pulse_goes_on(motor: Motor) -> None:
    motor.lock.drive(LOCKED)
    assert motor.lock.ready_s(UNLOCKED) == pytest.approx(PULSE_S + REST_S)
    with pytest.raises(LockFailure):
        motor.lock.drive(UNLOCKED)
    assert (motor.lock_wire.high, motor.unlock_wire.high) == (True, False)


def test_nobody_knows_when_it_was_driven_before_so_the_first_pulse_waits(clock: Any) -> None:
    lock = MotorLock(Wire(clock), Wire(clock), pulse_s=PULSE_S, settle_s=0.8, clock=clock)
    assert lock.ready_s(LOCKED) == pytest.approx(REST_S)
    with pytest.raises(LockFailure):
        lock.drive(LOCKED)


def test_a_pulse_that_ended_late_costs_a_longer_rest(motor: Motor) -> None:
    motor.lock.drive(LOCKED)
    motor.clock.advance(2 * PULSE_S)
    motor.lock.tend()
    assert motor.lock.ready_s(LOCKED) == pytest.approx(2 * REST_S)


def test_a_line_that_does_not_go_high_is_put_low_again(motor: Motor) -> None:
    motor.lock_wire.fails = {True}
    motor.lock_wire.high = True  # it went high all the same
    with pytest.raises(LockFailure, match="cannot be driven"):
        motor.lock.drive(LOCKED)
    assert not motor.lock_wire.high
    assert motor.lock.tend() is None


def test_a_line_that_does_not_go_low_is_tried_until_it_does(motor: Motor) -> None:
    motor.lock.drive(LOCKED)
    motor.lock_wire.fails = {False}
    motor.clock.advance(PULSE_S)
    for _ in range(2):
        with pytest.raises(LockFailure, match="cut its power"):
            motor.lock.tend()
        assert motor.lock.ready_s(UNLOCKED) > 0
    motor.lock_wire.fails = set()
    motor.lock.tend()
    assert not motor.lock_wire.high


def test_halt_and_close_end_a_pulse(motor: Motor, caplog: pytest.LogCaptureFixture) -> None:
    motor.lock.halt()
    motor.lock.drive(LOCKED)
    motor.lock.halt()
    assert not motor.lock_wire.high
    motor.clock.advance(REST_S)
    motor.lock.drive(UNLOCKED)
    motor.lock.close()
    motor.lock.close()
    assert not motor.unlock_wire.high
    assert caplog.text == ""


def test_a_motor_that_cannot_be_switched_off_at_the_end_is_told(motor: Motor, caplog: pytest.LogCaptureFixture) -> None:
    motor.lock.drive(LOCKED)
    motor.lock_wire.fails = {False}
    motor.lock.close()
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]


def slot(**changes: Any) -> SlotWiring:
    lock = MotorWiring(lock_pin=17, unlock_pin=22, sensor_pin=27, **changes)
    return SlotWiring(number=1, lights=(8, 15), lock=lock)


def test_both_lines_are_claimed_low_wherever_the_bolt_is(pins: Pins, wires: Wires) -> None:
    lock = open_lock(slot(), pins, LOCKED, pwm=Pwm(Sysfs()))
    lock.close()
    assert (wires.levels(17), wires.levels(22)) == ([0], [0])


@pytest.mark.parametrize(("sensor_locked", "closed_shows"), [("low", LOCKED), ("high", UNLOCKED)])
def test_the_sensors_polarity(pins: Pins, wires: Wires, sensor_locked: Level, closed_shows: Position) -> None:
    lock = open_lock(slot(sensor_locked=sensor_locked), pins, None, pwm=Pwm(Sysfs()))
    assert lock.seen() is not closed_shows
    wires.grounded.add(27)
    assert lock.seen() is closed_shows
    lock.close()


@pytest.mark.parametrize(("pulse_ms", "move_timeout_ms", "settle_s"), [(300, 800, 0.8), (2000, 800, 2.1)])
def test_a_move_is_judged_after_its_pulse(pins: Pins, pulse_ms: int, move_timeout_ms: int, settle_s: float) -> None:
    lock = open_lock(slot(pulse_ms=pulse_ms, move_timeout_ms=move_timeout_ms), pins, None, pwm=Pwm(Sysfs()))
    assert lock.settle_s(LOCKED) == pytest.approx(settle_s)
    lock.close()


def test_without_a_sensor_it_shows_nothing(motor: Motor) -> None:
    assert motor.lock.seen() is None
