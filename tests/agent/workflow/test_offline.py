"""Starting without the supplier (contract section 6, `offline_start = "known-cards"`)."""

import pytest
from support.story import CARD, NO_SLOTS, OTHER, Story

from agent.answers import Problem
from agent.effects import ActName
from agent.state import Phase, Session
from agent.workflow.turn import derived


def offline(**rules: object) -> Story:
    """A station that may start known cards without the supplier."""
    return Story(**{"offline_start": "known-cards", **rules})


def begins(story: Story, card: str = CARD) -> Session:
    """A known card taps, nobody answers, and its session starts."""
    story.tap(card, known=True)
    story.passes(3)
    session = story.station.session_of(card)
    assert session
    return session


def locked_in(story: Story) -> Session:
    """A session without the supplier whose bolt is confirmed."""
    session = begins(story)
    story.locks(session.slot)
    story.forget()
    return story.station.sessions[session.id]


def test_a_known_card_gets_a_free_slot_and_everything_is_owed_in_order() -> None:
    story = offline()
    session = begins(story)
    assert story.acts() == [f"acquire {CARD}", "leds 1 on blue"]
    assert story.light("1") == "blue steady"
    story.locks()
    assert story.acts() == ["lock 1", f"start {session.id}"]
    assert {owed.act.lane for owed in story.owed} == {f"card:{CARD}"}
    assert story.events() == []
    assert story.station.visits == {}


def test_an_acquire_that_may_have_left_is_the_one_that_stays_owed() -> None:
    story = offline()
    story.tap(known=True)
    story.none_active()
    story.leave("acquire", "")
    key = story.owed[0].act.key
    story.passes(3)
    assert story.acts() == [f"acquire {CARD}", "leds 1 on blue"]
    assert story.owed[0].act.key == key


@pytest.mark.parametrize("known", [True, False])
def test_deny_turns_every_card_away(known: bool) -> None:
    story = offline(offline_start="deny")
    story.tap(known=known)
    story.passes(3)
    assert story.events() == ["refused supplier-unreachable"]
    assert story.acts() == []


def test_a_card_that_is_not_known_is_turned_away() -> None:
    story = offline()
    story.tap()
    story.passes(3)
    assert story.events() == ["refused supplier-unreachable"]


def test_no_slot_is_made_up() -> None:
    story = offline(slots=1)
    begins(story, OTHER)
    story.locks()
    story.forget()
    story.tap(known=True)
    story.passes(3)
    assert story.events() == ["refused supplier-unreachable"]


def test_a_card_with_an_undecided_offline_session_is_turned_away() -> None:
    story = offline()
    session = locked_in(story)
    story.passes(60)
    story.tap(known=True)
    story.passes(3)
    story.opens()
    assert story.phase() is Phase.FREE
    story.passes(60)
    story.forget()
    story.tap(known=True)
    story.none_active()
    story.passes(3)
    assert story.events() == ["refused previous-session-owed"]
    assert session.id in story.station.sessions


def test_out_of_order_it_starts_nothing() -> None:
    story = offline()
    story.fault()
    story.forget()
    story.tap(known=True)
    story.passes(3)
    assert story.phase() is Phase.FREE


def test_the_suppliers_id_replaces_the_stations_own_in_all_that_is_owed() -> None:
    story = offline()
    session = locked_in(story)
    keys = [owed.act.key for owed in story.owed if owed.act.session]
    story.granted(1, "S-9")
    assert story.owing() == ["leds 1 on blue", "lock 1", "start S-9"]
    assert [owed.act.key for owed in story.owed] == keys, "a key is for ever"
    story.settles("start", "S-9")
    assert story.events() == ["session-started"]
    assert story.log[-1].data == {"id": "S-9", "card": CARD, "slotNumber": 1}
    assert story.station.session_called(session.id) is story.station.sessions["S-9"]


def test_the_suppliers_slot_number_is_for_calls_and_comparisons_only() -> None:
    story = offline()
    locked_in(story)
    story.granted(2, "S-9")
    assert [(owed.act.name, owed.act.slot) for owed in story.owed] == [("leds", 2), ("lock", 2), ("start", 2)]
    story.settles("start", "S-9")
    assert story.log[-1].data["slotNumber"] == 1
    story.passes(60)
    story.forget()
    story.tap()
    story.named("S-9", 2)
    assert story.phase() is Phase.ENDING
    story.settles("end", "S-9")
    story.settles("pay", "S-9")
    story.opens(1)
    assert story.acts() == ["end S-9", "pay S-9", "unlock 2", "leds 2 flicker white"]
    assert story.log[-1].data["slotNumber"] == 1
    assert story.station.sessions == {}


def test_a_grant_without_an_id_is_asked_for_it_before_anything_else_leaves() -> None:
    story = offline()
    locked_in(story)
    story.granted(1)
    assert story.owing()[0] == f"acquire {CARD}"
    story.named("S-9", 1)
    assert story.owing() == ["leds 1 on blue", "lock 1", "start S-9"]


def test_a_grant_that_nobody_can_name_keeps_the_stations_own_id() -> None:
    story = offline()
    session = locked_in(story)
    story.granted(1)
    story.restarts()
    story.granted(1)
    story.none_active()
    assert story.owing() == ["leds 1 on blue", "lock 1", f"start {session.id}"]


