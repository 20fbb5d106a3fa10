"""What a session costs on the line to the broker, and that a station at rest says nothing."""

from pathlib import Path

import pytest
from support.mqtt_bench import main, metered, rest, session

SESSIONS = 3
MESSAGES, AT_MOST = 12, 25
BYTES = 7_500
"""Bounds a fifth above what scripts/bench fleet measures; docs/broker.md has the figures.

A busy machine tells more states, each a step of its own, so the least of several sessions counts.
"""
REST_S = 1.0


def test_a_session_keeps_to_its_budget_and_rest_is_silent(tmp_path: Path) -> None:
    with metered(tmp_path) as (bench, meter):
        costs = [session(bench, meter) for _ in range(SESSIONS)]
        least = min(costs, key=lambda cost: cost.publishes)
        assert 2 < least.publishes <= MESSAGES, costs
        assert least.out + least.back <= BYTES, costs
        assert all(cost.publishes <= AT_MOST for cost in costs), costs
        assert rest(meter, REST_S).publishes == 0


def test_figures_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--sessions", "1", "--rest-s", "0.1"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[:3]] == ["connecting", "a session", "an idle hour"]
    assert "a day with 20 sessions" in lines[3]
