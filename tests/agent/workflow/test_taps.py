"""What a tap is, and what it does: "the journal goes before GET" row by row (contract section 6)."""

from dataclasses import replace

import pytest
from support.story import CARD, OTHER, Story

from agent.answers import Problem
from agent.facts import AnswerUnusable, CardRemoved
from agent.state import Phase


def test_a_card_that_rests_is_one_tap_and_its_guard_runs_from_its_removal() -> None:
    story = Story()
    story.rest()
    story.none_active()
    story.granted(1, "S-1")
    story.locks()
    story.settles("start")
    story.passes(600)
    story.lift()
    story.passes(2.9)
    story.tap()
    assert story.asks == []
    assert story.light() == "white steady"
    story.passes(3.0)
    story.tap()
    assert len(story.asks) == 1


@pytest.mark.parametrize(("wait", "taken"), [(2.9, False), (3.0, True)])
def test_the_guard_runs_from_the_result_if_that_is_later(wait: float, taken: bool) -> None:
    story = Story()
    story.tap()
    story.passes(2.0)
    story.none_active()
    story.granted(1, "S-1")
    story.locks()
    story.passes(wait)
    story.tap()
    assert bool(story.asks) is taken


def test_a_removal_that_is_told_late_shortens_no_guard() -> None:
    story = Story()
    story.rest()
    story.passes(0.1)
    removed_at = story.at()
    story.passes(2.9)
    assert story.events() == ["refused supplier-unreachable"]
    story.happens(CardRemoved, card=CARD, at=removed_at)
    story.passes(2.9)
    story.tap()
    assert story.station.visits == {}
    story.passes(3.0)
    story.tap()
    assert len(story.station.visits) == 1


def test_the_same_card_while_its_tap_is_worked_on_is_only_acknowledged() -> None:
    story = Story(triggers=True)
    story.tap()
    story.none_active()
    story.forget()
    story.passes(1)
    story.tap()
    assert story.light() == "white steady"
    assert story.acts() == story.events() == []
    story.granted(1, "S-1")
    story.forget()
    story.passes(1)
    story.tap()
    story.locks()
    assert story.acts() == ["lock 1", "start S-1"]
    assert story.events() == []


def test_another_card_is_worked_on_beside_it() -> None:
    story = Story()
    story.tap()
    story.tap(OTHER)
    assert [ask.card for ask in story.asks] == [CARD, OTHER]
    story.none_active(OTHER)
    story.granted(2, "S-2", OTHER)
    story.locks(2)
    story.none_active()
    story.granted(1, "S-1")
    story.locks(1)
    assert (story.phase(1), story.phase(2)) == (Phase.CHARGING, Phase.CHARGING)


def test_the_removal_of_a_card_that_never_tapped_is_nothing() -> None:
    story = Story()
    story.lift(OTHER)
    assert story.station.lately == {}


def test_cards_of_long_ago_are_forgotten() -> None:
    story = Story()
    for number in range(20):
        story.tap(f"{number:08X}")
        story.passes(10)
    story.tap(OTHER)
    assert list(story.station.lately) == [OTHER]


def test_two_cards_are_taken_by_nobody() -> None:
    story = Story()
    story.two_cards()
    assert story.light() == "red+white two-blinks"
    assert (story.asks, story.acts(), story.events()) == ([], [], [])
    story.passes(0.8)
    assert story.light() == "off"


def test_a_tap_is_published_only_with_triggers() -> None:
    story = Story(triggers=True)
    story.tap()
    assert story.events() == ["card-scanned"]
    assert story.log[-1].data == {"stationId": "ST-42", "card": CARD}


# The journal goes before GET.


def test_start_under_way_is_not_asked() -> None:
    story = Story()
    story.closing()
    story.restarts()
    story.forget()
    story.tap()
    assert story.asks == []
    assert story.acts() == story.events() == []


def test_ended_with_the_bolt_not_open_unlocks_again() -> None:
    story = Story()
    story.charges()
    story.tap()
    story.named("S-1", 1)
    story.settles("end")
    story.settles("pay")
    story.lock_settles(1, locked=True)
    story.passes(10)
    move = story.slot().move
    story.tap()
    assert story.asks == []
    assert story.slot().move == move + 1
    story.opens()
    assert story.phase() is Phase.FREE


