"""The lights: whether they take a frame."""

from collections.abc import Iterator

from agent.check.finding import Finding, ok, skipped, warning
from hardware.parts import LightsFailure, Strip
from hardware.wiring import LightsWiring

PART = "lights"


def look(strip: Strip, lights: LightsWiring) -> Iterator[Finding]:
    """Put them out; a driver sees nothing of it. Broken lights stop no session, so this is a warning at most."""
    if lights.kind == "none":
        yield skipped(PART, "the config has none")
        return
    try:
        strip.show([(0, 0, 0)] * lights.pixels)
    except LightsFailure as failure:
        yield warning(PART, f"drivers see nothing: {failure}")
    else:
        yield ok(PART, f"{lights.kind} takes frames")
