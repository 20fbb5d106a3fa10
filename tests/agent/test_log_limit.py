"""A flood of one kind of line is summed up; nothing that is new is lost."""

import gc
import logging
import weakref

import pytest
from support.hand_clock import HandClock

from agent.log_limit import BURST, WINDOW_S, Limited


class Kept(logging.Handler):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.getMessage()}")


class Bench:
    """A logger whose only handler is limited, under a clock of the test's own."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.kept = Kept()
        self.limited = Limited([self.kept], self.clock)
        self.log = logging.Logger("agent.room")  # noqa: LOG001  of the test's own
        self.log.addHandler(self.limited)

    def news(self) -> list[str]:
        lines, self.kept.lines[:] = self.kept.lines[:], []
        return lines


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_what_is_more_than_a_burst_is_counted_and_summed_up_in_one_line(bench: Bench) -> None:
    for number in range(BURST + 500):
        bench.log.warning("a message on %s is no CloudEvent", number)
    assert len(bench.news()) == BURST
    bench.clock.advance(WINDOW_S)
    bench.log.warning("a message on %s is no CloudEvent", "late")
    assert bench.news() == [
        f"WARNING 500 more such lines within 10 s, the last: a message on {BURST + 499} is no CloudEvent",
        "WARNING a message on late is no CloudEvent",
    ]


def test_what_was_written_is_not_kept_nor_what_its_traceback_holds(bench: Bench) -> None:
    class Held:
        """Stands for what the frames of a traceback hold."""

    def fail() -> weakref.ref[Held]:
        held = Held()
        try:
            int("no number")
        except ValueError:
            bench.log.exception("no good")
        return weakref.ref(held)

    held = fail()
    gc.collect()
    assert held() is None


def test_the_sum_comes_though_nobody_says_anything_any_more(bench: Bench) -> None:
    for _ in range(BURST + 1):
        bench.log.info("%s", "inbox: foo")
    bench.news()
    bench.limited.sum_up()
    assert bench.news() == []
    bench.clock.advance(WINDOW_S)
    bench.limited.sum_up()
    assert bench.news() == ["INFO 1 more such lines within 10 s, the last: inbox: foo"]
    bench.clock.advance(WINDOW_S)
    bench.limited.sum_up()
    assert bench.news() == []


def test_lines_of_another_kind_pass_in_the_middle_of_a_flood(bench: Bench) -> None:
    for number in range(200):
        bench.log.info("%s", f"inbox: type-{number}")
    bench.news()
    bench.log.info("%s", "slot 1 is free")
    bench.log.warning("inbox is full")
    bench.log.error("inbox: %s", "damaged")
    assert len(bench.news()) == 3


def test_no_error_is_lost_that_differs_in_more_than_numbers(bench: Bench) -> None:
    for _ in range(BURST * 2):
        bench.log.error("slot %d: %s", 1, "stuck")
    bench.news()
    bench.log.error("slot %d: %s", 2, "stuck")
    assert bench.news() == []
    bench.log.error("slot %d: %s", 1, "burnt")
    assert bench.news() == ["ERROR slot 1: burnt"]


def test_what_is_critical_always_passes(bench: Bench) -> None:
    for _ in range(BURST * 5):
        bench.log.critical("stack of %s: %s", "locks", "line")
    assert len(bench.news()) == BURST * 5


def test_a_drivers_lines_are_never_a_flood(bench: Bench) -> None:
    """A card has to be away for half a second between two taps."""
    for _ in range(int(60 / 0.55)):
        bench.log.info("%s", "card ..E5F6 tapped")
        bench.clock.advance(0.55)
    assert len(bench.news()) == int(60 / 0.55)
