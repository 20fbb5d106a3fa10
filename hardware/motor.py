"""A motor lock: a pulse on one of two lines moves the bolt, which then stays where it is, with power or without."""

import logging
from collections.abc import Callable

from hardware.bolt_sensor import BoltSensor
from hardware.clock import boottime
from hardware.duty import REST_TIMES, Note, Rest
from hardware.parts import LockFailure, Position
from hardware.permit import PowerPermit
from hardware.pins import Line, LineFailure

logger = logging.getLogger(__name__)


class MotorLock:
    """Never drives both lines at once, and rests `REST_TIMES` as long as each pulse before the next, either way."""

    kick_s = 0.0
    """See parts.Lock: a second push the same way does as much, and costs no second rest."""

    def __init__(
        self,
        lock: Line,
        unlock: Line,
        *,
        pulse_s: float,
        settle_s: float,
        sensor: BoltSensor | None = None,
        permit: PowerPermit | None = None,
        note: Note | None = None,
        clock: Callable[[], float] = boottime,
    ) -> None:
        """`lock` and `unlock` are low; `note` knows when they were high. `settle_s` is longer than `pulse_s`."""
        self.permit = permit
        self._lines = {Position.LOCKED: lock, Position.UNLOCKED: unlock}
        self._pulse_s = pulse_s
        self._settle_s = settle_s
        self._sensor = sensor
        self._clock = clock
        self._rest = Rest(pulse_s, clock, note)
        self._since: float | None = None
        self._until = 0.0
        self._closed = False

    def stays(self, position: Position) -> bool:
        """See parts.Lock."""
        del position
        return True

    def drive(self, position: Position) -> None:
        """See parts.Lock; ends the pulse before, if it must."""
        if self.ready_s(position) > 0:
            raise LockFailure("the motor has to rest: drive it later")
        self._since = self._clock()
        self._until = self._since + self._pulse_s
        self._rest.began()
        try:
            self._lines[position].on()
        except LineFailure as error:
            self.halt()
            raise LockFailure(f"the motor cannot be driven: {error}") from error

    def ready_s(self, position: Position) -> float:
        """See parts.Lock; both directions share one motor."""
        del position
        if self._since is None:
            return self._rest.left_s()
        return max(0.0, self._until - self._clock()) + REST_TIMES * self._pulse_s

    def tend(self) -> float | None:
        """See parts.Lock: ends the pulse."""
        if self._since is None:
            return None
        left = self._until - self._clock()
        if left > 0:
            return left
        self._stop(self._since)
        return None

    def settle_s(self, position: Position) -> float:
        """See parts.Lock; the pulse is over by then."""
        del position
        return self._settle_s

    def seen(self) -> Position | None:
        """See parts.Lock."""
        return None if self._sensor is None else self._sensor.shows()

    def halt(self) -> None:
        """See parts.Lock: both lines go low."""
        if self._since is None:
            return
        self._until = self._clock()
        try:
            self._stop(self._since)
        except LockFailure as error:
            logger.critical("%s", error)

    def close(self) -> None:
        """See parts.Lock; a pulse under way is cut short."""
        if self._closed:
            return
        self._closed = True
        self.halt()
        for line in self._lines.values():
            line.close()
        for part in (self._sensor, self.permit):
            if part is not None:
                part.close()

    def _stop(self, since: float) -> None:
        failures = [failure for line in self._lines.values() if (failure := _switched_off(line)) is not None]
        if failures:
            raise LockFailure(f"the motor cannot be switched off, cut its power: {failures[0]}") from failures[0]
        self._rest.worked(self._clock() - since)
        self._since = None


def _switched_off(line: Line) -> LineFailure | None:
    try:
        line.off()
    except LineFailure as error:
        return error
    return None
