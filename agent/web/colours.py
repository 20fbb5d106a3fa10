"""A frame on the strip as the page draws it: the colours of each light's pixels."""

from collections.abc import Mapping, Sequence

from hardware.parts import Rgb


def colours(frame: Sequence[Rgb], segments: Mapping[str, tuple[int, int]]) -> dict[str, list[str]]:
    """The pixels of each light ("main", "1", ...) as `#rrggbb`; `segments` has the first and last pixel of each."""
    return {
        name: ["#{:02x}{:02x}{:02x}".format(*pixel) for pixel in frame[first : last + 1]]
        for name, (first, last) in segments.items()
    }
