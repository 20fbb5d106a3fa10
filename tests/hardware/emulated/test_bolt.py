"""The physics of a bolt."""

from hardware.emulated.bolt import Bolt, Place

LOCKED, UNLOCKED = Place.LOCKED, Place.UNLOCKED


def test_power_locks_and_the_spring_opens_after_the_travel() -> None:
    bolt = Bolt(travel_s=0.1)
    assert bolt.follow(0.0, wanted=LOCKED, jammed=False)
    assert bolt.place is Place.BETWEEN
    assert not bolt.follow(0.09, wanted=LOCKED, jammed=False)
    assert bolt.follow(0.1, wanted=LOCKED, jammed=False)
    assert bolt.place is Place.LOCKED
    assert not bolt.follow(5.0, wanted=LOCKED, jammed=False)
    bolt.follow(6.0, wanted=UNLOCKED, jammed=False)
    bolt.follow(6.2, wanted=UNLOCKED, jammed=False)
    assert bolt.place is Place.UNLOCKED


def test_a_jammed_bolt_stays_where_it_is_and_goes_on_when_freed() -> None:
    bolt = Bolt(travel_s=0.1)
    bolt.follow(0.0, wanted=LOCKED, jammed=False)
    bolt.follow(0.05, wanted=LOCKED, jammed=True)
    assert not bolt.follow(9.0, wanted=LOCKED, jammed=True)
    assert bolt.place is Place.BETWEEN
    bolt.follow(10.0, wanted=LOCKED, jammed=False)
    bolt.follow(10.1, wanted=LOCKED, jammed=False)
    assert bolt.place is Place.LOCKED


def test_a_bolt_turns_round_on_its_way() -> None:
    bolt = Bolt(travel_s=0.1)
    bolt.follow(0.0, wanted=LOCKED, jammed=False)
    bolt.follow(0.05, wanted=UNLOCKED, jammed=False)
    bolt.follow(0.16, wanted=UNLOCKED, jammed=False)
    assert bolt.place is Place.UNLOCKED


def test_a_bolt_that_arrived_and_was_released_leaves_at_once() -> None:
    bolt = Bolt(travel_s=0.1)
    bolt.follow(0.0, wanted=LOCKED, jammed=False)
    assert not bolt.follow(0.2, wanted=UNLOCKED, jammed=False)
    assert bolt.place is Place.BETWEEN
    assert bolt.arrives is not None


def test_without_any_force_a_bolt_stays_where_it_is() -> None:
    bolt = Bolt(travel_s=0.1)
    bolt.follow(0.0, wanted=LOCKED, jammed=False)
    bolt.follow(0.1, wanted=None, jammed=False)
    assert not bolt.follow(99.0, wanted=None, jammed=False)
    assert bolt.place is Place.LOCKED


def test_a_push_that_ends_too_early_leaves_a_bolt_between_until_the_next() -> None:
    bolt = Bolt(travel_s=0.1)
    bolt.follow(0.0, wanted=LOCKED, jammed=False)
    bolt.follow(0.05, wanted=None, jammed=False)
    assert not bolt.follow(99.0, wanted=None, jammed=False)
    assert bolt.place is Place.BETWEEN
    bolt.follow(100.0, wanted=LOCKED, jammed=False)
    bolt.follow(100.1, wanted=LOCKED, jammed=False)
    assert bolt.place is Place.LOCKED
