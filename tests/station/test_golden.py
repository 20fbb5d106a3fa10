"""The use case's golden sequences, from a card in the emulated field to the last frame on the strip."""

import json
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest
from support.bench import BLUE, CARD, DARK, OTHER, PREFIX, RED, WHITE, Bench
from support.mqtt import Mosquitto


def session_of(bench: Bench) -> str:
    return str(bench.books.view()["sessions"][-1]["id"])


def start_calls(session: str, card: str = CARD, slot: int = 1) -> list[str]:
    return [
        f"GET /stations/ST-42/session/{card}",
        "POST /stations/ST-42",
        f"POST /stations/ST-42/leds/{slot}",
        f"PUT /stations/ST-42/slot/{slot}/lock",
        f"PUT /sessions/{session}/start",
    ]


def bodies(bench: Bench, path: str) -> list[object]:
    return [call["body"] for call in bench.books.view()["calls"] if call["path"].endswith(path)]


def flashes(bench: Bench, pixel: int) -> list[float]:
    """When this pixel turned white."""
    shown = [(at, pixels[pixel]) for at, pixels in bench.frames]
    return [at for (_, before), (at, now) in pairwise(shown) if now == WHITE != before]


def test_start_lights_blue_locks_and_ends_there(bench: Bench) -> None:
    bench.tap()
    bench.wait(lambda: bench.events("session-started"))
    session = session_of(bench)
    assert bench.calls() == start_calls(session)
    assert bodies(bench, "/leds/1") == [{"action": "on", "color": "blue"}]
    assert bodies(bench, "/stations/ST-42") == [{"card": CARD}]
    (event,) = bench.events("session-started")
    assert event["data"] == {"id": session, "card": CARD, "slotNumber": 1}
    assert event["type"] == f"{PREFIX}session-started.v1"
    assert event["source"] == "https://ev-power-supplier.com"
    assert event["subject"] == "stations/ST-42/slots/1"
    assert bench.bolt(1) == "locked"
    assert bench.bolt(2) == "unlocked"
    bench.wait(lambda: bench.pixels(8) == BLUE and bench.pixels(0) == DARK)
    bench.wait(lambda: bench.slot(1)["status"] == "charging")
    bench.wait(lambda: bench.slot(1)["session"]["card"] == "..E5F6")


def test_end_pays_unlocks_and_flickers_white(bench: Bench) -> None:
    bench.start_session()
    session = session_of(bench)
    bench.tap()
    bench.wait(lambda: bench.events("session-ended"))
    bench.wait(lambda: len(bench.calls()) == 10)
    assert bench.calls()[5:] == [
        f"GET /stations/ST-42/session/{CARD}",
        f"PUT /sessions/{session}/end",
        f"PUT /sessions/{session}/pay",
        "PUT /stations/ST-42/slot/1/unlock",
        "POST /stations/ST-42/leds/1",
    ]
    assert bodies(bench, "/leds/1")[-1] == {"action": "flicker", "color": "white", "duration": 3000}
    (event,) = bench.events("session-ended")
    assert event["data"] == {"id": session, "card": CARD, "slotNumber": 1, "payment": "paid", "endedBy": "card"}
    bench.wait(lambda: bench.bolt(1) == "unlocked")
    bench.wait(lambda: bench.slot(1)["light"] == "off")
    bench.wait(lambda: bench.pixels(8) == DARK)
    shown = flashes(bench, 8)
    assert len(shown) <= 8, "2.5 Hz for 3 s"
    assert 2.0 < shown[-1] - shown[0] < 3.0
    # a busy machine may miss one, but most are there
    assert median(later - earlier for earlier, later in pairwise(shown)) == pytest.approx(0.4, abs=0.05)
    assert all(bench.state()["owed"][owed] == 0 for owed in ("supplier", "broker", "refused"))


