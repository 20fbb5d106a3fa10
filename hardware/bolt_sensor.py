"""A lock's sensor."""

from hardware.parts import LockFailure, Position
from hardware.pins import InputLine, LineFailure
from hardware.wiring import Level


class BoltSensor:
    """A contact that changes when the bolt is all the way home."""

    def __init__(self, line: InputLine, locked: Level) -> None:
        """`locked` is the line's level while the bolt is home."""
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
