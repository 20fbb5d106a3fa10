"""The physics of a solenoid's bolt."""

from hardware.emulated.bolt import Bolt, Place


def test_power_locks_and_the_spring_opens_after_the_travel() -> None:
    bolt = Bolt(travel_s=0.1)
    assert bolt.follow(0.0, powered=True, jammed=False)
    assert bolt.place is Place.BETWEEN
    assert not bolt.follow(0.09, powered=True, jammed=False)
    assert bolt.follow(0.1, powered=True, jammed=False)
    assert bolt.place is Place.LOCKED
    assert not bolt.follow(5.0, powered=True, jammed=False)
    bolt.follow(6.0, powered=False, jammed=False)
    bolt.follow(6.2, powered=False, jammed=False)
    assert bolt.place is Place.UNLOCKED


def test_a_jammed_bolt_stays_where_it_is_and_goes_on_when_freed() -> None:
    bolt = Bolt(travel_s=0.1)
    bolt.follow(0.0, powered=True, jammed=False)
    bolt.follow(0.05, powered=True, jammed=True)
    assert not bolt.follow(9.0, powered=True, jammed=True)
    assert bolt.place is Place.BETWEEN
    bolt.follow(10.0, powered=True, jammed=False)
    bolt.follow(10.1, powered=True, jammed=False)
    assert bolt.place is Place.LOCKED


def test_a_bolt_turns_round_on_its_way() -> None:
    bolt = Bolt(travel_s=0.1)
    bolt.follow(0.0, powered=True, jammed=False)
    bolt.follow(0.05, powered=False, jammed=False)
    bolt.follow(0.16, powered=False, jammed=False)
    assert bolt.place is Place.UNLOCKED


def test_a_bolt_that_arrived_and_was_released_leaves_at_once() -> None:
    bolt = Bolt(travel_s=0.1)
    bolt.follow(0.0, powered=True, jammed=False)
    assert not bolt.follow(0.2, powered=False, jammed=False)
    assert bolt.place is Place.BETWEEN
    assert bolt.arrives is not None
