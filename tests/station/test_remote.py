"""A workflow elsewhere, played by a small script as the cloud: the use case's document against this very station."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from support.bench import BLUE, CARD, DARK, OTHER, RED, Bench

Benches = Callable[..., Bench]


class Cloud:
    """Listens to the station's taps and faults, calls the supplier, and commands the station: the document's tasks."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.base = f"{bench.supplier.url}/stations/{bench.station}"
        self.root = bench.supplier.url
        self.done: set[str] = set()
        self.stopping = threading.Event()
        self.errors: list[Exception] = []

    def run(self) -> None:
        while not self.stopping.wait(0.02):
            for heard in self.bench.heard("events/card-scanned", "events/faulted"):
                event = json.loads(heard.payload)
                if event["id"] not in self.done:
                    self.done.add(event["id"])
                    self.handle(event)

    def handle(self, event: dict[str, Any]) -> None:
        try:
            if event["type"].endswith("card-scanned.v1"):
                self.try_get_active_session(event["data"]["card"])
            else:
                self.handle_error(event["data"]["error"])
        except (requests.RequestException, KeyError, AssertionError) as error:
            self.errors.append(error)

    def try_get_active_session(self, card: str) -> None:
        answer = requests.get(f"{self.base}/session/{card}", timeout=5)
        if answer.status_code == requests.codes.ok and answer.json()["session"]:
            self.end_session(answer.json()["session"])
        else:
            self.try_acquire_slot(card)

    def try_acquire_slot(self, card: str) -> None:
        answer = self.act("POST", self.base, {"card": card})
        if answer.status_code >= requests.codes.bad_request:
            self.command("lights", {"target": "main", "action": "flicker", "color": "red", "duration": 3000})
            return
        slot, session = answer.json()["slot"]["number"], answer.json()["session"]["id"]
        self.command("lights", {"target": slot, "action": "on", "color": "blue"})
        assert self.command("lock", {"slotNumber": slot, "card": card, "sessionId": session})["ok"]
        self.act("PUT", f"{self.root}/sessions/{session}/start")

    def end_session(self, session: dict[str, Any]) -> None:
        self.act("PUT", f"{self.root}/sessions/{session['id']}/end")
        self.act("PUT", f"{self.root}/sessions/{session['id']}/pay")
        assert self.command("unlock", {"slotNumber": session["slotNumber"]})["ok"]
        self.command(
            "lights", {"target": session["slotNumber"], "action": "flicker", "color": "white", "duration": 300}
        )

    def handle_error(self, error: dict[str, Any]) -> None:
        self.act("POST", f"{self.base}/support", {"error": error})
        self.command("lights", {"target": "main", "action": "on", "color": "red"})

    def act(self, method: str, url: str, body: object = None) -> requests.Response:
        key = {"Idempotency-Key": f"cloud-{len(self.done)}-{method}-{url}"}
        return requests.request(method, url, json=body, headers=key, timeout=5)

    def command(self, name: str, args: dict[str, Any]) -> dict[str, Any]:
        return self.bench.reply(self.bench.command(name, args))


@contextmanager
def cloud(bench: Bench) -> Iterator[Cloud]:
    """The script runs beside the station, and has met nothing unexpected in the end."""
    script = Cloud(bench)
    thread = threading.Thread(target=script.run, name="cloud")
    thread.start()
    try:
        yield script
    finally:
        script.stopping.set()
        thread.join(30)
    assert script.errors == []


@pytest.fixture
def remote(benches: Benches) -> Bench:
    return benches(where="supplier", driver_wait_s=10.0)


def test_the_document_runs_in_the_cloud_against_this_station(remote: Bench) -> None:
    bench = remote
    with cloud(bench):
        bench.tap()
        bench.wait(lambda: bench.slot(1)["status"] == "charging" and "start" in bench.names())
        bench.wait(lambda: bench.pixels(8) == BLUE)
        assert bench.bolt(1) == "locked"
        bench.tap(OTHER)
        bench.wait(lambda: bench.slot(2)["status"] == "charging" and bench.names().count("start") == 2)
        bench.kill()
        bench.start()
        bench.tap("DEAD4711")
        bench.wait(lambda: any(pixels[0] == RED for _, pixels in bench.frames))
        bench.tap()
        bench.wait(lambda: bench.slot(1)["status"] == "free")
        bench.wait(lambda: bench.bolt(1) == "unlocked")
        assert bench.slot(2)["status"] == "charging"
        bench.inbox("com.ev-power-supplier.charging-station.faulted.v1", {"error": {"code": "X", "title": "X"}})
        bench.wait(lambda: bench.faults() == ["X"])
    names = bench.names()
    assert [names.count(name) for name in ("ask", "acquire", "start", "end", "pay")] == [4, 3, 2, 1, 1]
    assert "lock" not in names
    assert bench.once("session-started") == bench.once("session-ended") == bench.once("out-of-order") == []
    assert bench.once("refused") == []


def test_with_the_cloud_gone_a_card_still_opens_its_slot_and_nobody_elses(benches: Benches) -> None:
    bench = benches(where="supplier", driver_wait_s=3.0)
    with cloud(bench):
        for card, slot in ((CARD, 1), (OTHER, 2)):
            bench.tap(card)
            bench.wait(lambda number=slot: bench.slot(number)["status"] == "charging")
        bench.wait(lambda: bench.names().count("start") == 2)
    bench.tap(OTHER)
    bench.wait(lambda: bench.bolt(2) == "unlocked")
    bench.wait(lambda: bench.once("session-ended"))
    (ended,) = bench.once("session-ended")
    assert (ended["card"], ended["payment"], ended["slotNumber"]) == (OTHER, "owed", 2)
    assert bench.bolt(1) == "locked"
    bench.wait(lambda: bench.pixels(16) == DARK)
    bench.tap("DEAD4711")
    bench.wait_refused(1)
    assert bench.refusals() == [("DEAD4711", "supplier-unreachable")]
