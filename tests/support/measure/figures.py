"""What was measured, as the page says it: counts before timings, ratios before absolutes, medians with their spread."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured: `full` for the page, else just enough to see that everything works."""

    full: bool

    def of(self, full: int, quick: int) -> int:
        """One or the other."""
        return full if self.full else quick


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure. `limit` is what was promised, in words; `kept` whether it was, None where nothing was promised."""

    name: str
    value: str
    limit: str = ""
    kept: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under columns, as they are printed."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Bars of one unit; `bars` are a label, a value and whether it is this station's. `limit` is drawn as a line."""

    file: str
    title: str
    unit: str
    bars: Sequence[tuple[str, float, bool]]
    limit: float | None = None
    log: bool = False


@dataclass(slots=True, kw_only=True)
class Part:
    """One part of the page: how it was measured, its figures, and what else was seen."""

    title: str
    how: str
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def at_most(self, name: str, value: float, limit: float, unit: str, *, shown: str = "") -> None:
        """A figure that may not be higher."""
        said = shown or f"{plain(value)} {unit}".strip()
        self.figures.append(
            Figure(name=name, value=said, limit=f"at most {plain(limit)} {unit}".strip(), kept=value <= limit)
        )

    def at_least(self, name: str, value: float, limit: float, unit: str, *, shown: str = "") -> None:
        """A figure that may not be lower."""
        said = shown or f"{plain(value)} {unit}".strip()
        self.figures.append(
            Figure(name=name, value=said, limit=f"at least {plain(limit)} {unit}".strip(), kept=value >= limit)
        )

    def says(self, name: str, value: str) -> None:
        """A figure of which nothing was promised."""
        self.figures.append(Figure(name=name, value=value))


def plain(value: float) -> str:
    """A number with three digits that count."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


def spread(values: Sequence[float], unit: str) -> str:
    """The median and the middle half around it."""
    if len(values) < 2:
        return f"{plain(median(values))} {unit}".strip()
    low, _, high = quantiles(values, n=4, method="inclusive")
    return f"{plain(median(values))} {unit} ({plain(low)}-{plain(high)})".replace("  ", " ")


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
