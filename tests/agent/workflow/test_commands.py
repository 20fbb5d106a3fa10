"""What somebody on site asks for: unlock, end, clear-fault, and what was set aside."""

from collections.abc import Mapping
from typing import Any

import pytest
from support.story import CARD, OTHER, Story

from agent.answers import ActiveSession
from agent.effects import Act, ActName, Answer, Aside, Message
from agent.facts import ActiveAnswered, ClearFaultAsked, DropAsked, EndAsked, RetryAsked, UnlockAsked
from agent.state import Phase
from agent.workflow.turn import derived


def unlock(story: Story, slot: int = 1, *, force: bool = False) -> Answer | None:
    """Somebody wants a slot open; gives the answer if there is one already."""
    return only(story.happens(UnlockAsked, slot=slot, force=force).answers)


def end(story: Story, session: str = "S-1") -> Answer | None:
    return only(story.happens(EndAsked, session=session).answers)


def only(answers: tuple[Answer, ...]) -> Answer | None:
    assert len(answers) <= 1
    return answers[0] if answers else None


def result(story: Story) -> Mapping[str, Any]:
    """What the last fact answered."""
    (answer,) = story.last.answers
    assert answer.problem is None, answer.problem
    return answer.result


def problem(answer: Answer | None) -> tuple[int, str]:
    assert answer
    assert answer.problem
    return answer.problem.status, answer.problem.detail


class TestUnlock:
    def test_a_free_slot_is_driven_and_its_sensor_is_told(self) -> None:
        story = Story()
        assert unlock(story) is None
        assert story.slot().move == 1
        story.opens()
        assert result(story) == {"slotNumber": 1, "seen": "unlocked"}
        assert story.phase() is Phase.FREE

    def test_without_a_sensor_it_says_so(self) -> None:
        story = Story()
        unlock(story)
        story.opens(sensor=False)
        assert result(story)["seen"] == "unknown"

    def test_a_free_slot_that_does_not_open_is_a_problem_and_a_fault(self) -> None:
        story = Story()
        unlock(story)
        story.lock_settles(1, locked=True)
        assert problem(only(story.last.answers))[0] == 409
        assert "UnlockFailed/1" in story.station.faults

    def test_a_held_slot_opens_and_its_session_ends_by_command(self) -> None:
        story = Story(unpaid_release="hold")
        story.charges()
        story.tap()
        story.named("S-1", 1)
        story.settles("end")
        story.settles("pay", status=402)
        story.forget()
        unlock(story)
        story.opens()
        assert result(story)["seen"] == "unlocked"
        assert story.events() == ["session-ended refused command"]

    def test_a_stuck_slot_is_tried_again(self) -> None:
        story = Story()
        story.charges()
        story.ends()
        story.passes(10)
        story.charges("S-2")
        story.tap()
        story.passes(3)
        story.lock_settles(1, locked=True)
        unlock(story)
        story.opens()
        assert story.phase() is Phase.FREE
        assert "UnlockFailed/1" not in story.station.faults

    def test_a_charging_one_is_for_end(self) -> None:
        story = Story()
        story.charges()
        assert problem(unlock(story)) == (409, "Slot 1 has a session: use end.")
        assert story.phase() is Phase.CHARGING

    def test_a_starting_one_is_left_alone(self) -> None:
        story = Story()
        story.closing()
        assert problem(unlock(story, force=True))[0] == 409

    def test_forced_it_stays_open_until_its_session_ends(self) -> None:
        story = Story()
        story.charges()
        unlock(story, force=True)
        story.opens()
        assert result(story)["seen"] == "unlocked"
        story.restarts()
        assert (story.phase(), story.face().bolts[1].wanted) == (Phase.CHARGING, "unlocked")
        story.passes(60)
        story.ends()
        assert (story.phase(), story.slot().forced) == (Phase.FREE, False)

    def test_a_slot_that_is_not_here(self) -> None:
        assert problem(unlock(Story(), 9))[0] == 404

    def test_two_who_ask_are_both_answered(self) -> None:
        story = Story()
        unlock(story)
        unlock(story)
        story.opens()
        assert len(story.last.answers) == 2

    def test_nobody_elses_slot_opens(self) -> None:
        story = Story()
        story.charges()
        story.charges("S-2", 2, OTHER)
        unlock(story, 1, force=True)
        assert story.face().bolts[2].wanted == "locked"


