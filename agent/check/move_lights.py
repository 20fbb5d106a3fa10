"""Tries the lights: each one red, for somebody who looks."""

from collections.abc import Iterator

from agent.check.finding import Finding, ok, skipped, warning
from agent.check.lights import PART
from agent.check.person import Person
from hardware.clock import boottime
from hardware.lights import Lights, palette_of, segments_of
from hardware.looks import Colour, Look
from hardware.parts import Strip
from hardware.wiring import Wiring

SHOWN_S = 0.3
"""How long a frame may take; one that fails is tried again later than that."""
MEND = (
    "dark: its supply and its wire; another light: its pixels in the config; another colour: the strip's colour order"
)


def try_lights(wiring: Wiring, strip: Strip, person: Person) -> Iterator[Finding]:
    """Each light, if the person agrees; afterwards all are dark."""
    if wiring.lights.kind == "none":
        return
    failing: list[str] = []
    segments, palette = segments_of(wiring), palette_of(wiring.lights.colours)
    lights = Lights(strip, segments, palette, wiring.lights.brightness, failed=failing.append)
    for name in segments:
        which = f"the light of slot {name}" if name.isdigit() else f"the {name} light"
        if not person.agrees(f"lights: show red on {which}?"):
            yield skipped(PART, f"{which} not tried")
            continue
        _show(lights, {name: Look((Colour.RED,))})
        if failing and failing[-1]:
            yield warning(PART, f"they take no frames: {failing[-1]}", "see what `check` says without --move")
            return
        seen = person.agrees(f"lights: is {which} red, and every other dark?")
        yield ok(PART, f"{which} is red, as you saw") if seen else warning(PART, f"{which} is not red alone", MEND)
    _show(lights, {})


def _show(lights: Lights, looks: dict[str, Look]) -> None:
    lights.show(looks)
    until = boottime() + SHOWN_S
    while not lights.wait_shown(0) and boottime() < until:
        lights.wake.wait(min(lights.step(), SHOWN_S))
