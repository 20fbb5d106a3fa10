"""A solenoid lock: power pushes the bolt home and holds it there; without power a spring pulls it back."""

import logging
from collections.abc import Callable
from typing import Protocol

from hardware.bolt_sensor import BoltSensor
from hardware.clock import boottime
from hardware.duty import REST_TIMES, Note, Rest
from hardware.parts import LockFailure, PartMissing, Position
from hardware.permit import PowerPermit
from hardware.pins import Line, LineFailure, OutputLine
from hardware.pwm import PwmLine

logger = logging.getLogger(__name__)


class Power(Protocol):
    """A coil's power. Its methods raise LineFailure."""

    @property
    def given(self) -> bool | None:
        """Whether the coil has power; None for a line that nobody has touched."""
        ...

    def on(self) -> None:
        """Pull the bolt home and hold it."""
        ...

    def off(self) -> None:
        """Let the bolt go."""
        ...

    def ready_s(self) -> float:
        """Seconds until `on` may be said without burning the coil."""
        ...

    def tend(self) -> float | None:
        """End the pull-in when it is over; seconds until then, None if there is none."""
        ...

    def halt(self) -> None:
        """End the pull-in now; the bolt stays held."""
        ...

    def close(self) -> None:
        """Let go of the line; its level stays. Idempotent."""
        ...


class FullPower:
    """Power for a coil that bears full power for ever: there is nothing to end and nothing to wait for."""

    def __init__(self, line: Line, *, given: bool | None) -> None:
        """`given` is the line's level when it was claimed; None if it was not."""
        self.given = given
        self._line = line
        self.close = line.close

    def on(self) -> None:
        """See Power."""
        self._line.on()
        self.given = True

    def off(self) -> None:
        """See Power."""
        self._line.off()
        self.given = False

    def ready_s(self) -> float:
        """See Power."""
        return 0.0

    def tend(self) -> None:
        """See Power."""

    def halt(self) -> None:
        """See Power."""


class PulledIn:
    """Power for a coil that bears full power only for the pull-in, and after that a share of it."""

    def __init__(
        self, line: PwmLine, pull_in_s: float, note: Note | None = None, clock: Callable[[], float] = boottime
    ) -> None:
        """`note` knows when the line was at full power."""
        self._line = line
        self._pull_in_s = pull_in_s
        self._clock = clock
        self._rest = Rest(pull_in_s, clock, note)
        self._since: float | None = None
        self._until = 0.0
        self.given: bool | None = line.powered
        self.close = line.close

    def on(self) -> None:
        """See Power."""
        self._since = self._clock()
        self._until = self._since + self._pull_in_s
        self._rest.began()
        self._line.full()
        self.given = True

    def off(self) -> None:
        """See Power."""
        self._line.off()
        self.given = False
        self._over()

    def ready_s(self) -> float:
        """See Power."""
        if self._since is None:
            return self._rest.left_s()
        return max(0.0, self._until - self._clock()) + REST_TIMES * self._pull_in_s

    def tend(self) -> float | None:
        """See Power."""
        if self._since is None:
            return None
        left = self._until - self._clock()
        if left > 0:
            return left
        self._line.hold()
        self._over()
        return None

    def halt(self) -> None:
        """See Power."""
        if self._since is not None:
            self._until = self._clock()
            self.tend()

    def _over(self) -> None:
        if self._since is not None:
            self._rest.worked(self._clock() - self._since)
        self._since = None


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
    """A solenoid that stays held when the station ends, and lets go only when it is driven open."""

    kick_s = 0.1
    """See parts.Lock: a bolt that sticks is loosened by its spring, or by the coil."""

    def __init__(
        self,
        power: Power,
        *,
        settle_s: float,
        sensor: BoltSensor | None = None,
        permit: PowerPermit | None = None,
    ) -> None:
        self.permit = permit
        self._power = power
        self._sensor = sensor
        self._settle_s = settle_s

    def stays(self, position: Position) -> bool:
        """See parts.Lock: a jammed bolt may be where its power does not keep it."""
        return self._power.given is (position is Position.LOCKED)

    def drive(self, position: Position) -> None:
        """See parts.Lock."""
        if self.ready_s(position) > 0:
            raise LockFailure("the coil has to cool: drive it later")
        try:
            (self._power.on if position is Position.LOCKED else self._power.off)()
        except LineFailure as error:
            raise LockFailure(f"the solenoid cannot be driven: {error}") from error

    def ready_s(self, position: Position) -> float:
        """See parts.Lock; letting go is always possible."""
        return self._power.ready_s() if position is Position.LOCKED else 0.0

    def tend(self) -> float | None:
        """See parts.Lock: ends the pull-in."""
        try:
            return self._power.tend()
        except LineFailure as error:
            raise LockFailure(f"the solenoid stays at full power, cut it: {error}") from error

    def settle_s(self, position: Position) -> float:
        """See parts.Lock; spring and solenoid are given the same time."""
        del position
        return self._settle_s

    def seen(self) -> Position | None:
        """See parts.Lock."""
        return None if self._sensor is None else self._sensor.shows()

    def halt(self) -> None:
        """See parts.Lock."""
        try:
            self._power.halt()
        except LineFailure as error:
            logger.critical("the solenoid stays at full power, cut it: %s", error)

    def close(self) -> None:
        """See parts.Lock; a pull-in under way becomes a hold."""
        self.halt()
        self._power.close()
        for part in (self._sensor, self.permit):
            if part is not None:
                part.close()