class TestEnd:
    def test_it_ends_pays_and_opens(self) -> None:
        story = Story()
        story.charges()
        assert end(story) is None
        assert story.acts() == ["end S-1", "pay S-1"]
        story.settles("end")
        story.settles("pay")
        story.opens()
        assert result(story)["seen"] == "unlocked"
        assert story.events() == ["session-ended paid command"]

    def test_it_waits_no_longer_than_a_driver(self) -> None:
        story = Story()
        story.charges()
        end(story)
        story.passes(3)
        story.opens()
        assert story.events() == ["session-ended owed command"]

    def test_held_unpaid_it_pays_again(self) -> None:
        story = Story(unpaid_release="hold")
        story.charges()
        story.tap()
        story.named("S-1", 1)
        story.settles("end")
        story.settles("pay", status=402)
        story.passes(10)
        end(story)
        assert story.phase() is Phase.ENDING
        story.settles("pay", status=402)
        assert problem(only(story.last.answers)) == (409, "Slot 1 is held: its payment was refused.")

    def test_while_its_driver_is_asked_for(self) -> None:
        story = Story()
        story.charges()
        story.tap()
        end(story)
        assert story.phase() is Phase.ENDING
        assert len(story.station.visits) == 1
        story.passes(3)
        story.opens()
        assert result(story)["slotNumber"] == 1

    def test_while_it_is_ending_already(self) -> None:
        story = Story()
        story.charges()
        story.tap()
        story.named("S-1", 1)
        end(story)
        story.settles("end")
        story.settles("pay")
        story.opens()
        assert result(story)["slotNumber"] == 1

    def test_a_stuck_one_is_opened(self) -> None:
        story = Story()
        story.charges()
        story.tap()
        story.passes(3)
        story.passes(3)
        story.lock_settles(1, locked=True)
        end(story)
        story.opens()
        assert story.phase() is Phase.FREE

    def test_a_starting_one_is_for_later(self) -> None:
        story = Story()
        story.closing()
        assert problem(end(story))[0] == 409

    @pytest.mark.parametrize("name", ["S-9", ""])
    def test_one_that_is_not_here(self, name: str) -> None:
        story = Story()
        story.charges()
        assert problem(end(story, name))[0] == 404


class TestClearFault:
    def test_it_is_cleared_and_told(self) -> None:
        story = Story()
        story.bolt_moves(1, locked=True)
        story.forget()
        story.happens(ClearFaultAsked, code="LockForced", slot=1)
        assert result(story) == {"code": "LockForced"}
        assert story.events() == ["back-in-service"]

    def test_a_cause_that_is_still_there_raises_it_anew(self) -> None:
        story = Story()
        story.fault("ReaderFailure")
        story.forget()
        story.happens(ClearFaultAsked, code="ReaderFailure")
        assert result(story) == {"code": "ReaderFailure"}
        assert story.events() == ["back-in-service", "faulted", "out-of-order ReaderFailure"]
        assert story.acts() == ["leds main off", "leds main on red"]
        story.mends("ReaderFailure")
        assert story.station.faults == {}

    def test_one_that_is_not_raised(self) -> None:
        answer = only(Story().happens(ClearFaultAsked, code="LockFailed", slot=1).answers)
        assert problem(answer)[0] == 404


def aside(name: ActName, row: int, *, refusals: int = 0) -> Aside:
    key = derived("S-1", name, refusals)
    act = Act(name=name, key=key, lane="session:S-1", session="S-1", slot=1, card="04A1B2C3D4E5F6")
    return Aside(table="owed", id=row, since=0.0, reason="422", act=act)