def test_no_slots_flickers_red_and_nothing_else(tmp_path: Path, mosquitto: Mosquitto) -> None:
    with Bench(tmp_path / "bench", mosquitto, slots=[1]) as bench:
        bench.start_session()
        known = len(bench.calls())
        bench.tap(OTHER)
        bench.wait(lambda: len(bench.calls()) == known + 3)
        assert bench.calls()[known:] == [
            f"GET /stations/ST-42/session/{OTHER}",
            "POST /stations/ST-42",
            "POST /stations/ST-42/leds/main",
        ]
        assert bodies(bench, "/leds/main") == [{"action": "flicker", "color": "red", "duration": 3000}]
        bench.wait(lambda: bench.state()["mainLight"] == "red flicker")
        bench.wait(lambda: bench.state()["mainLight"] == "off")
        assert bench.events("refused") == []
        bench.wait(lambda: bench.slot(1)["status"] == "charging")


def test_a_fault_from_the_inbox_calls_support_and_puts_the_station_out_of_order(bench: Bench) -> None:
    error = {"title": "Ground Failure", "detail": "leakage of 40 mA", "code": "GroundFailure"}
    bench.inbox(f"{PREFIX}faulted.v1", {"error": error})
    bench.wait(lambda: bench.events("out-of-order") and len(bench.calls()) == 2)
    assert bench.calls() == ["POST /stations/ST-42/support", "POST /stations/ST-42/leds/main"]
    assert bodies(bench, "/support") == [{"error": error}]
    assert bodies(bench, "/leds/main") == [{"action": "on", "color": "red"}]
    assert bench.events("out-of-order")[0]["data"] == error
    assert bench.events("faulted") == [], "one from the inbox is not echoed"
    bench.wait(lambda: bench.pixels(0) == RED)
    bench.wait(lambda: not bench.state()["available"])

    bench.tap()
    bench.wait(lambda: bench.events("refused"))
    assert bench.events("refused")[0]["data"] == {"card": CARD, "reason": "out-of-order"}
    assert bench.calls()[2:] == [f"GET /stations/ST-42/session/{CARD}"], "acquire is not asked"

    bench.inbox(f"{PREFIX}faulted.v1", {"error": {**error, "cleared": True}}, "e-2")
    bench.wait(lambda: bench.events("back-in-service"))
    bench.wait(lambda: bodies(bench, "/leds/main")[-1] == {"action": "off"})


def test_an_unsupported_event_is_told_and_nobody_is_called(bench: Bench) -> None:
    bench.inbox(f"{PREFIX}rebooted.v1", {"stationId": "ST-42"})
    bench.wait(bench.errors)
    (problem,) = bench.errors()
    assert problem["type"] == "https://serverlessworkflow.io/spec/1.0.0/errors/runtime"
    assert (problem["status"], problem["title"]) == (400, "Unsupported Event")
    wanted = f"The specified station event '{PREFIX}rebooted.v1' is not supported in this context"
    assert problem["detail"] == wanted
    assert bench.calls() == []


def test_an_event_is_taken_once(bench: Bench) -> None:
    bench.inbox(f"{PREFIX}unheard-of.v1", {}, "same")
    bench.inbox(f"{PREFIX}unheard-of.v1", {}, "same")
    bench.inbox(f"{PREFIX}another.v1", {}, "other")
    bench.wait(lambda: len(bench.errors()) == 2)
    assert ["unheard-of" in problem["detail"] for problem in bench.errors()] == [True, False]


def test_status_and_state_are_retained(bench: Bench) -> None:
    bench.wait(lambda: bench.heard("state") and bench.heard("status"))
    assert json.loads(bench.heard("status")[0].payload)["state"] == "online"
    assert bench.stop() == 0
    bench.listener.wait_for(lambda heard: b"offline" in heard[-1].payload)
    offline = {each.topic: json.loads(each.payload) for each in bench.listener.heard}["stations/ST-42/status"]
    assert offline["state"] == "offline"
    assert {"since", "version", "bootId"} <= offline.keys()
