"""The kill matrix: each story unbroken, then with the agent killed at each of its passages; all must end the same."""

import difflib
import json
import os
import shutil
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.mqtt import eventually
from support.play import Play
from support.view import check

EQUAL_S = 5.0
"""How long lights and messages may take to catch up with the state."""


def nothing(_: Play) -> None:
    """No preparation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happens, from a station that `prepare` left at rest.

    `offline`: without a supplier, until it has happened. `slow`: calls that are answered late, where two lanes tell of
    one light: which of them is overtaken would be luck. `jams`: how often the lock is driven is not compared. `killed`:
    where the agent is killed in any case; the passages are then those of its restart.
    """

    name: str
    play: Callable[[Play], None]
    prepare: Callable[[Play], None] = nothing
    offline: bool = False
    slow: tuple[str, ...] = ()
    jams: bool = False
    killed: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Unbroken:
    """What an unbroken run left, every passage of it, and every call that came to the supplier."""

    view: Mapping[str, Any]
    passages: Sequence[str]
    calls: Sequence[str]


def run(story: Story, play: Play) -> None:
    """Play a story to its end, until nothing is owed to anybody."""
    story.prepare(play)
    play.settle()
    if story.offline:
        play.offline()
    if story.slow:
        play.slow(*story.slow)
    play.arm()
    story.play(play)
    if story.offline:
        play.online()
    play.settle()
    play.struck()


def unbroken(story: Story, folder: Path) -> Unbroken:
    """Play a story with nothing in its way. The agent's stop belongs to it: that writes what was left to write."""
    with Play(folder, strikes=[story.killed], **story.options) as play:
        run(story, play)
        view = play.steady_view(moves=not story.jams)
        check(view, play.bench)
        calls = play.bench.supplier.came
    passages = play.passed()
    shutil.rmtree(folder)
    return Unbroken(view, passages, calls)


def broken(story: Story, whole: Unbroken, folder: Path, how: "Break") -> None:
    """Play it, broken once; fails unless everything ends the same."""
    with Play(folder, strikes=[story.killed, how.strike], lose=how.lose, **story.options) as play:
        run(story, play)
        view: dict[str, Any] = {}

        def equal() -> bool:
            view.update(play.view(moves=not story.jams))
            return view == whole.view

        if not eventually(equal, EQUAL_S):
            raise AssertionError(f"{difference(whole.view, view)}\n{play.bench.told()}")
        check(view, play.bench)
    shutil.rmtree(folder)


def difference(expected: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """What differs, line by line."""
    before, after = (json.dumps(view, indent=1).splitlines() for view in (expected, found))
    return "\n".join(difflib.unified_diff(before, after, "unbroken", "broken", lineterm="", n=4))


@dataclass(frozen=True, slots=True)
class Break:
    """How a run is broken: the agent is killed at a passage, or the answer to a call is lost."""

    strike: str = ""
    lose: str = ""

    def __str__(self) -> str:
        return f"killed {self.strike}" if self.strike else f"the answer to {self.lose} lost"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a story's broken runs: each that there was, with why it failed; empty: it passed."""

    reasons: Mapping[Break, str]

    def counted(self, *, strikes: bool) -> tuple[int, int]:
        """How many kills (or lost answers) there were, and how many of them passed."""
        mine = [not reason for each, reason in self.reasons.items() if bool(each.strike) is strikes]
        return len(mine), sum(mine)

    def told(self) -> str:
        """What failed, and how."""
        return "\n\n".join(f"== {each}\n{reason}" for each, reason in self.reasons.items() if reason)


Choose = Callable[[Sequence[Break]], Sequence[Break]]


def every(story: Story, folder: Path, choose: Choose = lambda breaks: breaks) -> Outcome:
    """Break a story at all its passages, and lose each answer; `choose` makes a sample of it."""
    whole = unbroken(story, folder / "whole")
    breaks = choose([*(Break(strike=each) for each in whole.passages), *(Break(lose=each) for each in whole.calls)])

    def attempt(number: int) -> str:
        try:
            broken(story, whole, folder / str(number), breaks[number])
        except Exception:  # noqa: BLE001  the others have their turn, then all are told
            return traceback.format_exc(limit=-4)
        return ""

    with ThreadPoolExecutor((os.cpu_count() or 1) + 1) as workers:  # a run mostly waits
        return Outcome(dict(zip(breaks, workers.map(attempt, range(len(breaks))), strict=True)))
