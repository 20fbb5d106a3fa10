"""A story for each phase of a slot and each step of a visit."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from support.story import CARD, OTHER, Story

from agent import facts
from agent.answers import Problem
from agent.state import Phase


def asking(story: Story) -> None:
    story.tap()


def acquiring(story: Story) -> None:
    story.tap()
    story.none_active()


def acquiring_again(story: Story) -> None:
    acquiring(story)
    story.granted(9, "S-9")


def naming(story: Story) -> None:
    acquiring(story)
    story.granted(1)


def giving_back_without_a_name(story: Story) -> None:
    acquiring(story)
    story.leave("acquire", "")
    story.passes(3)
    story.granted(1)


def parking(story: Story) -> None:
    story.vehicle(there=False)
    story.closing()


def locking(story: Story) -> None:
    story.closing()


def locked(story: Story) -> None:
    story.locked_in()


def charging(story: Story) -> None:
    story.charges()


def asking_to_end(story: Story) -> None:
    story.charges()
    story.tap()


def asking_to_end_before_the_start(story: Story) -> None:
    story.locked_in()
    story.passes(60)
    story.tap()


def ending(story: Story) -> None:
    asking_to_end(story)
    story.named("S-1", 1)


def ending_a_foreign_session(story: Story) -> None:
    story.tap()
    story.named("S-7", 1)


def renamed(story: Story) -> None:
    asking_to_end_before_the_start(story)
    story.named("S-9", 1)


def opening(story: Story) -> None:
    ending(story)
    story.passes(3)


def stuck(story: Story) -> None:
    opening(story)
    story.lock_settles(1, locked=True)


def undone(story: Story) -> None:
    locking(story)
    story.fault("X", 1)


def start_refused(story: Story) -> None:
    locked(story)
    story.settles("start", status=422)


def held_without_a_start(story: Story) -> None:
    locked(story)
    story.passes(60)
    story.settles("start", status=422)


def held_unpaid(story: Story) -> None:
    ending(story)
    story.settles("end")
    story.settles("pay", status=402)


def paying_again(story: Story) -> None:
    held_unpaid(story)
    story.passes(10)
    story.tap()


def released(story: Story) -> None:
    opening(story)
    story.opens()


def acquiring_behind_an_end(story: Story) -> None:
    released(story)
    story.passes(10)
    story.tap()
    story.none_active()


def two_drivers(story: Story) -> None:
    asking_to_end(story)
    story.closing("S-2", 2, OTHER)


def forced_open(story: Story) -> None:
    story.charges()
    story.happens(facts.UnlockAsked, slot=1, force=True)
    story.opens()


def deserted(story: Story) -> None:
    story.charges()
    story.vehicle(there=True)
    story.vehicle(there=False)
    story.bolt_moves(1, locked=False)


def let_go(story: Story) -> None:
    held_unpaid(story)
    story.closing("S-2", 2, OTHER)
    story.locks(2)
    story.releases(closed=True)


def offline_parking(story: Story) -> None:
    story.vehicle(1, there=False)
    story.vehicle(2, there=False)
    story.tap(known=True)
    story.passes(3)


def asked_to_open(story: Story) -> None:
    story.happens(facts.UnlockAsked, slot=1)


def offline_locking(story: Story) -> None:
    story.tap(known=True)
    story.passes(3)


def offline_locked(story: Story) -> None:
    offline_locking(story)
    story.locks()
    story.passes(60)


def offline_naming(story: Story) -> None:
    offline_locked(story)
    story.granted(1)


def offline_elsewhere(story: Story) -> None:
    offline_locked(story)
    story.granted(2, "S-9")


def offline_denied(story: Story) -> None:
    offline_locked(story)
    story.not_granted(Problem(status=403))


def offline_released(story: Story) -> None:
    offline_locked(story)
    story.tap()
    story.passes(3)
    story.opens()


def remotely(story: Story) -> None:
    """Lock slot 1 for a card, as a workflow elsewhere asks."""
    story.tap()
    story.happens(facts.LockAsked, slot=1, card=CARD, session="S-1")


def tapped_remotely(story: Story) -> None:
    story.tap()


def locking_remotely(story: Story) -> None:
    remotely(story)


def parking_remotely(story: Story) -> None:
    story.vehicle(there=False)
    remotely(story)


def charging_remotely(story: Story) -> None:
    remotely(story)
    story.locks()
    story.passes(60)


def asking_remotely(story: Story) -> None:
    charging_remotely(story)
    story.tap()


def opening_remotely(story: Story) -> None:
    asking_remotely(story)
    story.passes(3)


def out_of_order_remotely(story: Story) -> None:
    charging_remotely(story)
    story.fault("X", 1)
    story.fault("Y")


def out_of_service(story: Story) -> None:
    story.charges()
    story.happens(facts.AvailabilityAsked, slot=2, available=False)
    story.happens(facts.AvailabilityAsked, available=False)
    story.happens(facts.LightsAsked, target="2", action="on", colour="white", duration_s=60.0)


def out_of_order(story: Story) -> None:
    story.fault("StorageFailure")
    story.fault("LockFailed", 1)
    story.fault("UnlockFailed", 2)
    story.inbox("faulted.v1", {"error": {"code": "X"}})
    for code in ("LockFailed", "UnlockFailed", "Released"):
        story.inbox("faulted.v1", {"error": {"code": code, "slotNumber": 1}})


def free(story: Story) -> None:
    story.passes(1)


def unknown(story: Story) -> None:
    slots = {number: replace(slot, phase=Phase.UNKNOWN) for number, slot in story.station.slots.items()}
    story.station = replace(story.station, slots=slots)


def ending_an_unknown_session(story: Story) -> None:
    unknown(story)
    ending_a_foreign_session(story)


STATES: Mapping[str, Callable[[Story], None]] = {
    state.__name__: state
    for state in (
        free,
        asking,
        acquiring,
        acquiring_again,
        acquiring_behind_an_end,
        naming,
        giving_back_without_a_name,
        parking,
        locking,
        locked,
        charging,
        asking_to_end,
        asking_to_end_before_the_start,
        ending,
        ending_a_foreign_session,
        renamed,
        opening,
        stuck,
        undone,
        start_refused,
        held_without_a_start,
        held_unpaid,
        paying_again,
        released,
        two_drivers,
        forced_open,
        deserted,
        let_go,
        asked_to_open,
        offline_parking,
        offline_locking,
        offline_locked,
        offline_naming,
        offline_elsewhere,
        offline_denied,
        offline_released,
        out_of_order,
        out_of_service,
        tapped_remotely,
        locking_remotely,
        parking_remotely,
        charging_remotely,
        asking_remotely,
        opening_remotely,
        out_of_order_remotely,
        unknown,
        ending_an_unknown_session,
    )
}


def in_state(name: str) -> Story:
    """A story that stands there."""
    rules: dict[str, Any] = {"unpaid_release": "hold", "triggers": True, "offline_start": "known-cards"}
    story = Story(remote_cards=True, remote=name.endswith("remotely"), **rules)
    STATES[name](story)
    return story
