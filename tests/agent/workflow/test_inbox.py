"""CloudEvents from the inbox (contract section 4)."""

import math
from pathlib import Path
from typing import Any

import pytest
from support.story import CARD, Story

from agent import state
from agent.facts import ClearFaultAsked

PREFIX = "com.ev-power-supplier.charging-station."
MISSPELT = "com.ev-power-supplier.charging.station-faulted.v1"


def error(**fields: Any) -> dict[str, Any]:
    """The data of a fault event."""
    return {"error": fields}


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"code": "X", "title": "T"}, "X/0"),
        ({"title": "T"}, "T/0"),
        ({"code": None, "title": "T"}, "T/0"),
        ({"code": "", "title": "T"}, "T/0"),
        ({"code": 17}, "17/0"),
        ({"code": 0}, "0/0"),
        ({"code": "X", "slotNumber": 2}, "X/2"),
        ({"code": "X", "slotNumber": 9}, "X/0"),
        ({"code": "X", "slotNumber": True}, "X/0"),
        ({"code": "X", "slotNumber": "2"}, "X/0"),
        ({"code": "C" * 1000}, "C" * 200 + "/0"),
    ],
)
def test_a_fault_goes_by_its_code_else_its_title_and_its_slot(fields: dict[str, Any], key: str) -> None:
    story = Story()
    story.inbox("faulted.v1", error(**fields))
    assert list(story.station.faults) == [key]
    [fault] = story.station.faults.values()
    assert (fault.origin, fault.error) == ("inbox", fields)


def test_it_is_not_echoed_and_handled_once() -> None:
    story = Story(triggers=True)
    for _ in range(2):
        story.inbox("faulted.v1", error(code="X"))
        assert story.last.durable
    assert story.events() == ["out-of-order X"]
    assert story.acts() == ["support X", "leds main on red"]


def test_the_misspelt_type_counts() -> None:
    story = Story()
    story.inbox(MISSPELT, error(code="X"))
    assert story.events() == ["out-of-order X"]


@pytest.mark.parametrize(
    "fields", [{"code": "X"}, {"code": "X", "slotNumber": 1}, {"title": "T"}, {"code": "X", "title": "T"}]
)
def test_cleared_clears_the_one_of_the_same_name_and_slot(fields: dict[str, Any]) -> None:
    story = Story()
    story.inbox("faulted.v1", error(**fields))
    story.forget()
    story.inbox("faulted.v1", error(**fields, cleared="yes"))
    story.inbox("faulted.v1", error(**{**fields, "slotNumber": 2}, cleared=True))
    assert story.events() == []
    story.inbox("faulted.v1", error(**fields, cleared=True))
    assert story.events() == ["back-in-service"]
    assert story.acts() == [f"leds {fields.get('slotNumber', 'main')} off"]
    story.inbox("faulted.v1", error(**fields, cleared=True))
    assert (story.events(), story.problems) == ([], [])


def test_it_does_not_clear_what_the_station_found_itself() -> None:
    story = Story()
    story.fault("ReaderFailure")
    story.inbox("faulted.v1", error(code="ReaderFailure", cleared=True))
    assert list(story.station.faults) == ["ReaderFailure/0"]


def test_the_number_of_faults_is_bounded() -> None:
    story = Story()
    for number in range(150):
        story.inbox("faulted.v1", error(code=f"F{number}"))
    assert len(story.station.faults) == 100
    assert len(story.problems) == 50
    story.inbox("faulted.v1", error(code="F1", cleared=True))
    assert len(story.station.faults) == 99


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("reservation.v1", {}),
        ("faulted.v2", error(code="X")),
        ("com.example.faulted.v1", error(code="X")),
        ("faulted.v1", {}),
        ("faulted.v1", {"error": "broken"}),
        ("faulted.v1", {"error": {}}),
        ("faulted.v1", {"error": {"code": None}}),
        ("card-scanned.v1", {"card": CARD}),
    ],
)
def test_anything_else_is_unsupported_and_calls_nobody(kind: str, data: dict[str, Any]) -> None:
    story = Story()
    story.inbox(kind, data)
    assert [problem.title for problem in story.problems] == ["Unsupported Event"]
    assert kind in story.problems[0].detail
    assert (story.acts(), story.events(), story.asks) == ([], [], [])


