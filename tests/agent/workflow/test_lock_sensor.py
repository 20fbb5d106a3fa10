"""`LockSensor`: a sensor that did not change over a move, or a session whose lock does not confirm again."""

from support.story import Story

from agent.facts import ClearFaultAsked, UnlockAsked
from agent.state import Phase

FAULT = "LockSensor/1"


def test_an_end_drives_the_lock_whatever_its_sensor_shows_and_says_so() -> None:
    story = Story()
    story.charges()
    story.bolt_moves(1, locked=False)
    story.ends()
    assert story.phase() is Phase.FREE
    assert story.station.faults[FAULT].warning
    assert story.station.in_service
    assert "support LockSensor" not in story.acts()


def test_a_sensor_that_changes_again_clears_it() -> None:
    story = Story()
    story.charges()
    story.bolt_moves(1, locked=False)
    story.ends()
    story.passes(10)
    story.locked_in("S-2")
    assert FAULT not in story.station.faults


def test_a_start_that_a_stuck_sensor_confirms() -> None:
    story = Story()
    story.bolt_moves(1, locked=True)
    story.happens(ClearFaultAsked, code="LockForced", slot=1)
    story.closing()
    story.locks()
    assert story.phase() is Phase.CHARGING
    assert FAULT in story.station.faults


def test_a_session_whose_solenoid_let_go_over_a_reboot_stays() -> None:
    story = Story()
    story.charges()
    story.restarts(reboot=True)
    story.lock_settles(1, locked=False)
    assert (story.phase(), story.light("1")) == (Phase.CHARGING, "blue steady")
    assert FAULT in story.station.faults
    story.lock_settles(1, locked=True)
    assert FAULT not in story.station.faults


def test_a_bolt_that_never_locked_says_nothing_of_its_sensor() -> None:
    story = Story()
    story.closing()
    story.lock_settles(1, locked=False)
    story.opens()
    assert story.station.faults == {}


def test_nor_does_one_that_was_forced_open() -> None:
    story = Story()
    story.charges()
    story.happens(UnlockAsked, slot=1, force=True)
    story.opens()
    story.ends()
    assert story.station.faults == {}


def test_without_a_sensor_nothing_is_said() -> None:
    story = Story()
    story.closing()
    story.locks(sensor=False)
    story.settles("start")
    story.passes(60)
    story.tap()
    story.named("S-1", 1)
    story.settles("end")
    story.settles("pay")
    story.opens(sensor=False)
    assert story.station.faults == {}
