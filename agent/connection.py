"""Whether somebody out there can be reached."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Connection:
    """Whether the supplier or the broker can be reached, and since when (Unix seconds; None: nobody has tried)."""

    reachable: bool
    since: float | None