# Cards from afar.


@pytest.mark.parametrize("card", [CARD, CARD.lower(), "0A0B0C0D", "00112233445566778899"])
def test_a_remote_card_is_a_tap(card: str) -> None:
    story = Story(remote_cards=True, triggers=True)
    story.inbox("card-scanned.v1", {"stationId": "ST-42", "card": card})
    assert [ask.card for ask in story.asks] == [card.upper()]
    assert story.light() == "white steady"
    assert story.events() == []


@pytest.mark.parametrize("card", ["", "0A0B0C", "0A0B0C0X", "٠١٢٣٤٥٦٧", None, 12345678.5, ["04A1B2C3"]])
def test_what_is_no_card_is_unsupported(card: object) -> None:
    story = Story(remote_cards=True)
    story.inbox("card-scanned.v1", {"card": card})
    assert (len(story.problems), story.asks) == (1, [])


def test_another_event_about_a_card_is_no_tap() -> None:
    story = Story(remote_cards=True)
    story.inbox("card-blocked.v1", {"card": CARD})
    assert (len(story.problems), story.asks) == (1, [])


@pytest.mark.parametrize(
    ("age", "taken"),
    [(0, True), (30, True), (30.1, False), (-30, True), (-30.1, False), (None, False), (math.nan, False)],
)
def test_a_remote_card_must_be_fresh(age: float | None, taken: bool) -> None:
    story = Story(remote_cards=True)
    story.inbox("card-scanned.v1", {"card": CARD}, age=age)
    assert bool(story.asks) is taken
    assert [problem.title for problem in story.problems] == ([] if taken else ["Stale Event"])


def test_a_remote_card_goes_by_the_rules_of_taps() -> None:
    story = Story(remote_cards=True)
    scan = ("card-scanned.v1", {"card": CARD})
    story.inbox(*scan)
    story.inbox(*scan)
    assert len(story.asks) == 1
    story.none_active()
    story.granted(1, "S-1")
    story.locks()
    story.passes(2.9)
    story.inbox(*scan)
    story.tap()
    assert story.asks == []
    story.passes(3)
    story.inbox(*scan)
    assert len(story.asks) == 1


def test_a_fault_under_a_code_of_the_stations_own_is_not_the_stations() -> None:
    story = Story()
    story.inbox("faulted.v1", {"error": {"code": "StorageFailure", "title": "Storage Failure"}})
    story.fault("StorageFailure")
    assert len(story.station.faults) == 2
    story.mends("StorageFailure")
    (left,) = story.station.faults.values()
    assert left.origin == "inbox"
    assert not story.station.in_service
    story.inbox("faulted.v1", {"error": {"code": "StorageFailure", "cleared": True}})
    assert story.station.faults == {}


def test_it_does_not_keep_storage_from_starts() -> None:
    story = Story()
    story.inbox("faulted.v1", {"error": {"code": "StorageFailure", "slotNumber": 2}})
    story.starts()
    assert story.station.session_of("04A1B2C3D4E5F6")


def test_an_operator_clears_both() -> None:
    story = Story()
    story.inbox("faulted.v1", {"error": {"code": "LockForced", "slotNumber": 1}})
    story.bolt_moves(1, locked=True)
    assert len(story.station.faults) == 2
    story.happens(ClearFaultAsked, code="LockForced", slot=1)
    assert story.station.faults == {}


def test_the_stations_own_codes_are_those_that_it_raises() -> None:
    agent = Path(state.__file__).parent
    text = "".join(path.read_text(encoding="utf-8") for path in agent.rglob("*.py") if path.name != "state.py")
    assert {code for code in state.OWN_CODES if f'"{code}"' not in text} == set()
