"""`LockForced`: a bolt that moved by itself is told and not moved back."""

import pytest
from support.story import Story

from agent.facts import ClearFaultAsked, UnlockAsked
from agent.state import Phase

FAULT = "LockForced/1"


def forced_open() -> Story:
    """A session whose bolt was levered open."""
    story = Story()
    story.charges()
    story.bolt_moves(1, locked=False)
    return story


def test_a_session_whose_bolt_opens_is_told_and_stays() -> None:
    story = forced_open()
    assert FAULT in story.station.faults
    assert story.phase() is Phase.CHARGING
    assert story.light("1") == "red steady"
    assert story.events() == ["faulted", "out-of-order LockForced"]
    assert story.acts() == ["support LockForced", "leds 1 on red"]


def test_it_gets_no_power() -> None:
    assert not forced_open().face().bolts[1].permit


def test_it_is_not_moved_back_nor_after_a_restart() -> None:
    story = forced_open()
    move = story.slot().move
    story.restarts(after=1.0)
    assert story.slot().move == move
    assert story.face().bolts[1].wanted is None


def test_the_sessions_end_clears_it() -> None:
    story = forced_open()
    story.ends()
    assert FAULT not in story.station.faults
    assert story.phase() is Phase.FREE


def test_an_operator_clears_it() -> None:
    story = forced_open()
    story.happens(ClearFaultAsked, code="LockForced", slot=1)
    assert FAULT not in story.station.faults


def test_a_free_slot_whose_bolt_closes_is_not_offered() -> None:
    story = Story()
    story.bolt_moves(1, locked=True)
    assert FAULT in story.station.faults
    assert not story.station.usable(story.slot())


def test_a_bolt_that_goes_where_it_belongs_is_no_fault() -> None:
    story = Story()
    story.charges()
    story.tap()
    story.named("S-1", 1)
    story.settles("end")
    story.settles("pay")
    story.lock_settles(1, locked=True)
    story.bolt_moves(1, locked=False)
    assert story.station.faults == {}
    assert story.phase() is Phase.FREE


@pytest.mark.parametrize("locked", [True, False])
def test_a_slot_that_was_opened_by_force_belongs_open(*, locked: bool) -> None:
    story = Story()
    story.charges()
    story.happens(UnlockAsked, slot=1, force=True)
    story.opens()
    story.bolt_moves(1, locked=locked)
    assert (FAULT in story.station.faults) is locked
