"""What a look at one thing found: one line, with the mend."""

from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. Only FAILED keeps the station from working."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """`part` is the thing that was looked at, `said` how it is, `mend` what to do (empty if `said` says it)."""

    part: str
    level: Level
    said: str
    mend: str = ""

    def line(self) -> str:
        """For people."""
        return f"{self.level:<8} {self.part:<9} {self.said}" + (f" -> {self.mend}" if self.mend else "")

    def report(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


def ok(part: str, said: str) -> Finding:
    """It is as it should be."""
    return Finding(part, Level.OK, said)


def warning(part: str, said: str, mend: str = "") -> Finding:
    """The station works, but somebody should look after this."""
    return Finding(part, Level.WARNING, said, mend)


def failed(part: str, said: str, mend: str = "") -> Finding:
    """With this the station cannot work."""
    return Finding(part, Level.FAILED, said, mend)


def skipped(part: str, said: str) -> Finding:
    """It was not looked at; `said` is why."""
    return Finding(part, Level.SKIPPED, said)
