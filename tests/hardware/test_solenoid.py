"""Solenoids that are pulled in with full power and held with less."""

from typing import Any

import pytest
from support.wires import Wires

from hardware.duty import REST_TIMES
from hardware.emulated.pwm import EmulatedPwm
from hardware.locks import open_lock
from hardware.parts import LockFailure, PartMissing, Position
from hardware.pins import LineFailure, Pins
from hardware.pwm import PERIOD_NS, Pwm, PwmLine
from hardware.solenoid import PulledIn, SolenoidLock
from hardware.wiring import SlotWiring, SolenoidWiring

LOCKED, UNLOCKED = Position.LOCKED, Position.UNLOCKED
PULL_IN_S = 0.15
REST_S = REST_TIMES * PULL_IN_S
DUTY = "pwmchip0/pwm0/duty_cycle"
FULL, HOLD = str(PERIOD_NS), str(PERIOD_NS // 2)


class Chip(EmulatedPwm):
    """A PWM chip on line 12 that can be cut off."""

    def __init__(self, *high: int) -> None:
        self.levels: list[int] = []
        self.cut = False
        super().__init__([12], lambda _, level: self.levels.append(level), high)

    def write(self, name: str, text: str) -> None:
        if self.cut:
            raise OSError("cut")
        super().write(name, text)

    @property
    def duty(self) -> str:
        return self.read(DUTY)


class Coil:
    """A lock over that chip which has cooled since it was opened."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.chip = Chip()
        line: PwmLine = Pwm(self.chip).line(12, 0.5, held=False)
        self.lock = SolenoidLock(PulledIn(line, PULL_IN_S, clock=clock), settle_s=0.8)
        clock.advance(REST_S)


@pytest.fixture
def coil(clock: Any) -> Coil:
    return Coil(clock)


def test_full_power_for_the_pull_in_and_a_share_after_it(coil: Coil) -> None:
    coil.lock.drive(LOCKED)
    assert coil.chip.duty == FULL
    assert coil.lock.tend() == pytest.approx(PULL_IN_S)
    coil.clock.advance(PULL_IN_S)
    assert coil.lock.tend() is None
    assert coil.chip.duty == HOLD
    assert coil.chip.levels == [1], "it was never off in between"


def test_a_bolt_stays_only_where_its_power_keeps_it(coil: Coil) -> None:
    def stays() -> tuple[bool, bool]:
        return coil.lock.stays(LOCKED), coil.lock.stays(UNLOCKED)

    assert stays() == (False, True)
    coil.lock.drive(LOCKED)
    assert stays() == (True, False)
    coil.chip.cut = True
    with pytest.raises(LockFailure, match="cut"):
        coil.lock.drive(UNLOCKED)
    assert stays() == (True, False)
    coil.chip.cut = False
    coil.lock.drive(UNLOCKED)
    assert stays() == (False, True)


def test_pull_ins_are_far_apart_and_letting_go_never_waits(coil: Coil) -> None:
    coil.lock.drive(LOCKED)
    assert coil.lock.ready_s(LOCKED) == pytest.approx(PULL_IN_S + REST_S)
    coil.clock.advance(PULL_IN_S)
    coil.lock.tend()
    assert coil.lock.ready_s(LOCKED) == pytest.approx(REST_S)
    with pytest.raises(LockFailure, match="cool"):
        coil.lock.drive(LOCKED)
    assert coil.chip.duty == HOLD
    assert coil.lock.ready_s(UNLOCKED) == 0.0
    coil.lock.drive(UNLOCKED)
    assert coil.chip.duty == "0"
    coil.clock.advance(REST_S + 0.001)
    coil.lock.drive(LOCKED)
    assert coil.chip.duty == FULL


def test_let_go_during_the_pull_in_it_stays_off(coil: Coil) -> None:
    coil.lock.drive(LOCKED)
    coil.clock.advance(PULL_IN_S / 2)
    coil.lock.drive(UNLOCKED)
    coil.clock.advance(PULL_IN_S)
    assert coil.lock.tend() is None
    assert coil.chip.duty == "0"


def test_a_pull_in_that_cannot_be_ended_is_tried_again(coil: Coil, caplog: pytest.LogCaptureFixture) -> None:
    coil.lock.drive(LOCKED)
    coil.clock.advance(PULL_IN_S)
    coil.chip.cut = True
    with pytest.raises(LockFailure, match="full power"):
        coil.lock.tend()
    coil.lock.halt()
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]
    coil.chip.cut = False
    assert coil.lock.tend() is None
    assert coil.chip.duty == HOLD


def test_halt_and_close_hold_what_was_being_pulled_in(coil: Coil) -> None:
    coil.lock.halt()
    coil.lock.drive(LOCKED)
    coil.lock.halt()
    assert coil.chip.duty == HOLD
    coil.clock.advance(REST_S)
    coil.lock.drive(LOCKED)
    coil.lock.close()
    coil.lock.close()
    assert coil.chip.duty == HOLD
    assert coil.chip.levels == [1]


def test_a_coil_that_cannot_be_driven_is_the_locks_failure(coil: Coil) -> None:
    coil.chip.cut = True
    for position in (LOCKED, UNLOCKED):
        with pytest.raises(LockFailure, match="cannot be driven"):
            coil.lock.drive(position)


SLOT = SlotWiring(number=1, lights=(8, 15), lock=SolenoidWiring(pin=12, hold_duty=0.5, sensor_pin=27, pull_in_ms=1500))


@pytest.mark.parametrize(
    ("position", "high", "closed", "duty"),
    [
        (LOCKED, (12,), set(), HOLD),
        (LOCKED, (), set(), "0"),
        (UNLOCKED, (12,), set(), "0"),
        (None, (12,), {27}, HOLD),
        (None, (12,), set(), "0"),
    ],
)
def test_a_lock_is_claimed_as_it_is(
    pins: Pins, wires: Wires, position: Position | None, high: tuple[int, ...], closed: set[int], duty: str
) -> None:
    wires.grounded |= closed
    chip = Chip(*high)
    lock = open_lock(SLOT, pins, position, pwm=Pwm(chip))
    assert chip.duty == duty
    assert lock.stays(LOCKED) is (duty == HOLD)
    assert lock.settle_s(LOCKED) == pytest.approx(1.6), "it is judged after its pull-in"
    lock.close()
    assert 12 not in [pin for pin, _ in wires.driven], "the line belongs to the PWM block alone"


def test_a_lock_without_pwm_is_a_missing_part(pins: Pins) -> None:
    with pytest.raises(PartMissing, match="dtoverlay"):
        open_lock(SLOT, pins, LOCKED, pwm=Pwm(EmulatedPwm([], lambda *_: None, ())))


def test_a_line_that_fails_says_which() -> None:
    chip = Chip()
    line = Pwm(chip).line(12, 0.5, held=False)
    chip.cut = True
    with pytest.raises(LineFailure, match="GPIO12"):
        line.hold()
