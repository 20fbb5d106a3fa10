"""What is done to the locks' lines when the station's process is gone: the kernel leaves them as they were.

Nothing here reads the journal or moves a bolt towards its lock. A line that another process holds is left alone.
"""

from collections.abc import Callable, Iterator

from hardware.interlock import OFF_S
from hardware.parts import PartMissing
from hardware.pins import Pins
from hardware.pwm import Pwm
from hardware.wiring import MotorWiring, SlotWiring, SolenoidWiring


def end_pulses(slots: tuple[SlotWiring, ...], pins: Pins) -> Iterator[str]:
    """Put every motor line low; says what was done, line by line."""
    for slot in slots:
        if isinstance(slot.lock, MotorWiring):
            for pin in (slot.lock.lock_pin, slot.lock.unlock_pin):
                yield f"slot {slot.number}: {_low(pins, pin) or f'motor line GPIO{pin} low'}"


def let_go(
    slots: tuple[SlotWiring, ...],
    pins: Pins,
    pwm: Pwm,
    wait: Callable[[float], object],
) -> Iterator[str]:
    """Withdraw every power permit, wait as long as the contract asks, then let every solenoid go; says what was done.

    A slot whose permit cannot be withdrawn keeps its bolt. Raises PartMissing for hardware PWM that cannot be driven.
    """
    powered = set()
    permits = {slot.number: slot.power_permit_pin for slot in slots if slot.power_permit_pin is not None}
    for number, pin in permits.items():
        taken = _low(pins, pin)
        if taken:
            powered.add(number)
        yield f"slot {number}: {taken or 'power permit withdrawn'}"
    if permits:
        wait(OFF_S)
    for slot in slots:
        if isinstance(slot.lock, SolenoidWiring):
            kept = "the bolt stays, for its power may be on" if slot.number in powered else None
            yield f"slot {slot.number}: {kept or _drop(slot.lock, pins, pwm) or 'solenoid let go'}"


def _drop(lock: SolenoidWiring, pins: Pins, pwm: Pwm) -> str | None:
    if lock.hold_duty < 1:
        pwm.line(lock.pin, lock.hold_duty, held=False)
        return None
    return _low(pins, lock.pin)


def _low(pins: Pins, pin: int) -> str | None:
    """Put the line low; why it was left alone, if it was."""
    try:
        pins.output(pin, high=False).close()
    except PartMissing as error:
        return f"left alone: {error}"
    return None
