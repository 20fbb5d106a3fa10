"""The slots' locks: a solenoid that power holds locked, and the sensor that shows where its bolt is."""

from collections.abc import Callable
from typing import Protocol

from hardware.parts import LockFailure, PartMissing, Position
from hardware.pins import InputLine, LineFailure, OutputLine, Pins
from hardware.wiring import Level, SlotWiring, SolenoidWiring


class BoltSensor:
    """A contact that changes when the bolt is all the way home."""

    def __init__(self, line: InputLine, locked: Level) -> None:
        self._line = line
        self._high_is_locked = locked == "high"

    def shows(self) -> Position:
        """Where the bolt is. Raises LockFailure."""
        try:
            high = self._line.high()
        except LineFailure as error:
            raise LockFailure(f"the lock's sensor cannot be read: {error}") from error
        return Position.LOCKED if high == self._high_is_locked else Position.UNLOCKED

    def close(self) -> None:
        """Let go of its line. Idempotent."""
        self._line.close()


class Line(Protocol):
    """One line that is driven."""

    def on(self) -> None: ...
    def off(self) -> None: ...
    def close(self) -> None: ...


class LateLine:
    """A line that nobody touches before it is driven: until then it keeps the level that somebody left it at."""

    def __init__(self, claim: Callable[[bool], OutputLine]) -> None:
        """`claim` claims the line at a level (True: high); it may raise PartMissing."""
        self._claim = claim
        self._line: OutputLine | None = None

    def on(self) -> None:
        """Put the line high. Raises LineFailure."""
        self._put(high=True)

    def off(self) -> None:
        """Put the line low. Raises LineFailure."""
        self._put(high=False)

    def close(self) -> None:
        """Let go of it; its level stays. Idempotent."""
        if self._line is not None:
            self._line.close()

    def _put(self, *, high: bool) -> None:
        if self._line is None:
            try:
                self._line = self._claim(high)
            except PartMissing as error:
                raise LineFailure(str(error)) from error
        (self._line.on if high else self._line.off)()


class SolenoidLock:
    """Power on the line pushes the bolt home; without power a spring pulls it back."""

    def __init__(self, power: Line, sensor: BoltSensor | None, move_timeout_s: float) -> None:
        self._power = power
        self._sensor = sensor
        self._move_timeout_s = move_timeout_s

    def drive(self, position: Position) -> None:
        """See parts.Lock."""
        try:
            (self._power.on if position is Position.LOCKED else self._power.off)()
        except LineFailure as error:
            raise LockFailure(f"the solenoid cannot be driven: {error}") from error

    def settle_s(self, position: Position) -> float:
        """See parts.Lock; spring and solenoid are given the same time."""
        del position
        return self._move_timeout_s

    def seen(self) -> Position | None:
        """See parts.Lock."""
        return None if self._sensor is None else self._sensor.shows()

    def close(self) -> None:
        """See parts.Lock."""
        self._power.close()
        if self._sensor is not None:
            self._sensor.close()


def solenoid_of(slot: SlotWiring) -> SolenoidWiring:
    """The slot's lock, if it is one that this version drives. Raises PartMissing."""
    lock = slot.lock
    if not isinstance(lock, SolenoidWiring):
        raise PartMissing(f'slot {slot.number}: this version drives locks of kind "solenoid" only, not "{lock.kind}"')
    if lock.hold_duty < 1:
        raise PartMissing(
            f"slot {slot.number}: hold_duty below 1 needs hardware PWM, which this version lacks: set 1.0"
        )
    return lock


def open_lock(slot: SlotWiring, pins: Pins, position: Position | None) -> SolenoidLock:
    """Claim a slot's lines, its lock's at the level of `position`, so that a held solenoid stays held.

    A slot that nobody remembers (None) is claimed as its sensor shows it; without a sensor its line is not touched
    before it is driven. Raises PartMissing.
    """
    wiring = solenoid_of(slot)
    sensor = None
    if wiring.sensor_pin is not None:
        sensor = BoltSensor(pins.input(wiring.sensor_pin), wiring.sensor_locked)
    held = position or _shown(slot, sensor)
    power: Line
    if held is None:
        power = LateLine(lambda high: pins.output(wiring.pin, high=high))
    else:
        power = pins.output(wiring.pin, high=held is Position.LOCKED)
    return SolenoidLock(power, sensor, wiring.move_timeout_ms / 1000)


def _shown(slot: SlotWiring, sensor: BoltSensor | None) -> Position | None:
    if sensor is None:
        return None
    try:
        return sensor.shows()
    except LockFailure as error:
        raise PartMissing(f"slot {slot.number}: {error}") from error
