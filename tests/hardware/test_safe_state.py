"""What the command `safe-state` does to the lines of a station that is gone."""

from typing import Any

import pytest
from support.wires import Wires

from hardware.emulated.pwm import EmulatedPwm
from hardware.interlock import OFF_S
from hardware.parts import PartMissing
from hardware.pins import Pins
from hardware.pwm import Pwm
from hardware.safe_state import end_pulses, let_go
from hardware.wiring import MotorWiring, SlotWiring, SolenoidWiring

MOTOR = SlotWiring(number=1, lights=(8, 15), lock=MotorWiring(lock_pin=17, unlock_pin=22), power_permit_pin=5)
HELD = SlotWiring(number=2, lights=(8, 15), lock=SolenoidWiring(pin=23), power_permit_pin=6)
SOFT = SlotWiring(number=3, lights=(8, 15), lock=SolenoidWiring(pin=12, hold_duty=0.5))
SLOTS = (MOTOR, HELD, SOFT)


@pytest.fixture
def pwm(wires: Wires) -> Pwm:
    return Pwm(EmulatedPwm([12], wires.drive, [12]))


def test_motor_lines_go_low_and_nothing_else_is_touched(pins: Pins, wires: Wires) -> None:
    assert list(end_pulses(SLOTS, pins)) == ["slot 1: motor line GPIO17 low", "slot 1: motor line GPIO22 low"]
    assert wires.driven == [(17, 0), (22, 0)]


def test_let_go_withdraws_power_half_a_second_before_any_bolt_opens(pins: Pins, wires: Wires, pwm: Pwm) -> None:
    told = list(let_go(SLOTS, pins, pwm, lambda seconds: wires.driven.append((-1, int(1000 * seconds)))))
    assert wires.driven == [(5, 0), (6, 0), (-1, int(1000 * OFF_S)), (23, 0), (12, 0)]
    assert told == [
        "slot 1: power permit withdrawn",
        "slot 2: power permit withdrawn",
        "slot 2: solenoid let go",
        "slot 3: solenoid let go",
    ]


def test_without_permits_nothing_is_awaited(pins: Pins, wires: Wires, pwm: Pwm) -> None:
    def never(_: float) -> None:
        raise AssertionError("nothing is to be awaited")

    assert list(let_go((SOFT,), pins, pwm, never)) == ["slot 3: solenoid let go"]
    assert wires.driven == [(12, 0)]


def test_a_line_that_is_busy_is_left_alone_and_said_so(pins: Pins, wires: Wires, pwm: Pwm) -> None:
    held = [pins.output(pin, high=True) for pin in (17, 23)]
    wires.driven.clear()
    told = [*end_pulses(SLOTS, pins), *let_go(SLOTS, pins, pwm, lambda _: None)]
    assert wires.driven == [(22, 0), (5, 0), (6, 0), (12, 0)]
    assert [line for line in told if "left alone: GPIO" in line] == [told[0], told[4]]
    for line in held:
        line.close()


def test_a_bolt_whose_power_cannot_be_withdrawn_is_not_let_go(pins: Pins, wires: Wires, pwm: Pwm) -> None:
    permit = pins.output(6, high=True)
    wires.driven.clear()
    told = list(let_go((HELD,), pins, pwm, lambda _: None))
    assert wires.driven == []
    assert told[-1] == "slot 2: the bolt stays, for its power may be on"
    permit.close()


def test_pwm_that_cannot_be_driven_is_a_missing_part(pins: Pins) -> None:
    nothing: Any = EmulatedPwm([], lambda *_: None, [])
    with pytest.raises(PartMissing, match="dtoverlay"):
        list(let_go((SOFT,), pins, Pwm(nothing), lambda _: None))