def test_an_end_before_the_answer_follows_it() -> None:
    story = offline()
    session = locked_in(story)
    story.passes(60)
    story.tap()
    story.named("S-8", 2)
    assert session.id in story.station.sessions, "what GET names now may be what the acquire made"
    story.passes(3)
    story.opens()
    assert story.events() == [], "not told before its start was delivered"
    story.granted(1, "S-9")
    story.settles("start", "S-9")
    assert story.events() == ["session-started", "session-ended owed card"]
    story.settles("end", "S-9")
    story.settles("pay", "S-9")
    assert story.events() == ["session-settled paid"]
    assert story.station.sessions == {}


@pytest.mark.parametrize("problem", [NO_SLOTS, Problem(status=403)])
def test_denied_later_it_stays_locked_and_red_until_its_card_taps(problem: Problem) -> None:
    story = offline()
    locked_in(story)
    story.not_granted(problem)
    assert (story.phase(), story.light("1"), story.owing()) == (Phase.HELD, "red steady", [])
    story.restarts()
    assert story.face().bolts[1].wanted == "locked"
    story.passes(60)
    story.forget()
    story.tap()
    story.opens()
    assert story.events() == ["session-ended refused card"]
    assert (story.acts(), story.owing(), story.station.sessions) == ([], [], {})
    assert story.last.refused == ()


def test_denied_while_its_driver_waits_at_the_slot_it_opens() -> None:
    story = offline()
    locked_in(story)
    story.passes(60)
    story.tap()
    story.none_active()
    story.not_granted(NO_SLOTS)
    story.opens()
    assert story.events() == ["session-ended refused card"]
    assert story.owing() == []


def test_denied_after_it_left_its_payment_is_refused() -> None:
    story = offline()
    locked_in(story)
    story.passes(60)
    story.tap()
    story.passes(3)
    story.opens()
    story.not_granted(Problem(status=403))
    assert story.events() == ["session-ended refused card"]
    assert (story.owing(), story.station.sessions) == ([], {})


def test_denied_before_the_bolt_is_confirmed_the_slot_opens() -> None:
    story = offline()
    begins(story)
    story.leave("acquire", "")
    story.not_granted(Problem(status=403))
    assert story.events() == ["refused card-refused"]
    story.opens()
    assert (story.phase(), story.owing(), story.station.sessions) == (Phase.FREE, [], {})


def test_a_bolt_that_does_not_confirm_takes_everything_back() -> None:
    story = offline()
    begins(story)
    story.lock_settles(1, locked=False)
    assert (story.owing(), story.events()) == ([], ["refused lock-failed"])
    story.opens()
    assert story.station.sessions == {}


def test_what_an_acquire_that_had_left_still_gets_is_given_back() -> None:
    story = offline()
    story.tap(known=True)
    story.none_active()
    story.leave("acquire", "")
    story.passes(3)
    story.lock_settles(1, locked=False)
    assert story.owing() == [f"acquire {CARD}"]
    story.opens()
    story.granted(1, "S-9")
    assert story.owing() == ["end S-9"]
    story.settles("end", "S-9")
    assert story.station.sessions == {}


def test_the_answer_may_come_after_a_reboot() -> None:
    story = offline()
    locked_in(story)
    story.restarts(reboot=True)
    story.granted(1, "S-9")
    assert (story.phase(), story.owing()[-1]) == (Phase.CHARGING, "start S-9")


def test_its_start_may_be_refused_like_any_other() -> None:
    story = offline()
    locked_in(story)
    story.granted(1, "S-9")
    story.passes(60)
    story.settles("start", "S-9", 422)
    assert (story.phase(), story.owing()) == (Phase.HELD, ["end S-9"])


def test_an_act_owed_under_the_former_id_is_found_again() -> None:
    story = offline()
    session = locked_in(story)
    story.passes(60)
    story.tap()
    story.passes(3)
    story.opens()
    story.granted(1, "S-9")
    story.settles("start", "S-9", 422)
    assert not any(owed.act.name is ActName.PAY for owed in story.owed), "never pay"
    assert session.id != "S-9"


class TestKnowing:
    def test_a_paid_card_is_known(self) -> None:
        story = Story()
        story.charges()
        story.tap()
        story.named("S-1", 1)
        story.settles("end")
        story.settles("pay")
        assert story.last.known == (CARD,)

    @pytest.mark.parametrize("status", [402, 422])
    def test_a_refused_payment_makes_it_unknown(self, status: int) -> None:
        story = Story()
        story.charges()
        story.tap()
        story.named("S-1", 1)
        story.settles("end")
        story.settles("pay", status=status)
        assert (story.last.known, story.last.refused) == ((), (CARD,))

    def test_a_card_that_get_refuses_becomes_unknown(self) -> None:
        story = Story()
        story.tap()
        story.question_refused(403)
        assert story.last.refused == (CARD,)

    def test_a_card_that_acquire_refuses_becomes_unknown(self) -> None:
        story = Story()
        story.tap()
        story.none_active()
        story.not_granted(Problem(status=422))
        assert story.last.refused == (CARD,)

    def test_no_slots_is_nobodys_fault(self) -> None:
        story = Story()
        story.tap()
        story.none_active()
        story.not_granted(NO_SLOTS)
        assert story.last.refused == ()


def test_the_own_id_follows_from_the_tap() -> None:
    story = offline()
    session = begins(story)
    assert session.id == derived(session.acquire, "session")
