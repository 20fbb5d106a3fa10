"""What must hold between the values of `[lights]`, and between them and the slots': lines, pixels, current."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from agent.config.schema import Mistakes, shortened
from hardware.current import brightness_for, lights_ma
from hardware.lights import MAIN, palette_of
from hardware.strips.frames import STRIP_PINS

Known = Mapping[str, Any]
Slots = Sequence[tuple[str, Known]]
"""The slots that are known, each with its key."""
NEEDED_FOR_CURRENT = {"kind", "pixels", "main", "brightness", "max_ma", "colours"}


def pins_of_lights(lights: Known) -> Iterator[tuple[str, int]]:
    """The lines that the lights take, with their keys."""
    kind = lights.get("kind")
    if kind == "rgb":
        for name, pins in lights.get("rgb_pins", {}).items():
            yield from ((f"lights.rgb_pins.{shortened(name)}", pin) for pin in pins)
    elif kind != "none" and "pin" in lights:
        yield "lights.pin", lights["pin"]


def check_lights(lights: Known, slots: Slots, mistakes: Mistakes) -> None:
    """Adds every contradiction between the values that are known."""
    _check_strip_pin(lights, mistakes)
    if lights.get("kind") == "rgb":
        _check_rgb_pins(lights, slots, mistakes)
    else:
        _check_no_rgb_pins(lights, mistakes)
        _check_pixels(lights, slots, mistakes)
    _check_current(lights, slots, mistakes)


def _check_strip_pin(lights: Known, mistakes: Mistakes) -> None:
    if lights.get("kind") == "ws281x" and "pin" in lights and lights["pin"] not in STRIP_PINS:
        listed = ", ".join(map(str, STRIP_PINS))
        mistakes.add("lights.pin", f" = {lights['pin']}: cannot clock a ws281x strip; should be one of {listed}")


def _check_rgb_pins(lights: Known, slots: Slots, mistakes: Mistakes) -> None:
    if "rgb_pins" not in lights:
        return
    names = [MAIN, *(str(slot["number"]) for _, slot in slots if "number" in slot)]
    for name in names:
        if name not in lights["rgb_pins"]:
            right = "the light's red, green and blue line, like [5, 6, 13]"
            mistakes.add(f"lights.rgb_pins.{name}", f" is missing: should be {right}")
    for name in lights["rgb_pins"]:
        if name not in names:
            listed = ", ".join(dict.fromkeys(names))
            mistakes.add(f"lights.rgb_pins.{shortened(name)}", f" is no light: there are {listed}")


def _check_no_rgb_pins(lights: Known, mistakes: Mistakes) -> None:
    if lights.get("rgb_pins") and "kind" in lights:
        mistakes.add("lights.rgb_pins", f' has no effect with kind = "{lights["kind"]}"; should come with kind = "rgb"')


def _check_pixels(lights: Known, slots: Slots, mistakes: Mistakes) -> None:
    placed: list[tuple[str, tuple[int, int]]] = []
    for key, span in _spans(lights, slots):
        pixels = lights.get("pixels")
        if pixels is not None and span[1] >= pixels:
            mistakes.add(key, f" = {list(span)}: the last pixel of lights.pixels = {pixels} is {pixels - 1}")
            continue
        for other, taken in placed:
            if span[0] <= taken[1] and taken[0] <= span[1]:
                mistakes.add(key, f" = {list(span)}: overlaps {other} = {list(taken)}; should be pixels of its own")
        placed.append((key, span))


def _spans(lights: Known, slots: Slots) -> Iterator[tuple[str, tuple[int, int]]]:
    named = chain([("lights.main", lights.get("main"))], ((f"{key}.lights", slot.get("lights")) for key, slot in slots))
    return ((key, span) for key, span in named if span is not None)


def _check_current(lights: Known, slots: Slots, mistakes: Mistakes) -> None:
    if not lights.keys() >= NEEDED_FOR_CURRENT or lights["max_ma"] is None or lights["kind"] == "none":
        return
    palette, brightness, limit = palette_of(lights["colours"]), lights["brightness"], lights["max_ma"]
    lit, pixels = _counted(lights, slots)
    needed = lights_ma(palette, brightness, lit, pixels)
    if needed <= limit:
        return
    fitting = brightness_for(palette, limit, lit, pixels)
    mend = f"lights.brightness at most {fitting:g}" if fitting else "a stronger supply, as no brightness fits"
    drawn = f"all lights lit at brightness {brightness:g} draw about {math.ceil(needed)} mA"
    mistakes.add("lights.max_ma", f" = {limit}: {drawn}; should be {mend}")


def _counted(lights: Known, slots: Slots) -> tuple[int, int]:
    """How many pixels are lit at most, and how many there are."""
    if lights["kind"] == "rgb":
        # an RGB LED has no chip of its own that draws anything
        return 1 + len(slots), 0
    return sum(last - first + 1 for _, (first, last) in _spans(lights, slots)), lights["pixels"]
