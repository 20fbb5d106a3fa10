"""Ending: end, pay, unlock, and what the supplier may say to each (contract sections 3 and 6)."""

from dataclasses import replace
from typing import Any

import pytest
from support.story import CARD, Story

from agent.effects import ActName
from agent.facts import CallSettled
from agent.state import Phase


def ending(**rules: Any) -> Story:
    """A session whose end and pay are owed while its driver waits."""
    story = Story(**rules)
    story.charges()
    story.tap()
    story.named("S-1", 1)
    story.forget()
    return story


def test_the_vehicle_waits_for_both_answers() -> None:
    story = ending()
    move = story.slot().move
    story.settles("end")
    assert (story.phase(), story.slot().move) == (Phase.ENDING, move)
    story.settles("pay")
    assert (story.phase(), story.slot().move) == (Phase.OPENING, move + 1)


def test_the_bolt_holds_until_the_answers() -> None:
    story = ending()
    assert story.face().bolts[1].wanted == "locked"
    story.settles("end")
    story.settles("pay")
    assert story.face().bolts[1].wanted == "unlocked"


def test_nobody_waits_longer_than_the_wait_then_the_rest_is_owed() -> None:
    story = ending()
    story.passes(2.9)
    assert story.phase() is Phase.ENDING
    story.passes(0.1)
    assert story.phase() is Phase.OPENING
    story.opens()
    assert story.events() == ["session-ended owed card"]
    assert story.owing() == ["end S-1", "pay S-1", "unlock 1", "leds 1 flicker white"]
    story.settles("end")
    assert story.events() == []
    story.settles("pay")
    assert story.events() == ["session-settled paid"]
    assert story.station.sessions == {}


def test_the_wait_runs_from_the_tap() -> None:
    story = Story()
    story.charges()
    story.tap()
    story.passes(2)
    story.named("S-1", 1)
    story.passes(1)
    assert story.phase() is Phase.OPENING


@pytest.mark.parametrize("status", [404, 409, 410])
def test_an_end_that_the_supplier_does_not_know_counts_as_ended(status: int) -> None:
    story = ending()
    story.settles("end", status=status)
    assert story.owing() == ["pay S-1"]
    story.settles("pay")
    story.opens()
    assert story.events() == ["session-ended paid card"]
    assert story.aside == []


@pytest.mark.parametrize("status", [400, 402, 422])
def test_an_end_refused_goes_aside_with_its_pay_and_the_vehicle_goes(status: int) -> None:
    story = ending(unpaid_release="hold")
    keys = [story.find("end").act.key, story.find("pay").act.key]
    story.settles("end", status=status)
    assert story.aside == keys
    assert story.phase() is Phase.OPENING
    story.opens()
    assert story.events() == ["session-ended refused card"]
    assert story.station.sessions == {}


def test_an_end_refused_after_the_vehicle_went_settles_the_payment() -> None:
    story = ending()
    story.passes(3)
    story.opens()
    story.settles("end", status=422)
    assert story.events() == ["session-ended owed card", "session-settled refused"]
    assert story.station.sessions == {}


