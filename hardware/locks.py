"""From a slot's wiring to its lock, claimed where it is, so that no bolt moves because the station starts."""

from pathlib import Path

from hardware.bolt_sensor import BoltSensor
from hardware.duty import Note
from hardware.motor import MotorLock
from hardware.parts import Lock, LockFailure, PartMissing, Position
from hardware.permit import PowerPermit
from hardware.pins import Pins
from hardware.pwm import Pwm
from hardware.solenoid import FullPower, LateLine, Power, PulledIn, SolenoidLock
from hardware.wiring import LockWiring, MotorWiring, SlotWiring, SolenoidWiring

SENSOR_MS = 100
"""Milliseconds that a sensor has at least when the pulse or the pull-in is over."""


def open_lock(
    slot: SlotWiring,
    pins: Pins,
    position: Position | None,
    *,
    pwm: Pwm,
    permitted: bool = False,
    notes: Path | None = None,
) -> Lock:
    """Claim a slot's lines where `position` says its bolt is: a held solenoid stays held, a motor's lines go low.

    A solenoid that nobody remembers (None) is claimed as its sensor shows it; without a sensor its line is not touched
    before it is driven. `permitted`: the power permit stays on, if the bolt is locked and its sensor does not deny it.
    `pwm` is asked only for a `hold_duty` below 1. `notes` is a folder in which a lock notes its rest, so that a killed
    station's successor knows of it. Raises PartMissing.
    """
    wiring = slot.lock
    sensor = None
    if wiring.sensor_pin is not None:
        sensor = BoltSensor(pins.input(wiring.sensor_pin), wiring.sensor_locked)
    permit = None
    if slot.power_permit_pin is not None:
        granted = permitted and position is Position.LOCKED and _shown(slot, sensor) is not Position.UNLOCKED
        permit = PowerPermit(pins.output(slot.power_permit_pin, high=granted), granted=granted)
    note = Note(notes / f"lock-{slot.number}") if notes is not None else None
    if isinstance(wiring, MotorWiring):
        return _motor(wiring, pins, sensor, permit, note)
    held = position or _shown(slot, sensor)
    power = _soft_power(wiring, pwm, note, held) if wiring.hold_duty < 1 else _full_power(wiring, pins, held)
    pull_in_ms = wiring.pull_in_ms if wiring.hold_duty < 1 else 0
    return SolenoidLock(power, settle_s=_settle_s(wiring, pull_in_ms), sensor=sensor, permit=permit)


def _settle_s(wiring: LockWiring, driven_ms: int) -> float:
    return max(wiring.move_timeout_ms, driven_ms + SENSOR_MS) / 1000


def _motor(
    wiring: MotorWiring, pins: Pins, sensor: BoltSensor | None, permit: PowerPermit | None, note: Note | None
) -> MotorLock:
    return MotorLock(
        pins.output(wiring.lock_pin, high=False),
        pins.output(wiring.unlock_pin, high=False),
        pulse_s=wiring.pulse_ms / 1000,
        settle_s=_settle_s(wiring, wiring.pulse_ms),
        sensor=sensor,
        permit=permit,
        note=note,
    )


def _soft_power(wiring: SolenoidWiring, pwm: Pwm, note: Note | None, held: Position | None) -> Power:
    line = pwm.line(wiring.pin, wiring.hold_duty, held=held is not Position.UNLOCKED)
    return PulledIn(line, wiring.pull_in_ms / 1000, note)


def _full_power(wiring: SolenoidWiring, pins: Pins, held: Position | None) -> Power:
    if held is None:
        return FullPower(LateLine(lambda high: pins.output(wiring.pin, high=high)), given=None)
    high = held is Position.LOCKED
    return FullPower(pins.output(wiring.pin, high=high), given=high)


def _shown(slot: SlotWiring, sensor: BoltSensor | None) -> Position | None:
    if sensor is None:
        return None
    try:
        return sensor.shows()
    except LockFailure as error:
        raise PartMissing(f"slot {slot.number}: {error}") from error
