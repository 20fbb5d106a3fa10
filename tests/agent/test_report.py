"""The station in one shape (contract section 4, topic `state`)."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from support.owing import CARD, WALL, at

from agent.connection import Connection
from agent.face import face
from agent.report import Identity, look_name, report
from agent.state import Fault, Phase, Session, Slot, Station
from hardware.looks import DARK, Colour, Look, Rhythm

IDENTITY = Identity(station_id="ST-42", version="0.1.0", boot_id="boot-1")
NOTHING = {"supplier": 0, "broker": 0, "refused": 0, "oldest": None}
SESSION = Session(id="S/1", card=CARD, slot=2, tapped=at(-60.0))
FREE = Station(slots={1: Slot(number=1, seen=False), 2: Slot(number=2)})
CHARGING = replace(
    FREE,
    slots={1: FREE.slots[1], 2: Slot(number=2, phase=Phase.CHARGING, session="S/1", seen=True)},
    sessions={"S/1": SESSION},
)


def shown(station: Station, **values: Any) -> dict[str, Any]:
    """The report as a reader of its JSON sees it."""
    given: dict[str, Any] = {
        "wall": WALL,
        "owed": NOTHING,
        "supplier": Connection(reachable=True, since=WALL - 5),
        "broker": Connection(reachable=False, since=WALL - 2.5),
        "clock_set": True,
    }
    drawn = face(station, at().boottime, at().boot)
    made = report(IDENTITY, station, drawn, **{**given, **values})
    read: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(made))
    return read


def statuses(station: Station) -> list[str]:
    return [slot["status"] for slot in shown(station)["slots"]]


def with_slot(**values: Any) -> Station:
    return replace(FREE, slots={1: Slot(number=1, **values), 2: Slot(number=2)})


def with_fault(station: Station, slot: int = 1, *, warning: bool = False) -> Station:
    fault = Fault(code="X", slot=slot, warning=warning, raised=at())
    return replace(station, faults={fault.key: fault})


def test_the_whole_shape() -> None:
    assert shown(CHARGING) == {
        "stationId": "ST-42",
        "time": "2027-01-15T08:00:00.000Z",
        "version": "0.1.0",
        "bootId": "boot-1",
        "available": True,
        "slots": [
            {"number": 1, "status": "free", "lock": {"wanted": "unlocked", "seen": "unlocked"}, "light": "off"},
            {
                "number": 2,
                "status": "charging",
                "lock": {"wanted": "locked", "seen": "locked"},
                "light": "blue",
                "session": {"id": "S/1", "card": "..E5F6", "since": "2027-01-15T07:59:00.000Z"},
            },
        ],
        "mainLight": "off",
        "faults": [],
        "owed": {"supplier": 0, "broker": 0, "refused": 0, "oldest": None},
        "supplier": {"reachable": True, "since": "2027-01-15T07:59:55.000Z"},
        "broker": {"reachable": False, "since": "2027-01-15T07:59:57.500Z"},
        "clockSet": True,
    }


def test_no_card_stands_in_it_in_clear() -> None:
    assert CARD not in msgspec.json.encode(shown(CHARGING)).decode()


@pytest.mark.parametrize("supplier", [None, Connection(reachable=False, since=None)])
def test_a_supplier_that_nobody_has_asked_is_not_said_to_be_away(supplier: Connection | None) -> None:
    assert shown(FREE, supplier=supplier)["supplier"] == {"reachable": False, "since": None}


@pytest.mark.parametrize(("since", "oldest"), [(WALL, "2027-01-15T08:00:00.000Z"), (0.0, "1970-01-01T00:00:00.000Z")])
def test_what_is_owed(since: float, oldest: str) -> None:
    owed = {"supplier": 3, "broker": 2, "refused": 1, "oldest": since}
    assert shown(FREE, owed=owed)["owed"] == {**owed, "oldest": oldest}


def test_a_clock_that_is_unset() -> None:
    assert shown(FREE, clock_set=False)["clockSet"] is False


@pytest.mark.parametrize(
    ("phase", "status"),
    [
        (Phase.FREE, "free"),
        (Phase.STARTING, "starting"),
        (Phase.AWAITING, "starting"),
        (Phase.CHARGING, "charging"),
        (Phase.ENDING, "ending"),
        (Phase.OPENING, "ending"),
        (Phase.HELD, "held"),
        (Phase.UNKNOWN, "unknown"),
    ],
)
def test_the_status_of_a_slot(phase: Phase, status: str) -> None:
    assert statuses(with_slot(phase=phase)) == [status, "free"]


@pytest.mark.parametrize("phase", list(Phase))
def test_a_slot_out_of_order_says_so_unless_a_vehicle_may_be_locked_in_it(phase: Phase) -> None:
    station = with_slot(phase=phase)
    said = "starting" if phase is Phase.AWAITING else str(phase)
    expected = "out-of-order" if phase in (Phase.FREE, Phase.OPENING) else said
    assert statuses(with_fault(station)) == [expected, "free"]
    assert statuses(with_slot(phase=phase, available=False)) == [expected, "free"]
    assert statuses(with_fault(station, warning=True)) == statuses(station)


def test_the_station_out_of_order_or_unavailable() -> None:
    assert [shown(s)["available"] for s in (with_fault(FREE, 0), replace(FREE, available=False))] == [False, False]
    assert shown(with_fault(FREE, 0, warning=True))["available"]
    assert shown(with_fault(FREE, 1))["available"]
    assert statuses(with_fault(FREE, 0)) == ["free", "free"]
    assert shown(with_fault(FREE, 0))["mainLight"] == "red"


def test_a_lock_nobody_knows() -> None:
    assert shown(with_slot(phase=Phase.UNKNOWN))["slots"][0]["lock"] == {"wanted": "unknown", "seen": "unknown"}


def test_faults() -> None:
    own = Fault(code="UnlockFailed", slot=2, title="Unlock Failed", detail="It did not open.", raised=at())
    brought = Fault(code="OVP", origin="inbox", warning=True, title="Over Voltage", raised=at(-1))
    assert shown(replace(FREE, faults={own.key: own, brought.key: brought}))["faults"] == [
        {
            "code": "UnlockFailed",
            "scope": "slot",
            "slotNumber": 2,
            "severity": "out-of-order",
            "origin": "station",
            "title": "Unlock Failed",
            "detail": "It did not open.",
            "raisedAt": "2027-01-15T08:00:00.000Z",
            "clearedAt": None,
        },
        {
            "code": "OVP",
            "scope": "station",
            "severity": "warning",
            "origin": "inbox",
            "title": "Over Voltage",
            "detail": "",
            "raisedAt": "2027-01-15T07:59:59.000Z",
            "clearedAt": None,
        },
    ]


@pytest.mark.parametrize(
    ("look", "name"),
    [
        (DARK, "off"),
        (Look((Colour.BLUE,)), "blue"),
        (Look((Colour.WHITE,), Rhythm.BREATHING, 5.0), "white breathing"),
        (Look((Colour.WHITE,), Rhythm.FLICKER), "white flicker"),
        (Look((Colour.RED, Colour.WHITE), Rhythm.TWO_BLINKS), "red+white two-blinks"),
    ],
)
def test_lights_in_words(look: Look, name: str) -> None:
    assert look_name(look) == name
