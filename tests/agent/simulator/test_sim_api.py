"""The simulated station as JSON."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from support.bench import CARD
from support.bench_config import wiring

from agent.control import ControlError
from agent.http.feed import Feed
from agent.http.local import local_only
from agent.http.server import CannotListen, Server
from agent.simulator.api import Api
from agent.simulator.hands import Hands
from agent.simulator.supplier import Books
from agent.web.files import Files
from agent.web.routes import Views, page_routes
from hardware.emulated.world import World


class Station:
    def __init__(self, tapping: Path) -> None:
        self.world = World(wiring())
        self.feed = Feed()
        self.dead = False
        self.switched: list[Mapping[str, bool]] = []
        self.hands = Hands(self.world, {"broker-down": self._stuck}, lambda _: None, tapping, self.switched.append)
        self.books = Books([1, 2])
        self.delays: list[float] = []
        api = Api(self.hands, self.books, self.world, delay=self.delays.append, kill=lambda: not self.dead)
        views = Views(about={"simulated": True}, state=self._state, feed=self.feed, files=Files(tapping))
        routes = [local_only(route) for route in page_routes(views) + api.routes()]
        self.server = Server(routes, "127.0.0.1:0", "api")
        self.server.start()

    def _state(self) -> dict[str, Any]:
        if self.dead:
            raise ControlError("nobody there")
        return {"stationId": "ST-42"}

    @staticmethod
    def _stuck(on: bool) -> None:
        raise CannotListen(f"stuck {on}")

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(method, f"http://{self.server.address}{path}", timeout=5, **options)


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    station = Station(tmp_path)
    yield station
    station.hands.close()
    station.feed.close()
    station.server.stop()


def assert_problem(answer: requests.Response, status: int, detail: str = "") -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert detail in answer.json()["detail"]


def test_a_card_counts_as_something_else_at_the_supplier(station: Station) -> None:
    path = "/api/supplier/cards/04:a1:b2:c3:d4:e5:f6"
    assert station.ask("PUT", path, json={"standing": "blocked"}).status_code == 204
    assert station.books.view()["cards"] == {CARD: "blocked"}
    assert_problem(station.ask("PUT", path, json={"standing": "dead"}), 400, "standing")
    assert_problem(station.ask("PUT", "/api/supplier/cards/xyz", json={"standing": "blocked"}), 400, "UID")


def test_views(station: Station) -> None:
    assert station.ask("GET", "/api/state").json() == {"stationId": "ST-42"}
    assert station.ask("GET", "/api/supplier").json() == station.books.view()
    assert station.ask("GET", "/api/page").json() == {"simulated": True}
    assert station.ask("GET", "/api/world").json()["cards"] == []
    assert station.ask("GET", "/api/faults").json()["reader-absent"] is False


def test_a_dead_agent_is_told_as_a_problem(station: Station) -> None:
    station.dead = True
    answer = station.ask("GET", "/api/state")
    assert_problem(answer, 503, "nobody there")
    assert answer.headers["Retry-After"] == "1"


def test_a_tap_is_answered_masked_once_the_card_is_there(station: Station) -> None:
    answer = station.ask("POST", "/api/reader/taps", data=f'{{"uid": "{CARD.lower()}", "held_ms": 60000}}')
    assert (answer.status_code, answer.json()) == (202, {"card": "..E5F6", "held_ms": 60000})
    assert station.ask("GET", "/api/world").json()["cards"] == [CARD]
    assert station.ask("DELETE", f"/api/reader/cards/{CARD}").status_code == 204
    assert station.ask("POST", "/api/reader/taps", json={"uid": CARD}).json()["held_ms"] == 300


def test_cards_are_laid_and_taken_away_as_often_as_you_like(station: Station) -> None:
    for _ in range(2):
        assert station.ask("PUT", f"/api/reader/cards/{CARD.lower()}").status_code == 204
    assert station.ask("GET", "/api/world").json()["cards"] == [CARD]
    assert_problem(station.ask("POST", "/api/reader/taps", json={"uid": CARD}), 409, "lies on the reader")
    for _ in range(2):
        assert station.ask("DELETE", f"/api/reader/cards/{CARD}").status_code == 204
    assert station.ask("GET", "/api/world").json()["cards"] == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'"04A1B2C3D4E5F6"',
        b'{"uid": 4}',
        b'{"uid": "04A1B2C3D4E5F6", "held_ms": 0}',
        b'{"uid": "04A1B2C3D4E5F6", "held_ms": 600001}',
        b'{"uid": "04A1B2C3D4E5F6", "held_ms": 1e400}',
        b'{"uid": "04A1B2C3D4E5F6", "held": 300}',
        b'{"uid": "04A1"}',
        b'{"uid": "\xff"}',
        b"[" * 10000,
    ],
)
def test_what_is_no_tap_is_a_problem(body: bytes, station: Station) -> None:
    assert_problem(station.ask("POST", "/api/reader/taps", data=body), 400)
    assert station.ask("GET", "/api/world").json()["cards"] == []


def test_what_is_too_long_unknown_or_asked_wrongly_is_a_problem(station: Station) -> None:
    assert_problem(station.ask("POST", "/api/reader/taps", data=b" " * 70000), 413)
    assert_problem(station.ask("PUT", "/api/reader/cards/04A1"), 400, "no card's UID")
    assert_problem(station.ask("DELETE", "/api/reader/cards/%00%ff"), 400)
    assert_problem(station.ask("GET", "/api/nothing"), 404)
    assert_problem(station.ask("POST", "/api/state"), 405)
    assert_problem(station.ask("PUT", "/api/faults/lights-daed"), 404, "did you mean lights-dead?")


def test_more_cards_than_the_field_holds_are_a_conflict(station: Station) -> None:
    for number in range(10):
        assert station.ask("PUT", f"/api/reader/cards/04A1B2C3D4E5{number:02X}").status_code == 204
    assert_problem(station.ask("PUT", f"/api/reader/cards/{CARD}"), 409, "remove one first")
    assert_problem(station.ask("POST", "/api/reader/taps", json={"uid": CARD}), 409, "remove one first")


def test_vehicles_come_and_go(station: Station) -> None:
    for method, there in (("PUT", True), ("DELETE", False), ("DELETE", False)):
        assert station.ask(method, "/api/vehicles/2").status_code == 204
        assert station.ask("GET", "/api/world").json()["slots"][1]["vehicle"] is there
    assert_problem(station.ask("PUT", "/api/vehicles/9"), 409, "no slot 9")
    assert_problem(station.ask("PUT", "/api/vehicles/x"), 404, "a slot is a number")


def test_faults_are_switched_as_often_as_you_like(station: Station) -> None:
    for method, on in (("PUT", True), ("PUT", True), ("DELETE", False), ("DELETE", False)):
        assert station.ask(method, "/api/faults/lock-jammed-2").status_code == 204
        assert station.ask("GET", "/api/faults").json()["lock-jammed-2"] is on
    assert_problem(station.ask("PUT", "/api/faults/broker-down"), 409, "stuck")
    assert [faults["lock-jammed-2"] for faults in station.switched] == [True, False], "told at each change"


def test_the_agent_is_killed_once(station: Station) -> None:
    assert station.ask("POST", "/api/agent/kill").status_code == 204
    station.dead = True
    assert_problem(station.ask("POST", "/api/agent/kill"), 409, "dead already")
    assert_problem(station.ask("POST", "/api/agent/kill", headers={"Origin": "https://evil.example"}), 403)


def test_how_long_the_supplier_takes(station: Station) -> None:
    for ms in (0, 30_000):
        assert station.ask("PUT", "/api/supplier/delay", json={"ms": ms}).status_code == 204
    for wrong in ({"ms": 30_001}, {"ms": -1}, {"ms": "x"}, {}):
        assert_problem(station.ask("PUT", "/api/supplier/delay", json=wrong), 400)
    assert station.delays == [0.0, 30.0]


def test_events_are_streamed(station: Station) -> None:
    station.feed.publish("state", {"a": 1}, keep=True)
    with station.ask("GET", "/api/events", stream=True) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        lines = answer.iter_lines(chunk_size=1)
        assert [next(lines), next(lines), next(lines)] == [b"event: state", b'data: {"a":1}', b""]
        station.feed.publish("line", "x")
        assert [next(lines), next(lines)] == [b"event: line", b'data: "x"']


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "", "[", "10.0.0.1"])
def test_only_this_machine_is_answered(host: str, station: Station) -> None:
    assert_problem(station.ask("GET", "/api/state", headers={"Host": host}), 403, "use 127.0.0.1")


def test_a_web_site_cannot_tap(station: Station) -> None:
    for origin in ("https://evil.example", "null"):
        assert_problem(station.ask("POST", "/api/reader/taps", json={"uid": CARD}, headers={"Origin": origin}), 403)
    assert station.ask("GET", "/api/world").json()["cards"] == []


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:99", "127.0.0.1:8080", "[::1]:8080", "127.1.2.3"])
def test_every_name_of_loopback_is_answered(host: str, station: Station) -> None:
    for headers in ({"Host": host}, {"Host": host, "Origin": f"http://{host}"}):
        assert station.ask("GET", "/api/state", headers=headers).status_code == 200
