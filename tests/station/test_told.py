"""What the station says of itself: `state`, `status`, and one shape everywhere."""

import json
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from click.testing import CliRunner
from support.bench import CARD, PREFIX, Bench
from support.mqtt import Listener

from agent.cli import main

STATE = {
    "stationId",
    "time",
    "version",
    "bootId",
    "available",
    "slots",
    "mainLight",
    "faults",
    "owed",
    "supplier",
    "broker",
    "clockSet",
}
FAULT = {"code", "scope", "severity", "origin", "title", "detail", "raisedAt", "clearedAt"}


def states(bench: Bench) -> list[dict[str, Any]]:
    return [json.loads(payload) for payload in bench.listener.payloads("stations/ST-42/state")]


def test_state_tells_every_change_in_one_shape(bench: Bench) -> None:
    session = bench.start_session()
    bench.settled()
    bench.wait(lambda: states(bench)[-1] == bench.state())
    latest = states(bench)[-1]
    assert latest.keys() == STATE
    assert latest["stationId"] == "ST-42"
    assert latest["available"] is latest["clockSet"] is True
    assert latest["owed"] == {"supplier": 0, "broker": 0, "refused": 0, "oldest": None}
    assert latest["supplier"]["reachable"] is latest["broker"]["reachable"] is True
    charging, free = latest["slots"]
    since = charging["session"].pop("since")
    assert abs(datetime.fromisoformat(latest["time"]).timestamp() - datetime.fromisoformat(since).timestamp()) < 60
    assert charging == {
        "number": 1,
        "status": "charging",
        "session": {"id": session, "card": "..E5F6"},
        "lock": {"wanted": "locked", "seen": "locked"},
        "light": "blue",
    }
    assert free == {
        "number": 2,
        "status": "free",
        "lock": {"wanted": "unlocked", "seen": "unlocked"},
        "light": "off",
    }
    assert {state["slots"][0]["status"] for state in states(bench)} <= {"free", "starting", "charging"}

    bench.inbox(f"{PREFIX}faulted.v1", {"error": {"code": "X", "title": "T", "detail": "D", "slotNumber": 2}})
    bench.wait(lambda: states(bench)[-1]["faults"])
    (fault,) = states(bench)[-1]["faults"]
    assert fault.keys() == FAULT | {"slotNumber"}
    assert (fault["code"], fault["scope"], fault["slotNumber"]) == ("X", "slot", 2)
    assert (fault["severity"], fault["origin"], fault["clearedAt"]) == ("out-of-order", "inbox", None)


def test_state_is_not_repeated_while_nothing_changes(bench: Bench) -> None:
    bench.start_session()
    bench.settled()
    shapes = [{**state, "time": ""} for state in states(bench)]
    assert all(before != after for before, after in pairwise(shapes))


def test_state_and_status_are_retained(bench: Bench) -> None:
    bench.start_session()
    bench.settled()
    with Listener(bench.mosquitto.port, "stations/ST-42/#") as late:
        # a state may follow whose lights have changed meanwhile; only what was kept is retained
        late.wait_for(lambda heard: len({each.topic for each in heard}) == 2)
        kept = [each.topic for each in late.heard if each.retain]
        assert sorted(kept) == ["stations/ST-42/state", "stations/ST-42/status"]
        (status,) = (json.loads(payload) for payload in late.payloads("stations/ST-42/status"))
        assert (status["state"], status["bootId"]) == ("online", bench.state()["bootId"])
        bench.kill()
        late.wait_for(lambda heard: b"offline" in heard[-1].payload)
        assert late.heard[-1].topic == "stations/ST-42/status", "the last will"
    with Listener(bench.mosquitto.port, "stations/ST-42/status") as later:
        later.wait_for(lambda heard: len(heard) == 1)
        assert later.heard[0].retain
        assert json.loads(later.heard[0].payload)["state"] == "offline"


def test_events_are_whole_cloudevents(bench: Bench) -> None:
    bench.start_session()
    (heard,) = bench.heard("events/")
    assert heard.content_type == "application/cloudevents+json"
    assert not heard.retain
    event = json.loads(heard.payload)
    assert event["specversion"] == "1.0"
    assert event["time"].endswith("Z")
    assert "clocksynced" not in event
    assert event["data"]["card"] == CARD, "events name the card in clear"


def test_a_person_who_knows_no_runtime_directory_reaches_the_agent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd tells only the service itself where that is, and the bench does as systemd."""
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    command = ["status", "--config", str(bench.config)]
    assert "agent: running" in CliRunner().invoke(main, command).stdout
    bench.kill()
    bench.start()
    assert "agent: running" in CliRunner().invoke(main, command).stdout
    bench.stop()
    assert "agent: not running" in CliRunner().invoke(main, command).stdout
