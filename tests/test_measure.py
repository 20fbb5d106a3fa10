"""The measuring itself: what it says of a limit, and that its counts are of what it claims."""

import importlib
from pathlib import Path

import pytest
from support.measure.__main__ import PARTS
from support.measure.drain import lit
from support.measure.figures import Part, Plot, Table, percentile, plain, spread
from support.measure.hour import Rest, tell
from support.measure.moments import looked, wait_s
from support.measure.page import section, summary
from support.measure.rig import PlainSupplier
from support.measure.steps import CALLS
from support.measure.walk import Walk
from support.mqtt import eventually

COMMITS = 6
"""Of a session: three of its start and two of its end, which wait for the disk, and one that does not."""
SESSIONS = 3


@pytest.mark.parametrize("name", PARTS)
def test_each_part_can_be_measured_without_what_only_the_comparison_needs(name: str) -> None:
    assert callable(importlib.import_module(f"support.measure.{name}").measure)


def test_a_limit_is_kept_or_not_and_the_page_says_so() -> None:
    part = Part(title="Body", how="By hand.", notes=["Nothing else."])
    part.at_most("memory", 45.0, 45.0, "MB")
    part.at_most("start", 1.01, 1.0, "s")
    part.at_least("rate", 0.69, 0.7, "")
    part.says("threads", "13")
    part.tables.append(Table(columns=("a", "b"), rows=[["1", "2"]]))
    part.plots.append(Plot(file="x.svg", title="Memory", unit="MB", bars=[("here", 1.0, True)]))
    assert [figure.kept for figure in part.figures] == [True, False, False, None]
    text = "\n".join(section(part))
    assert "| memory | 45 MB | at most 45 MB | yes |" in text
    assert "| start | 1.01 s | at most 1 s | **no** |" in text
    assert "| threads | 13 |  |  |" in text
    assert "![Memory, MB](performance/x.svg)" in text
    assert [line for line in summary({"body": part}) if "threads" in line] == []


def test_an_hour_at_rest_is_not_kept_by_a_station_that_wrote_a_byte() -> None:
    part = Part(title="Body", how="By hand.")
    tell(part, Rest(3600, 0, 43.0, 43.2))
    tell(part, Rest(3600, 4096, 43.0, 43.2))
    assert [(figure.value, figure.kept) for figure in part.figures if figure.limit] == [
        ("0 in 3600 s", True),
        ("4096 in 3600 s", False),
    ]


def test_figures_are_short_and_carry_their_spread() -> None:
    assert [plain(value) for value in (0, 0.01234, 12.34, 1234.5, 1_000_000)] == [
        "0",
        "0.0123",
        "12.3",
        "1 234",
        "1 000 000",
    ]
    assert spread([4.0, 1.0, 2.0, 3.0, 5.0], "ms") == "3 ms (2-4)"
    assert spread([1.0], "ms") == "1 ms"
    assert [percentile(range(1, 101), share) for share in (0.5, 0.99, 1.0)] == [51, 100, 100]


def test_a_card_waits_for_a_look_by_the_gaps_between_them_and_not_by_chance() -> None:
    assert wait_s([0.0, 1.0, 2.0]) == 0.5
    assert wait_s([0.0, 1.0, 4.0]) == 1.25, "most moments are in the long gap"


def test_a_light_is_measured_from_the_look_that_saw_its_card() -> None:
    moments = [(1.0, "look"), (1.5, "look"), (2.0, "look"), (2.125, "CardTapped"), (2.5, "look")]
    assert looked(1.25, moments) == 2.0
    assert looked(2.0625, moments) == 2.0625, "the look had begun before the card came"
    found = lit([(1.25, 2.25)], moments)
    assert (found.took, found.after, found.wait_s, found.light_s) == ([1.0], [0.25], 0.25, 0.5)


def test_a_session_is_ten_calls_and_six_commits(tmp_path: Path) -> None:
    commits: list[str] = []
    with PlainSupplier() as supplier, Walk(supplier.url, tmp_path / "journal.db") as walk:
        walk.session()
        assert eventually(lambda: supplier.calls == CALLS)
        walk.journal._db.set_trace_callback(lambda said: commits.append(said) if said == "COMMIT" else None)
        for _ in range(SESSIONS):
            walk.session()
        assert eventually(lambda: supplier.calls == (1 + SESSIONS) * CALLS)
        assert len(commits) == SESSIONS * COMMITS
