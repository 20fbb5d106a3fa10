"""What a campaign may find, and nothing should."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What went wrong for whom."""

    LOST = "lost"  # a session, an act or an event that never arrived
    DOUBLED = "doubled"  # something was done or told twice
    TRAPPED = "trapped"  # a vehicle that could not leave
    UNWELL = "unwell"  # the station itself: out of service, a crash, a card in clear


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"