def test_held_unpaid_pays_again_with_a_new_key_then_unlocks() -> None:
    story = Story(unpaid_release="hold")
    story.charges()
    story.tap()
    story.none_active()
    first = story.find("pay").act.key
    story.settles("end")
    story.settles("pay", status=402)
    assert story.phase() is Phase.HELD
    story.passes(10)
    story.forget()
    story.tap()
    assert story.asks == []
    assert story.acts() == ["pay S-1"]
    assert story.find("pay").act.key != first
    story.settles("pay")
    story.opens()
    assert story.events() == ["session-ended paid card"]


@pytest.mark.parametrize("answer", ["its session", "none", "refused", "nothing", "another card's", "no slot of ours"])
def test_charging_ends_whatever_get_says(answer: str) -> None:
    story = Story()
    story.charges()
    story.tap()
    match answer:
        case "its session":
            story.named("S-1", 1)
        case "none":
            story.none_active()
        case "refused":
            story.question_refused(403)
        case "another card's":
            story.named("S-9", 2, says=OTHER)
        case "no slot of ours":
            story.named("S-9", 7)
        case _:
            story.passes(3)
    assert story.acts() == ["end S-1", "pay S-1"]
    assert len(story.problems) == (answer in ("another card's", "no slot of ours"))
    assert story.phase() is (Phase.OPENING if answer == "nothing" else Phase.ENDING)


def test_charging_with_the_start_still_owed_sends_the_start_first() -> None:
    story = Story()
    story.locked_in()
    story.passes(60)
    story.tap()
    story.none_active()
    assert [act for act in story.owing() if "S-1" in act] == ["start S-1", "end S-1", "pay S-1"]


def test_charging_under_another_id_takes_the_suppliers() -> None:
    story = Story()
    story.locked_in()
    start = story.find("start").act.key
    story.passes(60)
    story.forget()
    story.tap()
    story.named("S-9", 1)
    assert story.acts() == ["end S-9", "pay S-9"]
    assert story.find("start", "S-9").act.key == start
    assert story.slot().session == "S-9"
    story.settles("start", "S-9")
    story.settles("end", "S-9")
    story.settles("pay", "S-9")
    story.opens()
    assert story.events() == ["session-started", "session-ended paid card"]
    assert story.station.sessions == {}


def test_an_answer_on_its_way_while_the_session_is_renamed_still_counts() -> None:
    story = Story()
    story.locked_in()
    start = story.find("start").act
    story.passes(60)
    story.tap()
    story.named("S-9", 1)
    story.find("start", "S-9").act = start
    story.settles("start")
    assert story.events() == ["session-started"]


def test_charging_and_a_free_slot_named_gives_that_one_back() -> None:
    story = Story()
    story.charges()
    story.tap()
    story.named("S-9", 2)
    assert story.acts() == ["end S-9", "end S-1", "pay S-1"]
    story.settles("end", "S-9")
    assert list(story.station.sessions) == ["S-1"]
    assert story.phase(2) is Phase.FREE


def test_charging_and_a_busy_slot_named_leaves_that_one_alone() -> None:
    story = Story()
    story.charges()
    story.charges("S-2", 2, OTHER)
    story.tap()
    story.named("S-9", 2)
    assert story.acts() == ["end S-1", "pay S-1"]
    assert story.phase(2) is Phase.CHARGING


def released_with_end_owed() -> Story:
    """A session whose vehicle went while the supplier was away."""
    story = Story()
    story.charges()
    story.tap()
    story.passes(3)
    story.opens()
    story.passes(10)
    story.forget()
    return story


@pytest.mark.parametrize("named", [True, False])
def test_released_with_the_end_owed_starts_anew_behind_that_end(named: bool) -> None:
    story = released_with_end_owed()
    story.tap()
    if named:
        story.named("S-1", 1)
    else:
        story.none_active()
    assert story.acts() == [f"acquire {CARD}"]
    assert story.owed[-1].act.lane == story.find("end").act.lane
    story.settles("end")
    story.settles("pay")
    story.granted(1, "S-2")
    story.locks()
    assert story.phase() is Phase.CHARGING


def test_released_with_an_end_that_does_not_get_through_is_refused() -> None:
    story = released_with_end_owed()
    story.tap()
    story.none_active()
    story.passes(3)
    assert story.events() == ["refused previous-session-owed"]
    assert not [act for act in story.owing() if act.startswith("acquire")]


