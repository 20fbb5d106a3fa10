"""A broker that is killed under its stations: all come back by themselves, and none has lost anything."""

from pathlib import Path

import pytest
from support.storm import Found, Storm, disordered, main

STATIONS, EVENTS = 20, 5


def test_all_come_back_and_nothing_is_lost(tmp_path: Path) -> None:
    with Storm(tmp_path, STATIONS) as storm:
        found = storm.blow(1.0, EVENTS)
    assert found.lost == ()
    assert found.disordered == ()
    assert len(found.back) == STATIONS
    assert found.written == 3 * EVENTS * STATIONS
    assert found.heard >= found.written - len(found.forgotten)
    assert sum(found.connects) >= STATIONS


def test_what_counts_as_out_of_order() -> None:
    assert disordered(["ST-1:1", "ST-2:1", "ST-1:2", "ST-1:1", "ST-2:3", "ST-2:3"]) == []
    assert disordered(["ST-1:2", "ST-1:1", "ST-2:1"]) == ["ST-1"]


def test_figures_for_people_and_an_exit_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Found(
        stations=3,
        written=9,
        heard=9,
        lost=("ST-1:2",),
        forgotten=(),
        disordered=(),
        back=(0.2, 0.9, 4.0),
        connects=(2, 1),
        delivered_after_s=4.5,
    )
    monkeypatch.setattr(Storm, "__init__", lambda *_: None)
    monkeypatch.setattr(Storm, "__enter__", lambda storm: storm)
    monkeypatch.setattr(Storm, "__exit__", lambda *_: None)
    monkeypatch.setattr(Storm, "blow", lambda *_: found)
    assert main(["--stations", "3"]) == 1
    said = capsys.readouterr().out
    assert "3 stations, 9 events written down, 1 lost by them" in said
    assert "back after 0.9 s (median), all after 4.0 s" in said
    assert "stations back in the busiest second 2; connections in the broker's busiest 2" in said
