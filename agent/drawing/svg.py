"""The wiring as an SVG drawing, readable on light and dark pages."""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from hardware.harness import LIGHTS, READER, Wire
from hardware.header import HEADER, Pad

ROW = 26
TOP = 47
LEFT, RIGHT = 396, 424
SLOT_COLOURS = ("#1f6feb", "#2da44e", "#bf3989", "#0a7ea4", "#bc4c00", "#57606a")

HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="-50 0 920 580" role="img" aria-labelledby="title desc"
     font-family="system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif" font-size="13">
  <title id="title">The wiring of station {station}</title>
  <desc id="desc">The Raspberry Pi's 40-pin header, seen from above with its first pin at the top left, and what of the
    station goes where.</desc>
  <style>
    text {{ fill: #24292f }}
    .free text {{ fill: #8c959f }}
    .number {{ font-size: 10px; fill: #8c959f }}
    .name {{ font-weight: 600 }}
    .board {{ fill: none; stroke: #8c959f; stroke-width: 1.5 }}
    @media (prefers-color-scheme: dark) {{
      text {{ fill: #e6edf3 }}
      .free text {{ fill: #768390 }}
    }}
  </style>
  <rect class="board" x="372" y="28" width="76" height="532" rx="8"/>"""
FOOT = """\
  <g text-anchor="middle">
    <text class="number" x="396" y="20">1</text><text class="number" x="424" y="20">2</text>
    <text class="number" x="396" y="576">39</text><text class="number" x="424" y="576">40</text>
  </g>
</svg>"""


def drawn(station: str, wires: Sequence[Wire]) -> Iterator[str]:
    """The drawing, line by line. Every pad is a group: its dot, its name and, if a wire goes there, what it is for."""
    there = {wire.pad.number: wire for wire in wires}
    colours = dict(_colours(wires))
    yield HEAD.format(station=escape(station))
    for pad in HEADER:
        yield from _pad(pad, there.get(pad.number), colours)
    yield FOOT


def _colours(wires: Sequence[Wire]) -> Iterator[tuple[str, str]]:
    yield READER, "#8250df"
    yield LIGHTS, "#d4a72c"
    others = [part for part in dict.fromkeys(wire.whose for wire in wires) if part not in {READER, LIGHTS}]
    for place, part in enumerate(others):
        yield part, SLOT_COLOURS[place % len(SLOT_COLOURS)]


def _pad(pad: Pad, wire: Wire | None, colours: dict[str, str]) -> Iterator[str]:
    x, name_x, text_x, anchor = (LEFT, 362, 294, "end") if pad.number % 2 else (RIGHT, 458, 526, "start")
    y = TOP + ROW * ((pad.number - 1) // 2)
    kind, fill = ("free", "#afb8c1") if wire is None else ("used", colours[wire.whose])
    yield f'  <g class="{kind}"><circle cx="{x}" cy="{y}" r="8" fill="{fill}"/>'
    yield f'    <text class="name" x="{name_x}" y="{y}" dy="4.5" text-anchor="{anchor}">{pad.name}</text>'
    if wire is not None:
        note = f", {wire.note}" if wire.note else ""
        text = escape(wire.label + note)
        yield f'    <text x="{text_x}" y="{y}" dy="4.5" text-anchor="{anchor}">{text}</text>'
    yield "  </g>"
