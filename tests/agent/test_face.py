"""Lights and bolts drawn from the state (contract section 5), row by row."""

from dataclasses import replace
from typing import Any

import pytest
from support.story import OTHER, Story

from agent.face import BLUE, RED, SIGNALS, WANTED, Bolt
from agent.state import Phase, Signal
from hardware.looks import DARK, Colour, Look, Rhythm
from hardware.parts import Position


def put(story: Story, **changes: Any) -> None:
    """Give slot 1 other values."""
    story.station = replace(story.station, slots={**story.station.slots, 1: replace(story.slot(1), **changes)})


def test_nothing_to_say_is_dark() -> None:
    story = Story()
    shown = story.face()
    assert shown.lights == {"main": DARK, "1": DARK, "2": DARK}
    assert shown.bolts == {1: Bolt(Position.UNLOCKED, 0), 2: Bolt(Position.UNLOCKED, 0)}
    assert shown.until is None


def test_every_phase_and_signal_has_its_row() -> None:
    assert set(WANTED) == set(Phase)
    assert set(SIGNALS) == set(Signal)
    assert not BLUE & RED


@pytest.mark.parametrize(
    ("phase", "light", "bolt"),
    [
        (Phase.FREE, "off", Position.UNLOCKED),
        (Phase.STARTING, "blue steady", Position.LOCKED),
        (Phase.CHARGING, "blue steady", Position.LOCKED),
        (Phase.ENDING, "blue steady", Position.LOCKED),
        (Phase.OPENING, "off", Position.UNLOCKED),
        (Phase.HELD, "red steady", Position.LOCKED),
        (Phase.UNKNOWN, "red steady", None),
    ],
)
def test_a_slot_in_each_phase(phase: Phase, light: str, bolt: Position | None) -> None:
    story = Story()
    put(story, phase=phase, move=7)
    assert story.light("1") == light
    assert story.face().bolts[1] == Bolt(bolt, 7)


@pytest.mark.parametrize("phase", list(Phase))
def test_out_of_order_or_unavailable_is_red_over_blue(phase: Phase) -> None:
    story = Story()
    story.fault("X", 1)
    put(story, phase=phase)
    assert story.light("1") == "red steady"
    story = Story()
    put(story, phase=phase, available=False)
    assert story.light("1") == "red steady"


def test_ended_flickers_over_red() -> None:
    story = Story()
    story.fault("X", 1)
    put(story, ended=story.at())
    assert story.face().lights["1"] == Look((Colour.WHITE,), Rhythm.FLICKER, story.now)
    assert story.face().until == story.now + 3.0
    story.passes(3)
    assert story.light("1") == "red steady"


def test_ended_in_another_boot_is_long_ago() -> None:
    story = Story()
    put(story, ended=replace(story.at(), boot="before"))
    assert story.light("1") == "off"
    assert story.face().until is None


def test_a_station_out_of_order_or_unavailable_is_red() -> None:
    story = Story()
    story.fault()
    assert (story.light(), story.light("1")) == ("red steady", "off")
    story = Story()
    story.station = replace(story.station, available=False)
    assert story.light() == "red steady"


def test_a_card_is_seen_over_anything_for_200_ms() -> None:
    story = Story()
    story.fault()
    story.two_cards()
    story.rest()
    assert story.face().lights["main"] == Look((Colour.WHITE,), Rhythm.STEADY, story.now)
    assert story.face().until == story.now + 0.2
    story.passes(0.2)
    assert story.light() == "red+white two-blinks"
    story.passes(0.6)
    assert story.light() == "white breathing"
    story.question_refused(403)
    assert story.light() == "red two-blinks"
    story.passes(0.8)
    assert story.light() == "red steady"


def test_breathing_begins_200_ms_after_the_tap_of_who_waits_longest() -> None:
    story = Story()
    story.rest()
    tapped = story.now
    story.passes(0.1)
    assert story.light() == "white steady"
    story.passes(0.4)
    story.tap(OTHER)
    story.passes(0.2)
    assert story.face().lights["main"] == Look((Colour.WHITE,), Rhythm.BREATHING, tapped + 0.2)


def test_nobody_breathes_for_a_slot_that_is_given_back() -> None:
    story = Story()
    story.tap()
    story.none_active()
    story.leave("acquire", "")
    story.passes(3)
    story.granted(1)
    assert story.station.visits
    story.passes(10)
    assert story.light() == "off"


@pytest.mark.parametrize(("signal", "lasts"), [(Signal.REFUSED, 0.8), (Signal.TWO_CARDS, 0.8), (Signal.NO_SLOTS, 3.0)])
def test_the_newest_signal_is_shown_as_long_as_it_lasts(signal: Signal, lasts: float) -> None:
    story = Story()
    story.station = replace(story.station, signal=signal, signalled=story.now)
    assert story.light() != "off"
    assert story.face().until == story.now + lasts
    story.passes(lasts)
    assert story.light() == "off"
    assert story.face().until is None


def test_until_names_every_moment_at_which_time_alone_changes_the_face() -> None:
    story = Story()
    story.rest()
    story.two_cards()
    put(story, ended=story.at())
    moments = []
    while (until := story.face().until) is not None:
        moments.append(round(until - story.now, 3))
        before = story.face().lights
        story.now = until
        assert story.face().lights != before
    assert len(moments) == 3


def test_a_restart_draws_what_was_there() -> None:
    story = Story(unpaid_release="hold")
    story.starts()
    story.fault("X", 2)
    story.passes(10)
    before = story.face()
    story.restarts()
    assert story.face() == before
