"""The page of a full run: docs/performance.md and its plots."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from support.measure.figures import Figure, Part, Table
from support.measure.machine import commit, machine

INTRODUCTION = """# How fast, how light

Written by `scripts/bench`, in one run on one machine ({minutes:.0f} minutes, commit {commit}). Counts come before
timings and ratios before absolutes: they are the same on a Raspberry Pi, where a second is longer. Timings are medians
with the middle half in brackets, or percentiles. Each limit was set before it was measured.

The counts are tests too, with exact or tight bounds, and no timing is: `tests/hardware/test_reader.py` (transfers),
`tests/agent/test_budget.py` and `tests/station/test_budget.py` (commits and bytes), `tests/station/test_mqtt_budget.py`
(messages), `tests/test_imports.py` (modules), `tests/station/test_counts.py` (threads, and no byte at rest),
`tests/agent/journal/test_long.py` and `tests/agent/test_lanes.py` (what a long history and many lanes may cost).

Machine: {machine}.
"""

SHORT = """**A short run (`--quick`)**: its counts are right, but its timings say only that everything works.
"""


def write(parts: Mapping[str, Part], clone: Path, seconds: float, *, full: bool) -> None:
    """Write page and plots into the clone; the page says so if it was not a `full` run."""
    from support.measure.plots import draw

    folder = clone / "docs" / "performance"
    for part in parts.values():
        for plot in part.plots:
            draw(plot, folder)
    said = INTRODUCTION.format(minutes=seconds / 60, commit=commit(clone), machine=machine())
    text = "\n".join(
        [
            said,
            *([] if full else [SHORT]),
            *summary(parts),
            *(line for part in parts.values() for line in section(part)),
        ]
    )
    (clone / "docs" / "performance.md").write_text(text.rstrip() + "\n", encoding="utf-8")


def summary(parts: Mapping[str, Part]) -> Iterator[str]:
    """Every promise on one screen."""
    promised = [(part, figure) for part in parts.values() for figure in part.figures if figure.limit]
    rows = [[part.title, figure.name, figure.value, figure.limit, verdict(figure)] for part, figure in promised]
    yield "## Promised and measured"
    yield ""
    yield from table(Table(columns=("", "", "measured", "limit", "kept"), rows=rows))


def section(part: Part) -> Iterator[str]:
    """One part, for the page and for the terminal."""
    yield f"## {part.title}"
    yield ""
    yield part.how
    yield ""
    rows = [[figure.name, figure.value, figure.limit, verdict(figure)] for figure in part.figures]
    yield from table(Table(columns=("", "measured", "limit", "kept"), rows=rows))
    for found in part.tables:
        yield from table(found)
    for plot in part.plots:
        yield f"![{plot.title}, {plot.unit}](performance/{plot.file})"
        yield ""
    for note in part.notes:
        yield note
        yield ""


def verdict(figure: Figure) -> str:
    """Whether a limit was kept."""
    return {True: "yes", False: "**no**", None: ""}[figure.kept]


def table(found: Table) -> Iterator[str]:
    """As Markdown."""
    yield line(found.columns)
    yield line(["---"] * len(found.columns))
    yield from map(line, found.rows)
    yield ""


def line(cells: Sequence[str]) -> str:
    """One row."""
    return f"| {' | '.join(cells)} |"
