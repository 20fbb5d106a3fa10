"""Slots with a presence contact: a start waits for its vehicle, and a vehicle that drove off ends its session."""

import pytest
from support.story import CARD, OTHER, Story

from agent.facts import UnlockAsked
from agent.state import Phase
from hardware.parts import Position


def waiting() -> Story:
    """A slot was given to a driver whose vehicle is not in it yet."""
    story = Story()
    story.vehicle(there=False)
    story.closing()
    return story


def open_by_force() -> Story:
    """A running session whose bolt somebody opened; its vehicle still stands there."""
    story = Story()
    story.vehicle(there=True)
    story.charges()
    story.happens(UnlockAsked, slot=1, force=True)
    story.opens()
    story.forget()
    return story


# A start waits.


def test_the_slot_is_blue_and_open_until_the_vehicle_is_there() -> None:
    story = waiting()
    assert story.phase() is Phase.AWAITING
    assert story.light("1") == "blue steady"
    assert story.face().bolts[1].wanted is Position.UNLOCKED
    assert story.acts() == [f"acquire {CARD}", "leds 1 on blue"]


def test_it_locks_when_the_vehicle_comes() -> None:
    story = waiting()
    story.passes(29)
    before = story.slot().move
    story.vehicle(there=True)
    assert story.phase() is Phase.STARTING
    assert story.slot().move == before + 1
    assert story.face().bolts[1].wanted is Position.LOCKED
    story.locks()
    assert story.phase() is Phase.CHARGING
    assert story.acts()[-2:] == ["lock 1", "start S-1"]


def test_it_is_given_back_when_no_vehicle_comes_for_30_s() -> None:
    story = waiting()
    story.leave("leds", "S-1")
    story.passes(29.9)
    assert story.phase() is Phase.AWAITING
    story.forget()
    story.passes(0.2)
    story.opens()
    assert story.phase() is Phase.FREE
    assert story.acts() == ["end S-1", "leds 1 off"]
    assert story.events() == ["refused undone"]
    assert story.station.visits == {}


def test_a_vehicle_that_is_there_already_is_locked_at_once() -> None:
    story = Story()
    story.vehicle(there=True)
    story.closing()
    assert story.phase() is Phase.STARTING


def test_a_slot_without_a_contact_waits_for_nothing() -> None:
    story = Story()
    story.closing()
    assert story.phase() is Phase.STARTING


def test_a_contact_that_flickers_while_the_bolt_moves_changes_nothing() -> None:
    story = waiting()
    story.vehicle(there=True)
    story.vehicle(there=False)
    story.locks()
    assert story.phase() is Phase.CHARGING


def test_the_same_card_is_only_acknowledged_while_it_waits() -> None:
    story = waiting()
    story.passes(10)
    story.forget()
    story.tap()
    assert story.asks == []
    assert story.phase() is Phase.AWAITING


def test_another_driver_is_served_meanwhile() -> None:
    story = waiting()
    story.locked_in("S-2", 2, OTHER)
    assert [story.phase(1), story.phase(2)] == [Phase.AWAITING, Phase.CHARGING]


def test_a_fault_undoes_a_start_that_waits() -> None:
    story = waiting()
    story.fault("X", 1)
    assert story.phase() is Phase.OPENING
    assert "refused undone" in story.events()


def test_without_the_supplier_a_slot_with_a_vehicle_is_taken_first() -> None:
    story = Story(offline_start="known-cards")
    story.vehicle(1, there=False)
    story.vehicle(2, there=True)
    story.tap(known=True)
    story.passes(3)
    assert [story.phase(1), story.phase(2)] == [Phase.FREE, Phase.STARTING]


# Over a restart.


def test_a_fresh_driver_goes_on_waiting_over_a_restart() -> None:
    story = waiting()
    story.restarts(after=2.0)
    assert story.phase() is Phase.AWAITING
    story.vehicle(there=True)
    story.locks()
    assert story.phase() is Phase.CHARGING


def test_a_vehicle_that_came_meanwhile_is_locked_in() -> None:
    story = waiting()
    story.vehicles[1] = True
    story.restarts(after=2.0)
    assert story.phase() is Phase.STARTING


