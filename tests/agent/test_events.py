"""CloudEvents out and in, byte by byte."""

import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.answers import Problem
from agent.events import (
    CARD_SCANNED,
    FAULTED,
    LONGEST_PAYLOAD,
    PREFIX,
    Events,
    UnreadableEvent,
    read_event,
    rfc3339,
)

EVENTS = Events("https://ev-power-supplier.com", "ST-42")
WALL = 1_795_420_800.25
GOOD = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "power-electronics",
    "type": FAULTED,
    "data": {"error": {"title": "Overcurrent"}},
}


def payload(**changes: object) -> bytes:
    return json.dumps({key: value for key, value in (GOOD | changes).items() if value is not None}).encode()


def test_event_about_a_slot() -> None:
    data = {"id": "S-1001", "card": "04A1B2C3D4E5F6", "slotNumber": 1}
    message = EVENTS.message("session-started", data, event_id="e-7", wall=WALL, slot=1)
    assert message.topic == "stations/ST-42/events/session-started"
    assert message.content_type == "application/cloudevents+json"
    assert json.loads(message.payload) == {
        "specversion": "1.0",
        "id": "e-7",
        "source": "https://ev-power-supplier.com",
        "type": "com.ev-power-supplier.charging-station.session-started.v1",
        "subject": "stations/ST-42/slots/1",
        "time": "2026-11-23T08:00:00.250000Z",
        "data": data,
    }


def test_event_about_the_station_with_an_unset_clock() -> None:
    made = json.loads(EVENTS.message("faulted", {}, event_id="e", wall=0.0, clock_synced=False, version=2).payload)
    assert made["subject"] == "stations/ST-42"
    assert made["clocksynced"] is False
    assert made["time"] == "1970-01-01T00:00:00Z"
    assert made["type"] == PREFIX + "faulted.v2"


def test_same_arguments_same_bytes_and_untouched_data() -> None:
    data = {"b": 1, "a": {"ä": "é"}}
    first, second = (EVENTS.message("refused", data, event_id="e", wall=WALL) for _ in range(2))
    assert first == second
    assert data == {"b": 1, "a": {"ä": "é"}}


def test_what_is_sent_can_be_read() -> None:
    sent = EVENTS.message("card-scanned", {"card": "04A1B2C3"}, event_id="e", wall=WALL, slot=2, clock_synced=False)
    event = read_event(sent.payload)
    assert (event.type, event.source, event.id) == (CARD_SCANNED, "https://ev-power-supplier.com", "e")
    assert (event.data, event.subject, event.time) == ({"card": "04A1B2C3"}, "stations/ST-42/slots/2", WALL)


def test_a_problem_goes_to_errors_as_problem_details() -> None:
    problem = Problem(type="https://example.com/runtime", status=400, title="Unsupported Event", detail="not here")
    message = EVENTS.problem_message(problem)
    assert message.topic == "stations/ST-42/errors"
    assert message.content_type == "application/problem+json"
    assert json.loads(message.payload) == {
        "type": "https://example.com/runtime",
        "status": 400,
        "title": "Unsupported Event",
        "detail": "not here",
    }


def test_a_problem_may_carry_its_reason() -> None:
    made = json.loads(EVENTS.problem_message(Problem(status=400, title="T"), reason="Because.").payload)
    assert made == {"type": "about:blank", "status": 400, "title": "T", "detail": "", "reason": "Because."}


def test_rfc3339_in_utc() -> None:
    assert rfc3339(WALL) == "2026-11-23T08:00:00.250Z"
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"


def test_incoming_event_with_the_least_it_needs() -> None:
    event = read_event(payload())
    assert (event.type, event.subject, event.time) == (FAULTED, "", None)
    assert event.data == {"error": {"title": "Overcurrent"}}


def test_misspelt_type_is_the_right_one() -> None:
    assert read_event(payload(type="com.ev-power-supplier.charging.station-faulted.v1")).type == FAULTED


def test_unknown_types_and_extensions_are_read() -> None:
    assert read_event(payload(type="x", traceparent="00-a", time="2026-11-23T08:00:00Z")).time == 1_795_420_800


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"id": None}, "no id"),
        ({"source": None}, "no source"),
        ({"type": None}, "no type"),
        ({"specversion": None}, "no specversion"),
        ({"specversion": "0.3"}, "attributes"),
        ({"id": ""}, "attributes"),
        ({"id": 7}, "attributes"),
        ({"source": ["a"]}, "attributes"),
        ({"type": {}}, "attributes"),
        ({"time": "yesterday"}, "attributes"),
        ({"time": "2026-11-23T08:00:00"}, "attributes"),
        ({"time": 12}, "attributes"),
        ({"subject": 3}, "attributes"),
        ({"data_base64": "AA=="}, "attributes"),
        ({"id": "x" * 1025}, "longer"),
        ({"data": None}, "data"),
        ({"data": "04A1B2C3"}, "data"),
        ({"data": ["04A1B2C3"]}, "data"),
        ({"data": {"deep": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}}, "nests"),
    ],
)
def test_what_is_no_cloudevent_is_told_in_one_sentence(changes: dict[str, object], word: str) -> None:
    with pytest.raises(UnreadableEvent, match=word) as told:
        read_event(payload(**changes))
    assert "04A1B2C3" not in str(told.value)


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b'{"data": NaN}',
        b'{"data": 1e999}',
        b'{"data": "\\ud800"}',
        b"[" * LONGEST_PAYLOAD,
        b" " * LONGEST_PAYLOAD + b"{}",
    ],
)
def test_junk_is_unreadable(junk: bytes) -> None:
    with pytest.raises(UnreadableEvent):
        read_event(junk)


def test_the_type_of_an_unreadable_event_is_kept() -> None:
    with pytest.raises(UnreadableEvent) as told:
        read_event(payload(type="com.example.odd.v1", data="text"))
    assert told.value.type == "com.example.odd.v1"


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=9), st.lists, max_leaves=4)
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@UNHURRIED
@given(st.dictionaries(st.sampled_from([*GOOD, "time", "subject", "extra", "no good"]), JSON | st.just("1.0")))
def test_nothing_but_unreadable_is_ever_raised(attributes: dict[str, object]) -> None:
    with suppress(UnreadableEvent):
        assert read_event(json.dumps(GOOD | attributes).encode()).source


@UNHURRIED
@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(junk: bytes) -> None:
    with pytest.raises(UnreadableEvent):
        read_event(junk)
