"""Faults: raised once, cleared once, several at a time (contract section 7)."""

import pytest
from support.story import OTHER, Story

from agent.state import Phase


def test_a_fault_of_the_station_is_told_and_handled() -> None:
    story = Story()
    story.fault("ReaderFailure")
    assert story.acts() == ["support ReaderFailure", "leds main on red"]
    assert story.events() == ["faulted", "out-of-order ReaderFailure"]
    faulted, out_of_order = story.log
    error = {"code": "ReaderFailure", "title": "ReaderFailure", "detail": "It broke.", "scope": "station"}
    assert faulted.data == {"stationId": "ST-42", "error": error}
    assert out_of_order.data == error
    assert story.light() == "red steady"


def test_a_fault_of_a_slot_lights_its_slot() -> None:
    story = Story()
    story.fault("X", 2)
    assert story.acts() == ["support X", "leds 2 on red"]
    assert story.log[-1].data["slotNumber"] == 2
    assert story.log[-1].slot == 2
    assert (story.light(), story.light("1"), story.light("2")) == ("off", "off", "red steady")


def test_raised_once_cleared_once() -> None:
    story = Story()
    story.fault()
    story.forget()
    story.fault()
    assert (story.acts(), story.events()) == ([], [])
    story.mends()
    assert (story.acts(), story.events()) == (["leds main off"], ["back-in-service"])
    assert story.log[-1].data == {"stationId": "ST-42"}
    story.mends()
    assert (story.acts(), story.events()) == ([], [])


def test_the_same_code_of_another_scope_is_another_fault() -> None:
    story = Story()
    story.fault("X", 0)
    story.fault("X", 1)
    story.fault("X", 2)
    assert len(story.station.faults) == 3


def test_the_last_of_a_scope_puts_its_light_out_the_last_of_all_is_told() -> None:
    story = Story()
    for code, slot in (("A", 0), ("B", 0), ("A", 1), ("B", 1)):
        story.fault(code, slot)
    story.forget()
    story.mends("A", 0)
    assert (story.acts(), story.events()) == ([], [])
    story.mends("B", 0)
    assert (story.acts(), story.events()) == (["leds main off"], [])
    story.mends("A", 1)
    assert (story.acts(), story.events()) == ([], [])
    story.mends("B", 1)
    assert (story.acts(), story.events()) == (["leds 1 off"], ["back-in-service"])


def test_a_warning_runs_none_of_this() -> None:
    story = Story()
    story.fault("LightsFailure", warning=True)
    assert (story.acts(), story.events()) == ([], ["faulted"])
    assert story.light() == "off"
    story.fault("ReaderFailure")
    story.forget()
    story.mends("ReaderFailure")
    assert (story.acts(), story.events()) == (["leds main off"], ["back-in-service"])
    story.mends("LightsFailure")
    assert (story.acts(), story.events()) == ([], [])
    assert story.station.faults == {}


def test_faults_are_kept_over_restarts_and_not_raised_again() -> None:
    story = Story()
    story.fault()
    story.forget()
    story.restarts(reboot=True)
    story.fault()
    assert (story.acts(), story.events()) == ([], [])
    assert story.light() == "red steady"
    assert next(iter(story.station.faults.values())).raised.wall == 1.75e9


def test_a_warning_that_cleared_is_gone_after_a_kill() -> None:
    story = Story()
    story.fault("LightsFailure", warning=True)
    story.mends("LightsFailure")
    story.restarts(killed=True)
    assert story.station.faults == {}


def test_support_is_called_once_in_ten_minutes_and_then_says_how_often() -> None:
    story = Story()
    for _ in range(3):
        story.fault()
        assert "out-of-order ReaderFailure" in story.events()
        assert "leds main on red" in story.acts()
        story.mends()
    assert [name for name in story.owing() if name.startswith("support")] == ["support ReaderFailure"]
    story.fault("Other")
    assert "support Other" in story.acts()
    story.passes(600)
    story.fault()
    assert "support ReaderFailure" in story.acts()
    assert story.last.owed[0].body["error"]["count"] == 3
    story.mends()
    story.passes(600)
    story.fault()
    assert "count" not in story.last.owed[0].body["error"]


def test_what_is_remembered_of_support_is_bounded() -> None:
    story = Story()
    for number in range(200):
        story.fault(f"F{number}")
        story.mends(f"F{number}")
    assert len(story.station.supports) <= 101


# LockFailed.


def lock_fails(story: Story, times: int = 1) -> None:
    """Visits whose lock does not confirm."""
    for number in range(times):
        session = f"L-{story.now:g}-{number}"
        story.closing(session)
        story.lock_settles(1, locked=False)
        story.opens()
        story.settles("end", session)
        story.passes(10)


def test_the_third_visit_in_a_row_whose_lock_fails_raises_lock_failed() -> None:
    story = Story()
    lock_fails(story, 2)
    assert story.station.faults == {}
    lock_fails(story)
    assert list(story.station.faults) == ["LockFailed/1"]
    assert story.events()[-3:] == ["refused lock-failed", "faulted", "out-of-order LockFailed"]
    assert story.light("1") == "red steady"


def test_a_lock_that_confirms_in_between_begins_the_count_anew() -> None:
    story = Story()
    lock_fails(story, 2)
    story.starts()
    story.passes(10)
    story.ends()
    story.passes(10)
    lock_fails(story, 2)
    assert story.station.faults == {}


def test_the_count_outlives_a_restart_and_is_each_slots_own() -> None:
    story = Story()
    lock_fails(story, 2)
    story.restarts(reboot=True)
    story.closing("S-2", 2, OTHER)
    story.lock_settles(2, locked=False)
    assert story.station.faults == {}
    lock_fails(story)
    assert list(story.station.faults) == ["LockFailed/1"]


def test_lock_failed_clears_by_itself_after_an_hour_and_one_more_failure_raises_it() -> None:
    story = Story()
    lock_fails(story, 3)
    raised = story.station.faults["LockFailed/1"].raised.boottime
    story.passes(raised + 3599 - story.now)
    assert list(story.station.faults) == ["LockFailed/1"]
    story.forget()
    story.passes(1)
    assert story.events() == ["back-in-service"]
    assert story.phase() is Phase.FREE
    lock_fails(story)
    assert list(story.station.faults) == ["LockFailed/1"]
    story.passes(3600)
    story.charges()
    assert story.slot().lock_failures == 0


@pytest.mark.parametrize(("gone", "left"), [(0.0, 3600.0), (3000.0, 600.0), (7200.0, 0.0), (-86400.0, 3600.0)])
def test_the_hour_goes_on_over_a_reboot_as_far_as_the_wall_clock_knows(gone: float, left: float) -> None:
    story = Story()
    lock_fails(story, 3)
    story.wall = story.station.faults["LockFailed/1"].raised.wall + gone
    story.restarts(after=0.0, reboot=True)
    if left:
        story.passes(left - 20)
        assert story.station.faults
        story.passes(20)
    else:
        story.passes(0)
    assert story.station.faults == {}


def test_a_fault_of_a_slot_that_is_gone_from_the_config_clears_too() -> None:
    story = Story(slots=1)
    story.fault("LockFailed", 2)
    story.passes(3600)
    assert story.station.faults == {}