@pytest.mark.parametrize(
    ("status", "repeated", "payment", "aside"),
    [
        (204, False, "paid", False),
        (404, False, "none", False),
        (410, False, "none", False),
        (409, True, "paid", False),
        (409, False, "refused", True),
        (402, False, "refused", False),
        (402, True, "refused", False),
        (403, False, "refused", True),
        (422, True, "refused", True),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_pay(status: int, repeated: bool, payment: str, aside: bool, late: bool) -> None:
    story = ending()
    story.settles("end")
    key = story.find("pay").act.key
    if late:
        story.passes(3)
        story.opens()
        assert story.events() == ["session-ended owed card"]
    story.settles("pay", status=status, repeated=repeated)
    if late:
        assert story.events() == [f"session-settled {payment}"]
    else:
        story.opens()
        assert story.events() == [f"session-ended {payment} card"]
    assert story.aside == ([key] if aside else [])
    assert story.station.sessions == {}


# Held unpaid.


def held() -> Story:
    """A session that its supplier wants paid before the vehicle goes."""
    story = ending(unpaid_release="hold")
    story.settles("end")
    story.settles("pay", status=402)
    return story


def test_402_holds_if_configured() -> None:
    story = held()
    assert story.events() == ["refused payment-refused"]
    assert (story.phase(), story.light("1")) == (Phase.HELD, "red steady")
    assert story.face().bolts[1].wanted == "locked"
    assert story.station.visits == {}
    assert story.owing() == []


@pytest.mark.parametrize("reboot", [False, True])
def test_held_is_held_over_restarts(reboot: bool) -> None:
    story = held()
    story.restarts(after=3600, reboot=reboot)
    assert (story.phase(), story.face().bolts[1].wanted) == (Phase.HELD, "locked")


def test_a_second_402_holds_again_under_another_key() -> None:
    story = held()
    keys = set()
    for _ in range(3):
        story.passes(10)
        story.tap()
        keys.add(story.find("pay").act.key)
        story.settles("pay", status=402)
        assert story.phase() is Phase.HELD
    assert len(keys) == 3
    assert story.events() == ["refused payment-refused"] * 4


def test_held_and_no_answer_to_the_second_pay_releases() -> None:
    story = held()
    story.forget()
    story.passes(10)
    story.tap()
    story.passes(3)
    story.opens()
    assert story.events() == ["session-ended owed card"]
    story.settles("pay", status=402)
    assert story.events() == ["session-settled refused"]


@pytest.mark.parametrize("status", [404, 422])
def test_held_and_another_answer_to_the_second_pay_releases(status: int) -> None:
    story = held()
    story.passes(10)
    story.tap()
    story.settles("pay", status=status)
    assert story.phase() is Phase.OPENING


def test_402_after_the_wait_holds_nothing() -> None:
    story = ending(unpaid_release="hold")
    story.settles("end")
    story.passes(3)
    story.settles("pay", status=402)
    assert story.phase() is Phase.OPENING
    story.opens()
    assert story.events() == ["session-ended refused card"]


# Unlocking is a verified act.


def test_an_end_drives_the_lock_whatever_the_sensor_shows() -> None:
    story = Story()
    story.charges()
    story.bolt_moves(1, locked=False)
    move = story.slot().move
    story.tap()
    story.passes(3)
    assert story.slot().move == move + 1


def test_a_lock_without_a_sensor_is_believed_to_be_open() -> None:
    story = ending()
    story.passes(3)
    story.opens(sensor=False)
    assert story.phase() is Phase.FREE


def stuck() -> Story:
    """A paid session whose bolt does not open."""
    story = ending()
    story.settles("end")
    story.settles("pay")
    story.lock_settles(1, locked=True)
    return story


def test_a_bolt_that_does_not_open_raises_unlock_failed_and_calls_support() -> None:
    story = stuck()
    assert story.acts() == ["support UnlockFailed", "leds 1 on red"]
    assert story.events() == ["faulted", "out-of-order UnlockFailed"]
    assert story.station.visits == {}
    assert (story.phase(), story.light("1")) == (Phase.OPENING, "red steady")
    story.passes(0.2)
    assert story.light() == "red two-blinks"


def test_the_next_tap_of_that_card_tries_again() -> None:
    story = stuck()
    story.forget()
    story.passes(10)
    story.tap()
    story.lock_settles(1, locked=True)
    assert (story.acts(), story.events()) == ([], [])
    story.passes(10)
    story.tap()
    story.opens()
    assert story.acts() == ["leds 1 off", "unlock 1", "leds 1 flicker white"]
    assert story.events() == ["back-in-service", "session-ended paid card"]


def test_a_stuck_bolt_that_shows_open_after_all_has_let_its_vehicle_go() -> None:
    story = stuck()
    story.forget()
    story.bolt_moves(1, locked=True)
    assert story.phase() is Phase.OPENING
    story.bolt_moves(1, locked=False)
    assert story.events() == ["back-in-service", "session-ended paid card"]
    assert story.phase() is Phase.FREE


def test_without_a_sensor_the_next_move_is_believed_and_clears_the_fault() -> None:
    story = stuck()
    story.passes(10)
    story.tap()
    story.opens(sensor=False)
    assert story.station.faults == {}


def test_a_free_slot_whose_bolt_shows_locked_after_a_restart_is_not_offered() -> None:
    story = Story(slots=1)
    story.restarts(reboot=True)
    story.lock_settles(1, locked=True)
    assert story.events() == ["faulted", "out-of-order UnlockFailed"]
    story.bolt_moves(1, locked=False)
    assert story.events() == ["back-in-service"]


def test_the_support_is_not_called_for_every_retry() -> None:
    story = stuck()
    for _ in range(5):
        story.passes(10)
        story.tap()
        story.lock_settles(1, locked=True)
    assert story.acts().count("support UnlockFailed") == 1


# Answers that nobody waits for.


@pytest.mark.parametrize("name", ["end", "pay"])
def test_an_answer_for_a_session_that_is_over_is_taken_in(name: str) -> None:
    story = ending()
    act = story.find(name).act
    story.settles("end")
    story.settles("pay")
    story.opens()
    story.forget()
    story.happens(CallSettled, act=act)
    assert story.last.settled == (act.key,)
    assert (story.acts(), story.events()) == ([], [])


def test_a_pay_taken_back_on_its_way_is_only_taken_in() -> None:
    story = Story()
    story.locked_in()
    story.passes(60)
    story.tap()
    story.none_active()
    pay = story.find("pay").act
    story.settles("start", status=422)
    story.forget()
    story.happens(CallSettled, act=pay)
    assert story.last.settled == (pay.key,)
    story.settles("end")
    story.opens()
    assert story.events() == ["session-ended none card"]


def test_an_end_that_is_answered_before_the_start_is_told_after_it() -> None:
    story = Story()
    story.locked_in()
    story.passes(60)
    story.tap()
    story.passes(3)
    story.opens()
    story.happens(CallSettled, act=story.find("end").act)
    assert story.events() == []
    story.settles("start")
    assert story.events() == ["session-started", "session-ended owed card"]


def test_calls_that_decide_nothing_are_taken_in() -> None:
    story = ending()
    before = story.station
    act = replace(story.find("end").act, name=ActName.UNLOCK, key="unlock")
    story.happens(CallSettled, act=act)
    assert (story.station, story.last.settled) == (before, ("unlock",))


def test_the_same_card_starts_anew_afterwards() -> None:
    story = ending()
    story.settles("end")
    story.settles("pay")
    story.opens()
    story.passes(3)
    story.forget()
    story.starts("S-2")
    assert story.acts() == [f"acquire {CARD}", "leds 1 on blue", "lock 1", "start S-2"]
