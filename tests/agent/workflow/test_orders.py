"""Commands from afar: done once under their id, answered the same for ever, refused when stale."""

from dataclasses import replace
from typing import Any

import pytest
from support.story import Story

from agent.answers import Problem
from agent.effects import REPLY_CONTENT, Answer, Effects, Message, Order, ReplyTo
from agent.facts import (
    AvailabilityAsked,
    CommandReceived,
    DiagnosticsAsked,
    Fact,
    KnownCommand,
    LightsAsked,
    PingAsked,
    RestartAsked,
    UnlockAsked,
)
from agent.state import Phase

HERE = ReplyTo(topic="back-office/1", correlation=b"c")

WHITE: dict[str, Any] = {"asks__action": "on", "asks__colour": "white", "asks__duration_s": 60.0}


def command(story: Story, kind: type[Fact] | None = PingAsked, *, age: float | None = 0.0, **values: Any) -> Effects:
    """A command that was issued `age` seconds ago; `asks__` values are those of what it asks for."""
    asks = {name[6:]: values.pop(name) for name in list(values) if name.startswith("asks__")}
    fact_id = f"fact-{story.station.visit_count}-{len(story.log)}"
    asked = kind(at=story.at(), id=fact_id, **asks) if kind else None
    issued = None if age is None else story.wall - age
    about = {"command": "c-1", "reply": HERE, "asked": asked, "issued": issued, **values}
    return story.happens(CommandReceived, id=fact_id, **about)


def only(effects: Effects) -> Answer:
    (answer,) = effects.answers
    return answer


def refusal(effects: Effects) -> tuple[int, str]:
    problem = only(effects).problem
    assert problem is not None
    return problem.status, problem.title


class TestTaking:
    def test_a_new_one_is_written_down_with_where_its_reply_goes_and_done(self) -> None:
        effects = command(Story())
        assert effects.durable
        assert effects.orders == (Order(id="c-1", fact="fact-0-0", replies=(HERE,)),)
        assert only(effects) == Answer(to="fact-0-0", result={"stationId": "ST-42"})

    @pytest.mark.parametrize("age", [30.1, -30.1, 86400.0, float("inf"), float("nan")])
    def test_one_that_is_older_or_newer_than_30_s_is_refused(self, age: float) -> None:
        story = Story()
        effects = command(story, UnlockAsked, age=age, asks__slot=1)
        assert refusal(effects) == (409, "Stale")
        assert story.slot().move == 0
        assert effects.orders

    @pytest.mark.parametrize("age", [29.9, -29.9])
    def test_one_within_30_s_is_done(self, age: float) -> None:
        assert only(command(Story(), age=age)).problem is None

    def test_one_without_a_time_is_refused(self) -> None:
        assert refusal(command(Story(), age=None)) == (400, "No Time")

    def test_a_retained_one_is_refused(self) -> None:
        assert refusal(command(Story(), retained=True)) == (400, "Retained")

    @pytest.mark.parametrize(("boot", "done"), [("boot-1", True), ("boot-0", False), ("", False)])
    def test_while_the_clock_is_unset_the_boot_tells_whether_it_is_fresh(self, boot: str, *, done: bool) -> None:
        answer = only(command(Story(), age=1e9, clock_set=False, boot=boot))
        assert (answer.problem is None) is done

    def test_one_that_cannot_be_read_is_answered_with_what_is_wrong(self) -> None:
        problem = Problem(status=400, title="Wrong Arguments", detail="no")
        assert only(command(Story(), None, problem=problem)).problem == problem


class TestAgain:
    def test_a_known_one_gets_the_first_answer_byte_for_byte_at_any_age_and_does_nothing(self) -> None:
        story = Story()
        known = KnownCommand(fact="f", answer=b'{"id":"c-1"}')
        effects = command(story, UnlockAsked, age=1e6, asks__slot=1, known=known, retained=True)
        payload = Message(topic="back-office/1", payload=b'{"id":"c-1"}', content_type=REPLY_CONTENT, correlation=b"c")
        assert effects.messages == (payload,)
        assert (effects.answers, effects.orders) == ((), ())
        assert story.slot().move == 0

    def test_one_whose_answer_is_still_to_come_is_told_to_both_who_asked(self) -> None:
        story = Story()
        other = ReplyTo(topic="back-office/2")
        effects = command(story, UnlockAsked, asks__slot=1, known=KnownCommand(fact="f", replies=(other,)))
        assert effects.orders == (Order(id="c-1", fact="f", replies=(other, HERE)),)
        assert story.slot().move == 0

    def test_the_same_asker_is_not_told_twice(self) -> None:
        effects = command(Story(), known=KnownCommand(fact="f", replies=(HERE,)))
        assert (effects.orders, effects.messages) == ((), ())

    def test_a_crowd_that_asks_is_bounded(self) -> None:
        crowd = tuple(ReplyTo(topic=f"t/{number}") for number in range(50))
        (order,) = command(Story(), known=KnownCommand(fact="f", replies=crowd)).orders
        assert len(order.replies) < 20