@pytest.mark.parametrize("reboot", [True, False])
def test_a_driver_who_has_gone_is_not_waited_for(*, reboot: bool) -> None:
    story = waiting()
    story.leave("leds", "S-1")
    story.forget()
    story.restarts(after=40.0, reboot=reboot)
    story.opens()
    assert story.phase() is Phase.FREE
    assert story.acts() == ["end S-1", "leds 1 off"]


def test_a_bolt_that_closed_before_a_kill_is_not_opened_again() -> None:
    story = waiting()
    story.opens()
    story.vehicle(there=True)
    story.bolts[1] = True
    story.restarts(after=1.0, killed=True)
    assert story.phase() is Phase.STARTING
    story.locks()
    assert story.phase() is Phase.CHARGING


def test_a_bolt_that_closed_unconfirmed_is_opened_when_its_driver_has_gone() -> None:
    story = waiting()
    story.opens()
    story.vehicle(there=True)
    story.bolts[1] = True
    story.restarts(after=60.0, killed=True)
    story.opens()
    assert story.acts()[-2:] == ["end S-1", "leds 1 off"]
    assert story.bolts[1] is False


# A vehicle that drove off.


def test_a_vehicle_gone_for_60_s_from_an_open_bolt_ends_its_session() -> None:
    story = open_by_force()
    story.vehicle(there=False)
    story.passes(59.9)
    assert story.phase() is Phase.CHARGING
    story.passes(0.2)
    story.opens()
    story.settles("end")
    story.settles("pay")
    assert story.phase() is Phase.FREE
    assert story.events() == ["session-ended owed station", "session-settled paid"]


def test_one_that_comes_back_goes_on() -> None:
    story = open_by_force()
    story.vehicle(there=False)
    story.passes(50)
    story.vehicle(there=True)
    story.passes(50)
    story.vehicle(there=False)
    story.passes(50)
    assert story.phase() is Phase.CHARGING


def test_a_contact_that_shows_nobody_ends_nothing_while_the_bolt_holds() -> None:
    story = Story()
    story.charges()
    story.vehicle(there=False)
    story.passes(3600)
    assert story.phase() is Phase.CHARGING


def test_it_counts_from_when_the_bolt_opened() -> None:
    story = Story()
    story.charges()
    story.vehicle(there=False)
    story.passes(3600)
    story.happens(UnlockAsked, slot=1, force=True)
    story.opens()
    story.passes(59)
    assert story.phase() is Phase.CHARGING
    story.passes(1)
    assert story.phase() is Phase.OPENING


def test_a_forced_bolt_lets_its_session_end_too() -> None:
    story = Story()
    story.vehicle(there=True)
    story.charges()
    story.bolt_moves(1, locked=False)
    story.vehicle(there=False)
    story.passes(60)
    story.opens()
    assert story.phase() is Phase.FREE
    assert "LockForced/1" not in story.station.faults


def test_without_a_lock_sensor_only_what_was_opened_counts_as_open() -> None:
    story = Story()
    story.closing()
    story.locks(sensor=False)
    story.settles("start")
    story.vehicle(there=False)
    story.passes(3600)
    assert story.phase() is Phase.CHARGING
    story.happens(UnlockAsked, slot=1, force=True)
    story.opens(sensor=False)
    story.passes(60)
    assert story.phase() is Phase.OPENING


def test_a_slot_held_unpaid_is_free_once_its_vehicle_has_gone() -> None:
    story = Story(unpaid_release="hold")
    story.vehicle(there=True)
    story.charges()
    story.tap()
    story.named("S-1", 1)
    story.settles("end")
    story.settles("pay", status=402)
    assert story.phase() is Phase.HELD
    story.bolt_moves(1, locked=False)
    story.vehicle(there=False)
    story.forget()
    story.passes(60)
    story.opens()
    assert story.phase() is Phase.FREE
    assert "session-ended refused station" in story.events()


def test_the_count_goes_on_over_a_restart_and_starts_anew_only_with_its_vehicle() -> None:
    story = open_by_force()
    story.vehicle(there=False)
    story.passes(30)
    story.restarts(after=1.0)
    story.passes(28)
    assert story.phase() is Phase.CHARGING
    story.passes(2)
    assert story.phase() is Phase.OPENING
