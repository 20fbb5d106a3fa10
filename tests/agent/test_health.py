"""Warnings that come and go by themselves: lines that are away, the clock, heat, a full disk."""

from pathlib import Path
from typing import Any

import pytest

from agent.connection import Connection
from agent.facts import Fact, FaultRaised
from agent.health import AWAY_S, LOW_BYTES, ROOM_BYTES, STEP_S, Health, free_bytes, hottest

UP, DOWN, UNTRIED = Connection(True, 1.0), Connection(False, 1.0), Connection(False, None)


class Around:
    """A station's surroundings, and what its health tells of them."""

    def __init__(self, folder: Path) -> None:
        self.now = 1000.0
        self.supplier = self.broker = UP
        self.tried: float | None = 1000.0
        self.probes = 0
        self.clock_set = True
        self.thermal = folder / "thermal"
        self.told: list[str] = []
        self.health = Health(
            self.happen,
            supplier=lambda: self.supplier,
            tried=lambda: self.tried,
            probe=self.probe,
            broker=lambda: self.broker,
            clock_set=lambda: self.clock_set,
            state_dir=folder,
            thermal=self.thermal,
            clock=lambda: self.now,
        )

    def happen(self, kind: type[Fact], **values: Any) -> None:
        assert kind is not FaultRaised or (values["warning"] and values["title"] and values["detail"])
        self.told.append(f"{'+' if kind is FaultRaised else '-'}{values['code']}")

    def probe(self) -> None:
        self.probes += 1
        self.tried = self.now

    def passes(self, seconds: float) -> list[str]:
        """What is told meanwhile."""
        end, self.told = self.now + seconds, []
        while self.now <= end:
            assert self.health.step() == STEP_S
            self.now += STEP_S
        return self.told

    def zone(self, name: str, kind: str, millidegrees: str) -> None:
        (self.thermal / name).mkdir(parents=True, exist_ok=True)
        (self.thermal / name / "type").write_text(f"{kind}\n", encoding="ascii")
        (self.thermal / name / "temp").write_text(f"{millidegrees}\n", encoding="ascii")


@pytest.fixture
def around(tmp_path: Path) -> Around:
    around = Around(tmp_path)
    around.passes(0)
    return around


def test_at_first_it_says_what_is_well_so_that_what_was_raised_before_goes(tmp_path: Path) -> None:
    around = Around(tmp_path)
    assert around.passes(0) == ["-SupplierUnreachable", "-BrokerUnreachable", "-ClockUnset", "-LowDisk"]
    assert around.passes(300) == []


def test_a_supplier_that_nobody_has_tried_is_neither_here_nor_there(tmp_path: Path) -> None:
    around = Around(tmp_path)
    around.supplier, around.tried = UNTRIED, None
    assert "SupplierUnreachable" not in " ".join(around.passes(0))
    assert around.probes == 1


@pytest.mark.parametrize("who", ["supplier", "broker"])
def test_whoever_is_away_for_a_minute_is_told_and_again_when_back(around: Around, who: str) -> None:
    code = f"{who.title()}Unreachable"
    setattr(around, who, DOWN)
    assert around.passes(AWAY_S - STEP_S) == []
    assert around.passes(STEP_S) == [f"+{code}"]
    assert around.passes(300) == []
    setattr(around, who, UP)
    assert around.passes(0) == [f"-{code}"]


def test_short_outages_do_not_add_up(around: Around) -> None:
    for _ in range(10):
        around.broker = DOWN
        assert around.passes(AWAY_S / 2) == []
        around.broker = UP
        assert around.passes(0) == []


def test_a_supplier_to_whom_nothing_is_sent_is_tried_once_a_minute(around: Around) -> None:
    around.passes(10 * AWAY_S)
    assert around.probes == 10


def test_one_that_is_called_all_the_time_is_not_tried_beside(around: Around) -> None:
    for _ in range(20):
        around.tried = around.now
        around.passes(30)
    assert around.probes == 0


def test_a_clock_that_cannot_be(around: Around) -> None:
    around.clock_set = False
    assert around.passes(20) == ["+ClockUnset"]
    around.clock_set = True
    assert around.passes(20) == ["-ClockUnset"]


def test_heat_is_told_and_does_not_flap(around: Around) -> None:
    around.zone("thermal_zone0", "cpu-thermal", "79999")
    assert around.passes(0) == ["-OverTemperature"]
    around.zone("thermal_zone0", "cpu-thermal", "80000")
    assert around.passes(0) == ["+OverTemperature"]
    around.zone("thermal_zone0", "cpu-thermal", "76000")
    assert around.passes(60) == []
    around.zone("thermal_zone0", "cpu-thermal", "74000")
    assert around.passes(60) == ["-OverTemperature"]


def test_only_a_pis_own_sensor_counts_and_a_broken_one_says_nothing(around: Around) -> None:
    around.zone("thermal_zone0", "x86_pkg_temp", "99000")
    around.zone("thermal_zone1", "cpu-thermal", "?")
    assert hottest(around.thermal) is None
    assert around.passes(20) == []
    around.zone("thermal_zone2", "cpu-thermal", "45678")
    assert hottest(around.thermal) == 45.678


def test_a_disk_that_fills_is_told_and_does_not_flap(around: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    free: list[int | None] = [LOW_BYTES]
    monkeypatch.setattr("agent.health.free_bytes", lambda _: free[-1])
    assert around.passes(20) == []
    free.append(LOW_BYTES - 1)
    assert around.passes(20) == ["+LowDisk"]
    free.append(ROOM_BYTES - 1)
    assert around.passes(20) == []
    free.append(None)
    assert around.passes(20) == []
    free.append(ROOM_BYTES)
    assert around.passes(20) == ["-LowDisk"]


def test_free_space_is_what_statvfs_says(tmp_path: Path) -> None:
    assert (free_bytes(tmp_path) or 0) > 0
    assert free_bytes(tmp_path / "none") is None