def test_released_with_the_end_owed_and_another_session_named_ends_that_one() -> None:
    story = released_with_end_owed()
    story.tap()
    story.named("S-7", 2)
    assert story.acts() == ["end S-7", "pay S-7"]


def test_of_several_sessions_given_back_the_acquire_waits_for_the_one_named() -> None:
    story = Story()
    story.closing("S-1", 1, OTHER)
    story.tap()
    story.none_active()
    story.granted(1, "S-8")
    story.granted(1, "S-9")
    assert story.events() == ["refused slot-unusable"]
    story.passes(10)
    story.forget()
    story.tap()
    story.named("S-8", 1)
    assert story.acts() == [f"acquire {CARD}"]
    assert story.owed[-1].act.lane == "session:S-8"


def test_an_unknown_session_in_a_free_slot_ends_pays_and_unlocks_without_locking() -> None:
    story = Story()
    story.tap()
    story.named("S-7", 2)
    assert story.acts() == ["end S-7", "pay S-7"]
    assert story.face().bolts[2].wanted is None
    story.settles("end", "S-7")
    story.settles("pay", "S-7")
    assert story.face().bolts[2].wanted == "unlocked"
    story.opens(2)
    assert story.acts() == ["unlock 2", "leds 2 flicker white"]
    assert story.events() == ["session-ended paid card"]


def test_an_unknown_session_held_unpaid_locks_nothing_either() -> None:
    story = Story(unpaid_release="hold")
    story.tap()
    story.named("S-7", 2)
    story.settles("end", "S-7")
    story.settles("pay", "S-7", status=402)
    assert story.phase(2) is Phase.HELD
    assert story.face().bolts[2].wanted is None


def test_an_unknown_session_in_an_unknown_slot_opens_it() -> None:
    story = Story()
    unknown = replace(story.slot(1), phase=Phase.UNKNOWN)
    story.station = replace(story.station, slots={**story.station.slots, 1: unknown})
    assert story.light("1") == "red steady"
    assert story.face().bolts[1].wanted is None
    story.tap()
    story.named("S-7", 1)
    story.passes(3)
    story.opens()
    assert story.events() == ["session-ended owed card"]
    assert story.phase() is Phase.FREE


def test_an_unknown_session_where_another_card_stands_moves_nobodys_lock() -> None:
    story = Story()
    story.charges("S-2", 1, OTHER)
    move = story.slot().move
    story.tap()
    story.named("S-7", 1)
    assert story.events() == ["faulted", "out-of-order SlotMismatch", "refused slot-unusable"]
    assert story.acts() == ["support SlotMismatch", "leds 1 on red"]
    assert (story.phase(), story.slot().move) == (Phase.CHARGING, move)
    assert (story.light(), story.light("1")) == ("white steady", "red steady")
    story.passes(10)
    story.forget()
    story.tap()
    story.named("S-7", 1)
    assert story.events() == ["refused slot-unusable"]


@pytest.mark.parametrize(("session", "slot", "says"), [("S-7", 1, OTHER), ("S-7", 9, CARD), ("S-2", 1, CARD)])
def test_an_answer_that_cannot_be_is_told_and_decides_nothing(session: str, slot: int, says: str) -> None:
    story = Story()
    story.charges("S-2", 2, OTHER)
    story.tap()
    story.named(session, slot, says=says)
    assert [problem.title for problem in story.problems] == ["Unusable Answer"]
    assert story.events() == ["refused supplier-unreachable"]
    assert story.acts() == []


def test_an_unusable_answer_is_told_on_errors() -> None:
    story = Story()
    problem = Problem(status=502, title="Unusable Answer")
    story.happens(AnswerUnusable, problem=problem)
    assert story.problems == [problem]


def test_the_card_is_refused_by_the_question() -> None:
    story = Story()
    story.tap()
    story.question_refused(403)
    assert story.events() == ["refused card-refused"]
    assert story.log[-1].data == {"card": CARD, "reason": "card-refused"}
    story.passes(0.2)
    assert story.light() == "red two-blinks"


def test_no_answer_in_time_turns_the_tap_away() -> None:
    story = Story(driver_wait_s=2.0)
    story.tap()
    story.passes(1.9)
    assert story.events() == []
    story.passes(0.1)
    assert story.events() == ["refused supplier-unreachable"]
    assert story.station.visits == {}