class TestSetAside:
    def test_a_refused_end_goes_again_under_a_new_key_and_its_pay_under_its_own(self) -> None:
        story = Story()
        end_row, pay_row = aside(ActName.END, 7), aside(ActName.PAY, 8)
        effects = story.happens(RetryAsked, name="act-7", rows=(end_row, pay_row))
        assert [(act.name, act.key) for act in effects.owed] == [
            ("end", derived("S-1", "end", 1)),
            ("pay", derived("S-1", "pay", 0)),
        ]
        assert effects.dropped == (end_row, pay_row)
        assert result(story) == {"retried": ["act-7", "act-8"]}
        story.settles("end")
        story.settles("pay")
        assert story.events() == ["session-settled paid"]
        assert story.station.sessions == {}

    def test_refused_again_it_stands_aside_again_and_counts_on(self) -> None:
        story = Story()
        story.happens(RetryAsked, name="act-7", rows=(aside(ActName.PAY, 7, refusals=2),))
        assert story.owed[0].act.key == derived("S-1", "pay", 3)
        story.settles("pay", status=422)
        assert story.aside == [derived("S-1", "pay", 3)]
        assert story.events() == ["session-settled refused"]
        story.happens(RetryAsked, name="act-8", rows=(aside(ActName.PAY, 8, refusals=3),))
        assert story.owed[0].act.key == derived("S-1", "pay", 4)

    def test_while_its_vehicle_still_stands_here(self) -> None:
        story = Story()
        story.charges()
        story.tap()
        story.named("S-1", 1)
        story.settles("end", status=422)
        story.happens(RetryAsked, name="act-7", rows=(aside(ActName.END, 7),))
        story.opens()
        assert story.events() == ["session-ended refused card"]
        story.settles("end")
        assert story.station.sessions == {}

    def test_what_comes_after_something_else_goes_with_that(self) -> None:
        effects = Story().happens(RetryAsked, name="act-8", rows=(aside(ActName.PAY, 8),), behind="act-7")
        assert "act-7" in problem(only(effects.answers))[1]
        assert effects.owed == ()

    def test_a_message_leaves_as_it_is(self) -> None:
        message = Message(topic="stations/ST-42/events/x", payload=b"{}")
        row = Aside(table="messages", id=3, since=0.0, reason="144", message=message)
        effects = Story().happens(RetryAsked, name="message-3", rows=(row,))
        assert (effects.messages, effects.dropped) == ((message,), (row,))

    def test_dropping_names_all_that_goes(self) -> None:
        story = Story()
        rows = (aside(ActName.END, 7), aside(ActName.PAY, 8))
        assert story.happens(DropAsked, name="act-7", rows=rows).dropped == rows
        assert result(story) == {"dropped": ["act-7", "act-8"]}

    @pytest.mark.parametrize("kind", [RetryAsked, DropAsked])
    def test_nothing_stands_aside_under_that_name(self, kind: type[RetryAsked | DropAsked]) -> None:
        assert problem(only(Story().happens(kind, name="act-9").answers))[0] == 404

    def test_the_card_of_an_end_that_was_refused_tries_it_again_and_starts_anew_behind_it(self) -> None:
        story = Story()
        story.tap()
        rows = (aside(ActName.END, 7), aside(ActName.PAY, 8))
        active = ActiveSession(id="S-1", card=CARD, slot=1)
        effects = story.happens(ActiveAnswered, visit=story.asks[0].visit, session=active, aside=rows)
        assert [act.name for act in effects.owed] == ["end", "pay", "acquire"]
        assert len({act.lane for act in effects.owed}) == 1
        assert effects.owed[0].key == derived("S-1", "end", 1)
        assert effects.dropped == rows
        story.settles("end")
        story.settles("pay")
        story.granted(1, "S-2")
        story.locks()
        assert story.events() == ["session-settled paid"]
        assert story.phase() is Phase.CHARGING

    def test_not_heard_in_time_that_card_is_turned_away(self) -> None:
        story = Story()
        story.tap()
        active = ActiveSession(id="S-1", card=CARD, slot=1)
        story.happens(ActiveAnswered, visit=story.asks[0].visit, session=active, aside=(aside(ActName.END, 7),))
        story.passes(3)
        assert story.events() == ["refused previous-session-owed"]
