"""The document's five sequences as stories: acts in order, events in order (contract section 3 and 4)."""

from support.story import CARD, NO_SLOTS, Story

from agent.facts import ActiveAnswered
from agent.state import Phase


def test_a_start_ends_with_session_started() -> None:
    story = Story()
    story.tap()
    assert [(ask.card, ask.until) for ask in story.asks] == [(CARD, story.now + 3.0)]
    story.none_active()
    assert story.acts() == [f"acquire {CARD}"]
    story.granted(1, "S-1")
    assert story.acts() == ["leds 1 on blue"]
    assert story.events() == []
    story.locks()
    assert story.acts() == ["lock 1", "start S-1"]
    story.settles("start")
    assert story.acts() == []
    assert story.events() == ["session-started"]
    assert story.log[-1].data == {"id": "S-1", "card": CARD, "slotNumber": 1}
    assert story.phase() is Phase.CHARGING
    story.passes(7200)
    assert story.acts() == story.events() == []


def test_an_end_ends_pays_unlocks_and_flickers() -> None:
    story = Story()
    story.charges()
    story.tap()
    story.named("S-1", 1)
    assert story.acts() == ["end S-1", "pay S-1"]
    story.settles("end")
    assert story.phase() is Phase.ENDING
    story.settles("pay")
    assert story.phase() is Phase.OPENING
    assert story.acts() == story.events() == []
    story.opens()
    assert story.acts() == ["unlock 1", "leds 1 flicker white"]
    assert story.events() == ["session-ended paid card"]
    ended = story.log[-1]
    assert (ended.data["id"], ended.data["card"], ended.data["slotNumber"]) == ("S-1", CARD, 1)
    assert story.station.sessions == {}
    assert story.phase() is Phase.FREE


def test_no_slots_is_a_red_flicker_and_nothing_else() -> None:
    story = Story()
    story.tap()
    story.none_active()
    story.forget()
    story.not_granted(NO_SLOTS)
    assert story.acts() == ["leds main flicker red"]
    assert story.last.owed[0].body == {"action": "flicker", "color": "red", "duration": 3000}
    assert story.events() == []
    assert story.light() == "white steady"
    story.passes(0.2)
    assert story.light() == "red flicker"


def test_a_fault_from_the_inbox_calls_support_lights_red_and_is_told() -> None:
    story = Story()
    error = {"code": "GroundFault", "title": "Ground fault", "extra": [1, {"deep": True}]}
    story.inbox("faulted.v1", {"stationId": "ST-42", "error": error})
    assert story.acts() == ["support GroundFault", "leds main on red"]
    assert story.last.owed[0].body == {"error": error}
    assert story.events() == ["out-of-order GroundFault"]
    assert story.log[-1].data == error


def test_any_other_event_is_told_on_errors_and_calls_nobody() -> None:
    story = Story()
    story.inbox("reservation-made.v1")
    assert story.acts() == story.events() == []
    [problem] = story.problems
    assert problem.type == "https://serverlessworkflow.io/spec/1.0.0/errors/runtime"
    assert (problem.status, problem.title) == (400, "Unsupported Event")
    name = "com.ev-power-supplier.charging-station.reservation-made.v1"
    assert problem.detail == f"The specified station event '{name}' is not supported in this context"
    assert story.last.durable


def test_lights_follow_a_session_from_tap_to_goodbye() -> None:
    story = Story()
    story.rest()
    assert (story.light(), story.light("1")) == ("white steady", "off")
    story.passes(0.2)
    assert story.light() == "white breathing"
    story.none_active()
    story.granted(1, "S-1")
    assert (story.light(), story.light("1")) == ("white breathing", "blue steady")
    story.locks()
    assert story.light() == "off"
    story.settles("start")
    story.lift()
    story.passes(60)
    story.ends()
    assert story.light("1") == "white flicker"
    story.passes(3)
    assert story.light("1") == "off"


def test_an_answer_that_nobody_waits_for_is_nothing() -> None:
    story = Story()
    story.tap()
    number = story.asks[0].visit
    story.passes(3)
    story.forget()
    story.happens(ActiveAnswered, visit=number)
    story.happens(ActiveAnswered, visit=99)
    assert story.acts() == story.events() == []
