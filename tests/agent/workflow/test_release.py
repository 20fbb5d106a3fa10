"""The release contact: closed, it opens every lock."""

from support.story import OTHER, Story

from agent.facts import ClearFaultAsked, Restarted
from agent.state import Phase
from hardware.parts import Position

FAULT = "Released/0"


def let_go(story: Story) -> Story:
    """The contact closes, every bolt opens."""
    story.forget()
    story.releases(closed=True)
    return story


def test_every_lock_opens_and_the_station_is_out_of_order() -> None:
    story = Story(3)
    story.charges()
    moves = [story.slot(number).move for number in (1, 2, 3)]
    let_go(story)
    bolts = story.face().bolts
    assert [bolts[number].wanted for number in (1, 2, 3)] == [Position.UNLOCKED] * 3
    assert [bolts[number].move for number in (1, 2, 3)] == [move + 1 for move in moves]
    assert not story.station.in_service
    assert story.light() == "red steady"
    assert story.acts() == ["support Released", "leds main on red"]
    assert story.events() == ["faulted", "out-of-order Released"]


def test_a_session_goes_on_with_its_slot_open_until_its_card_taps() -> None:
    story = Story()
    story.charges()
    let_go(story)
    story.opens()
    story.forget()
    assert story.phase() is Phase.CHARGING
    story.ends()
    assert story.phase() is Phase.FREE
    assert story.events() == ["session-ended paid card"]


def test_a_session_gets_no_power_while_its_slot_is_open() -> None:
    story = Story()
    story.charges()
    assert story.face().bolts[1].permit
    let_go(story)
    assert not story.face().bolts[1].permit


def test_whoever_waits_for_the_supplier_goes_at_once() -> None:
    story = Story()
    story.charges()
    story.tap()
    story.named("S-1", 1)
    let_go(story)
    assert story.phase() is Phase.OPENING
    story.opens()
    assert "session-ended owed card" in story.events()


def test_a_vehicle_held_unpaid_goes() -> None:
    story = Story(unpaid_release="hold")
    story.charges()
    story.tap()
    story.named("S-1", 1)
    story.settles("end")
    story.settles("pay", status=402)
    let_go(story)
    story.opens()
    assert "session-ended refused station" in story.events()


def test_a_start_that_was_not_confirmed_is_undone() -> None:
    story = Story()
    story.closing()
    let_go(story)
    story.opens()
    assert story.phase() is Phase.FREE
    assert "refused undone" in story.events()


def test_nothing_starts_until_it_is_open_and_the_fault_cleared() -> None:
    story = Story()
    let_go(story)
    story.opens()
    story.releases(closed=False)
    assert FAULT in story.station.faults
    story.passes(10)
    story.tap()
    story.none_active()
    assert "refused out-of-order" in story.events()
    story.happens(ClearFaultAsked, code="Released")
    assert FAULT not in story.station.faults
    assert "back-in-service" in story.events()
    story.passes(10)
    story.starts()
    assert story.phase() is Phase.CHARGING


def test_clearing_it_while_the_contact_is_closed_raises_it_anew() -> None:
    story = let_go(Story())
    story.forget()
    story.happens(ClearFaultAsked, code="Released")
    assert FAULT in story.station.faults
    assert story.events() == ["back-in-service", "faulted", "out-of-order Released"]


def test_a_contact_found_closed_at_the_start_opens_every_lock() -> None:
    story = Story()
    story.charges()
    story.happens(Restarted, seen={1: True, 2: False}, letting_go=True)
    assert FAULT in story.station.faults
    assert story.face().bolts[1].wanted is Position.UNLOCKED


def test_a_restart_with_the_contact_closed_raises_nothing_twice() -> None:
    story = Story()
    story.charges()
    let_go(story)
    story.opens()
    moves = story.slot(1).move
    story.forget()
    story.restarts(after=2.0)
    assert story.events() == []
    assert story.slot(1).move == moves
    assert story.face().bolts[1].wanted is Position.UNLOCKED


def test_two_vehicles_leave_and_both_sessions_end() -> None:
    story = Story()
    story.charges()
    story.charges("S-2", 2, OTHER)
    for slot in (1, 2):
        story.vehicle(slot, there=True)
    let_go(story)
    for slot in (1, 2):
        story.opens(slot)
        story.vehicle(slot, there=False)
    story.passes(60)
    for slot in (1, 2):
        story.opens(slot)
    assert [story.phase(1), story.phase(2)] == [Phase.FREE, Phase.FREE]
