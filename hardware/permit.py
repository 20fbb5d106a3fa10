"""A slot's power permit: the line that lets its power electronics switch on."""

from hardware.parts import LockFailure
from hardware.pins import Line, LineFailure


class PowerPermit:
    """High while power may be on. The line keeps its level when the station ends: a session goes on charging."""

    def __init__(self, line: Line, *, granted: bool) -> None:
        """`granted` is the level that the line was claimed at."""
        self._line = line
        self._granted: bool | None = granted

    @property
    def granted(self) -> bool | None:
        """See parts.Permit."""
        return self._granted

    def grant(self, granted: bool) -> None:
        """See parts.Permit."""
        self._granted = None
        try:
            (self._line.on if granted else self._line.off)()
        except LineFailure as error:
            raise LockFailure(f"the power permit cannot be driven: {error}") from error
        self._granted = granted

    def close(self) -> None:
        """Let go of its line; its level stays. Idempotent."""
        self._line.close()
