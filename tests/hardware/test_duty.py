"""What is remembered of a part's work, and how long it rests after a start."""

from pathlib import Path
from typing import Any

import pytest

from hardware.duty import CUT_S, REST_TIMES, Note, Rest

LONGEST_S = 0.3
WHOLE_S = REST_TIMES * LONGEST_S
CUT_REST_S = REST_TIMES * CUT_S


@pytest.fixture
def note(tmp_path: Path) -> Note:
    return Note(tmp_path / "lock-1")


def test_what_is_left_of_a_rest_is_left_after_a_restart(clock: Any, note: Note) -> None:
    before = Rest(LONGEST_S, clock, note)
    before.began()
    clock.advance(LONGEST_S)
    before.worked(LONGEST_S)
    clock.advance(1.0)
    assert Rest(LONGEST_S, clock, note).left_s() == pytest.approx(WHOLE_S - 1.0)
    clock.advance(WHOLE_S)
    assert Rest(LONGEST_S, clock, note).left_s() == 0.0


@pytest.mark.parametrize(
    ("away_s", "rest_s"),
    [(0.1, WHOLE_S), (LONGEST_S, WHOLE_S), (2.0, 16.0), (CUT_S, CUT_REST_S), (3600.0, CUT_REST_S)],
)
def test_a_drive_that_a_kill_cut_short_counts_until_the_next_start(
    clock: Any, note: Note, away_s: float, rest_s: float
) -> None:
    Rest(LONGEST_S, clock, note).began()
    clock.advance(away_s)
    assert Rest(LONGEST_S, clock, note).left_s() == pytest.approx(rest_s)


@pytest.mark.parametrize(
    "text", ["", "working", "working x", "idle 1000.0", "resting 1 2", "resting nan", "working inf", "\xff"]
)
def test_what_cannot_be_understood_is_a_whole_rest(clock: Any, tmp_path: Path, text: str) -> None:
    file = tmp_path / "lock-1"
    file.write_text(text, encoding="latin-1")
    assert Rest(LONGEST_S, clock, Note(file)).left_s() == pytest.approx(WHOLE_S)
    assert Rest(LONGEST_S, clock, Note(tmp_path / "none")).left_s() == pytest.approx(WHOLE_S)


@pytest.mark.parametrize("text", ["working 9e9", "resting 9e9"])
def test_a_note_of_another_boot_makes_no_rest_endless(clock: Any, tmp_path: Path, text: str) -> None:
    file = tmp_path / "lock-1"
    file.write_text(text)
    assert Rest(LONGEST_S, clock, Note(file)).left_s() == pytest.approx(CUT_REST_S)


def test_a_note_that_cannot_be_written_is_told_once(
    clock: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rest = Rest(LONGEST_S, clock, Note(tmp_path / "gone" / "lock-1"))
    for _ in range(2):
        rest.began()
        rest.worked(LONGEST_S)
    assert rest.left_s() == pytest.approx(WHOLE_S)
    assert caplog.text.count("cannot be noted") == 1
