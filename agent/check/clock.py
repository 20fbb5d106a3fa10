"""The clock: events carry its time, and a Pi has no battery for it."""

from collections.abc import Iterator

from agent.check.finding import Finding, ok, warning
from agent.clock import ClockCheck
from agent.events import rfc3339
from agent.version import RELEASED

PART = "clock"
NTP = "switch time synchronisation on (timedatectl set-ntp true) and let UDP port 123 out"


def look(wall: float, newest: float, *, ntp: bool) -> Iterator[Finding]:
    """`wall` is what it shows and `newest` the newest time in the journal, both Unix seconds."""
    if not ClockCheck(RELEASED, newest).is_set(wall):
        yield warning(PART, f"not set: it shows {rfc3339(wall)}", NTP)
    elif not ntp:
        yield warning(PART, "set, but nothing keeps it right", NTP)
    else:
        yield ok(PART, "set and synchronised")
