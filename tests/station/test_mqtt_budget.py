"""What a session costs on the line to the broker, and that a station at rest says nothing."""

from pathlib import Path

import pytest
from support.mqtt_bench import main, metered, rest, session

MESSAGES = 25
BYTES = 18_000
"""Bounds a fifth and more above what scripts/bench fleet measures; docs/broker.md has the figures."""
REST_S = 1.0


def test_a_session_keeps_to_its_budget_and_rest_is_silent(tmp_path: Path) -> None:
    with metered(tmp_path) as (bench, meter):
        cost = session(bench, meter)
        assert 2 < cost.publishes <= MESSAGES, cost
        assert cost.out + cost.back <= BYTES, cost
        assert rest(meter, REST_S).publishes == 0


def test_figures_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--sessions", "1", "--rest-s", "0.1"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[:3]] == ["connecting", "a session", "an idle hour"]
    assert "a day with 20 sessions" in lines[3]