class TestUnlock:
    def test_it_is_answered_when_the_sensor_has_spoken(self) -> None:
        story = Story()
        assert command(story, UnlockAsked, asks__slot=1).answers == ()
        story.opens()
        assert only(story.last) == Answer(to="fact-0-0", result={"slotNumber": 1, "seen": "unlocked"})

    def test_a_kill_before_the_bolt_has_moved_loses_neither_the_order_nor_its_answer(self) -> None:
        story = Story()
        command(story, UnlockAsked, asks__slot=1)
        story.restarts(killed=True)
        story.opens()
        assert only(story.last).to == "fact-0-0"

    def test_a_charging_slot_is_refused_with_what_to_use(self) -> None:
        story = Story()
        story.charges()
        answer = only(command(story, UnlockAsked, asks__slot=1))
        assert answer.problem is not None
        assert answer.problem.status == 409
        assert "use end" in answer.problem.detail


class TestLights:
    def test_a_light_with_nothing_to_say_shows_it_for_as_long_as_asked(self) -> None:
        story = Story()
        command(story, LightsAsked, asks__target="1", asks__action="flicker", asks__colour="white", asks__duration_s=5)
        assert story.light("1") == "white flicker"
        assert story.face().until == story.now + 5
        story.passes(5)
        assert story.light("1") == "off"

    def test_it_can_be_put_out(self) -> None:
        story = Story()
        command(story, LightsAsked, asks__target="main", asks__action="on", asks__colour="blue", asks__duration_s=60)
        assert story.light() == "blue steady"
        command(story, LightsAsked, asks__target="main", asks__action="off", command="c-2")
        assert story.light() == "off"

    def test_everything_else_goes_before_it(self) -> None:
        story = Story()
        for target in ("main", "1", "2"):
            command(story, LightsAsked, asks__target=target, **WHITE)
        story.charges()
        command(story, LightsAsked, asks__target="1", **WHITE)
        assert story.light("1") == "blue steady"
        story.fault("X", 2)
        story.fault("Y")
        assert [story.light("2"), story.light()] == ["red steady", "red steady"]

    def test_a_restart_forgets_it(self) -> None:
        story = Story()
        command(story, LightsAsked, asks__target="main", asks__action="on", asks__colour="blue", asks__duration_s=60)
        story.restarts()
        assert story.light() == "off"

    def test_a_light_that_is_not_here(self) -> None:
        answer = command(Story(), LightsAsked, asks__target="3", asks__action="off")
        assert refusal(answer) == (404, "No Such Light")


class TestAvailability:
    def test_a_slot_out_of_service_is_red_offered_to_nobody_and_no_fault(self) -> None:
        story = Story()
        answer = only(command(story, AvailabilityAsked, asks__slot=1, asks__available=False))
        assert answer.result == {"slotNumber": 1, "available": False}
        assert story.light("1") == "red steady"
        assert story.station.faults == {}
        assert story.events() == []
        story.restarts()
        assert not story.slot().available
        command(story, AvailabilityAsked, asks__slot=1, asks__available=True, command="c-2")
        assert story.light("1") == "off"

    def test_a_station_out_of_service_starts_nothing_and_lets_vehicles_go(self) -> None:
        story = Story()
        story.charges()
        command(story, AvailabilityAsked, asks__available=False)
        story.forget()
        assert story.light() == "red steady"
        story.tap("11223344")
        story.none_active("11223344")
        assert story.events() == ["refused out-of-order"]
        story.restarts()
        story.passes(10)
        story.ends()
        assert story.phase() is Phase.FREE

    def test_a_start_that_is_not_confirmed_is_undone(self) -> None:
        story = Story()
        story.closing()
        command(story, AvailabilityAsked, asks__slot=1, asks__available=False)
        story.opens()
        assert "refused undone" in story.events()

    def test_a_slot_that_is_not_here(self) -> None:
        effects = command(Story(), AvailabilityAsked, asks__slot=7, asks__available=False)
        assert refusal(effects) == (404, "No Such Slot")


def test_restart_ends_the_agent_once_it_is_written_down() -> None:
    effects = command(Story(), RestartAsked)
    assert effects.restart
    assert effects.durable
    assert only(effects).problem is None
    assert not command(Story(), PingAsked).restart


def test_diagnostics_tell_what_main_found() -> None:
    assert only(command(Story(), DiagnosticsAsked, asks__found={"well": 1})).result == {"well": 1}


def test_a_fact_keeps_what_it_asks_for() -> None:
    asked = UnlockAsked(at=Story().at(), id="x", slot=1)
    assert replace(asked, slot=2).id == "x"
