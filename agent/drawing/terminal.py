"""The wiring as plain text of at most 80 columns."""

from collections.abc import Iterator, Sequence

from hardware.harness import Wire
from hardware.header import HEADER, Pad

HEAD = ("part", "wire", "line", "pin", "dir", "rest", "")
LABEL = 27
"""Columns on either side of the header: as many as 80 leave."""


def table(wires: Sequence[Wire]) -> Iterator[str]:
    """One line for each wire."""
    yield _row(*HEAD)
    for wire in wires:
        yield _row(wire.whose, wire.end, wire.pad.name, str(wire.pad.number), wire.direction, wire.rest, wire.note)


def _row(whose: str, end: str, line: str, pin: str, direction: str, rest: str, note: str) -> str:
    return f"{whose:<9} {end:<12} {line:<6} {pin:>3} {direction:<5} {rest:<4} {note}".rstrip()


def header(wires: Sequence[Wire]) -> Iterator[str]:
    """The header, seen from above with pin 1 at the top left."""
    there = {wire.pad.number: wire.label for wire in wires}
    for left, right in zip(HEADER[::2], HEADER[1::2], strict=True):
        yield (
            f"{there.get(left.number, ''):>{LABEL}} {left.name:>6} {left.number:>2} {_pin(left, there)} "
            f"{_pin(right, there)} {right.number:<2} {right.name:<6} {there.get(right.number, '')}"
        ).rstrip()


def _pin(pad: Pad, there: dict[int, str]) -> str:
    return "●" if pad.number in there else "○"
