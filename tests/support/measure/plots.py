"""Bars as SVG, readable on a light and on a dark page, the same bytes for the same figures."""

from pathlib import Path

import matplotlib as mpl
from support.measure.figures import Plot, plain

mpl.use("svg")
from matplotlib import pyplot as plt

GREY = "#808080"
OURS = "#2a9d5c"
THEIRS = "#8c8c8c"
LIMIT = "#d1495b"
SETTINGS = {
    "svg.hashsalt": "station",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": GREY,
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
}
WIDTH_IN, BAR_IN, REST_IN = 6.4, 0.34, 0.9


def draw(plot: Plot, folder: Path) -> Path:
    """Write one plot; gives its file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / plot.file
    with mpl.rc_context(SETTINGS):
        figure, axes = plt.subplots(figsize=(WIDTH_IN, BAR_IN * len(plot.bars) + REST_IN), layout="constrained")
        labels = [label for label, _, _ in plot.bars]
        values = [value for _, value, _ in plot.bars]
        drawn = axes.barh(labels, values, color=[OURS if ours else THEIRS for *_, ours in plot.bars], height=0.7)
        axes.bar_label(drawn, [plain(value) for value in values], padding=4)
        axes.invert_yaxis()
        axes.set_title(f"{plot.title}, {plot.unit}", loc="left", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        if plot.log:
            axes.set_xscale("log")
        if plot.limit is not None:
            axes.axvline(plot.limit, color=LIMIT, linestyle="--", linewidth=1)
        axes.margins(x=0.15)
        figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})
        plt.close(figure)
    return path
