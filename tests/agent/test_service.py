"""What `systemctl status` says of the station."""

from typing import Any

import pytest

from agent import service
from agent.service import ServiceStatus, summary

WELL = {"reachable": True, "since": "2026-11-28T09:00:00Z"}
AWAY = {"reachable": False, "since": "2026-11-28T09:00:00Z"}
UNKNOWN = {"reachable": False, "since": None}
NOTHING = {"supplier": 0, "broker": 0, "refused": 0, "oldest": None}


def status(*slots: str, **others: Any) -> dict[str, Any]:
    """A station whose slots are like this."""
    shown = [{"number": number, "status": each} for number, each in enumerate(slots, 1)]
    return {
        "slots": shown,
        "available": True,
        "faults": [],
        "owed": NOTHING,
        "supplier": WELL,
        "broker": WELL,
        **others,
    }


def fault(code: str, severity: str = "out-of-order", scope: str = "station") -> dict[str, Any]:
    return {"code": code, "severity": severity, "scope": scope, "raisedAt": "2026-11-28T09:12:13Z"}


@pytest.mark.parametrize(
    ("station", "line"),
    [
        (
            status("free", "charging", owed={**NOTHING, "supplier": 2, "broker": 1}),
            "2 slots, 1 charging; supplier reachable; 3 owed",
        ),
        (status("free"), "1 slot; supplier reachable"),
        (
            status("charging", "charging", "out-of-order", supplier=UNKNOWN, owed={**NOTHING, "refused": 4}),
            "3 slots, 2 charging, 1 out-of-order; supplier not tried yet; 4 set aside",
        ),
        (
            status("free", supplier=AWAY, broker=AWAY),
            "1 slot; supplier unreachable since 2026-11-28T09:00:00Z; broker unreachable since 2026-11-28T09:00:00Z",
        ),
        (
            status(
                "free", faults=[fault("ReaderFailure"), fault("LowDisk", "warning"), fault("LockFailed", scope="slot")]
            ),
            "out of order: ReaderFailure since 2026-11-28T09:12:13Z; 1 slot; supplier reachable",
        ),
        (status("free", available=False), "not available; 1 slot; supplier reachable"),
    ],
)
def test_the_station_in_a_line(station: dict[str, Any], line: str) -> None:
    assert summary(station) == line


def test_a_fault_from_the_inbox_makes_no_line_of_its_own() -> None:
    line = summary(status("free", faults=[fault("x\nWATCHDOG=trigger")]))
    assert line.startswith(r"out of order: x\nWATCHDOG=trigger since")


def test_it_is_told_when_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(service, "notify", told.append)
    line = ServiceStatus()
    line.tell(status("free"))
    line.tell(status("free", broker={**WELL, "since": "later"}))
    line.tell(status("charging"))
    assert told == ["STATUS=1 slot; supplier reachable", "STATUS=1 slot, 1 charging; supplier reachable"]
