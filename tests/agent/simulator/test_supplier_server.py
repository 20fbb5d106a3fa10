"""The simulated supplier on HTTP, and everything that can go wrong with it, as a plain HTTP client sees it."""

import json
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest

from agent.clock import boottime
from agent.http.server import CannotListen
from agent.simulator.records import Entry
from agent.simulator.supplier import Books
from agent.simulator.supplier_faults import FaultError, Faults
from agent.simulator.supplier_server import SupplierServer, serve_supplier

CARD = "04A1B2C3D4E5F6"
S = "/api/v2/stations/ST-42"
PATIENCE_S = 5.0


@pytest.fixture
def server() -> Iterator[SupplierServer]:
    server = SupplierServer(Books([1, 2]), "127.0.0.1:0")
    server.start()
    yield server
    server.stop()


def _call(
    server: SupplierServer, method: str, path: str, body: Any = None, key: str | None = "k", timeout: float = PATIENCE_S
) -> tuple[int, Any, str]:
    """Status, body (JSON or text) and content type. Raises OSError and HTTPException."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=timeout)
    try:
        sent = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        connection.request(method, path, sent, {} if key is None else {"Idempotency-Key": key})
        response = connection.getresponse()
        content, kind = response.read(), response.headers.get("Content-Type", "")
        return response.status, json.loads(content) if kind.endswith("json") else content.decode(), kind
    finally:
        connection.close()


def _acquire(server: SupplierServer, key: str = "a", card: str = CARD) -> tuple[int, Any, str]:
    return _call(server, "POST", S, {"card": card}, key)


def _sessions(server: SupplierServer) -> int:
    return len(server.books.view()["sessions"])


def test_a_stay_over_http(server: SupplierServer) -> None:
    assert _call(server, "GET", f"{S}/session/{CARD}", key=None)[0] == 404
    status, body, kind = _acquire(server)
    assert (status, body["slot"], kind) == (201, {"number": 1}, "application/json")
    session = body["session"]["id"]
    blue = {"action": "on", "color": "blue"}
    white = {"action": "flicker", "color": "white", "duration": 3000}
    assert _call(server, "POST", f"{S}/leds/1", blue, "b") == (204, "", "")
    assert _call(server, "PUT", f"{S}/slot/1/lock", key="c")[0] == 204
    assert _call(server, "PUT", f"/api/v2/sessions/{session}/start", key="d")[0] == 200
    assert _call(server, "GET", f"{S}/session/{CARD}", key=None)[1]["session"]["id"] == session
    assert _call(server, "PUT", f"/api/v2/sessions/{session}/end", key="e")[0] == 200
    assert _call(server, "PUT", f"/api/v2/sessions/{session}/pay", key="f")[1]["payment"] == "paid"
    assert _call(server, "PUT", f"{S}/slot/1/unlock", key="g")[0] == 204
    assert _call(server, "POST", f"{S}/leds/1", white, "h")[0] == 204
    assert _call(server, "POST", f"{S}/leds/main", {"action": "off"}, "i")[0] == 204
    assert _call(server, "POST", f"{S}/support", {"error": {"code": "X"}}, "j")[0] == 204
    calls = server.books.view()["calls"]
    assert [call["key"] for call in calls] == ["", "a", "b", "c", "d", "", "e", "f", "g", "h", "i", "j"]
    assert calls[2]["body"] == blue


def test_no_slots_is_a_problem_of_exactly_this_text(server: SupplierServer) -> None:
    for key in "ab":
        _acquire(server, key)
    status, body, kind = _acquire(server, "c")
    assert (status, body["detail"], kind) == (400, "No charging slots available", "application/problem+json")


@pytest.mark.parametrize(
    ("method", "path", "body", "key", "status"),
    [
        ("POST", S, {"card": CARD}, None, 400),
        ("POST", S, {"card": CARD}, "", 400),
        ("POST", S, {"card": CARD}, "two words", 400),
        ("POST", S, {"card": CARD}, "x" * 256, 400),
        ("POST", S, None, "k", 400),
        ("POST", S, b"{", "k", 400),
        ("POST", S, b"[" * 60_000, "k", 400),
        ("POST", S, {}, "k", 400),
        ("POST", S, {"card": CARD.lower()}, "k", 400),
        ("POST", S, {"card": CARD + "\n"}, "k", 400),
        ("POST", S, {"card": 7}, "k", 400),
        ("POST", f"{S}/leds/1", {"action": "on"}, "k", 400),
        ("POST", f"{S}/leds/1", {"action": "on", "color": "green"}, "k", 400),
        ("POST", f"{S}/leds/1", {"action": "flicker", "color": "red"}, "k", 400),
        ("POST", f"{S}/leds/1", {"action": "flicker", "color": "red", "duration": 0}, "k", 400),
        ("POST", f"{S}/leds/1", {"action": "dance"}, "k", 400),
        ("POST", f"{S}/leds/x", {"action": "off"}, "k", 404),
        ("POST", f"{S}/leds/01", {"action": "off"}, "k", 404),
        ("POST", f"{S}/support", {"error": "X"}, "k", 400),
        ("PUT", f"{S}/slot/0/lock", None, "k", 404),
        ("PUT", f"{S}/slot/3/lock", None, "k", 404),
        ("PUT", f"{S}/slot/9999999999/lock", None, "k", 404),
        ("PUT", f"{S}/slot/main/lock", None, "k", 404),
        ("PUT", f"{S}/slot/1/lock", None, None, 400),
        ("PUT", "/api/v2/sessions/S-1/start", None, "k", 404),
        ("GET", f"{S}/session/xyz", None, None, 404),
        ("GET", f"/api/v2/stations/a%20b/session/{CARD}", None, None, 404),
        ("GET", "/api/v2/stations//session/" + CARD, None, None, 404),
        ("GET", "/", None, None, 404),
        ("GET", S, None, None, 405),
        ("DELETE", S, None, None, 405),
        ("PUT", S, None, "k", 405),
    ],
)
def test_what_the_api_does_not_know_is_a_problem_and_changes_nothing(
    server: SupplierServer, method: str, path: str, body: Any, key: str | None, status: int
) -> None:
    before = server.books.view()["sessions"]
    got, problem, kind = _call(server, method, path, body, key)
    assert (got, problem["status"], kind) == (status, status, "application/problem+json")
    assert server.books.view()["sessions"] == before


def test_a_supplier_that_is_down_refuses_connections_and_comes_back_on_its_port(server: SupplierServer) -> None:
    kept = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    kept.request("GET", f"{S}/session/{CARD}")
    kept.getresponse().read()
    port = server.port
    server.inject("supplier-down")
    with pytest.raises(ConnectionRefusedError):
        _acquire(server)
    assert kept.sock.recv(1) == b""
    kept.close()
    server.inject("supplier-down")
    assert server.faults() == ["supplier-down"]
    server.clear("supplier-down")
    server.clear("supplier-down")
    assert server.port == port
    assert _acquire(server)[0] == 201


def test_a_supplier_that_is_down_stays_down_over_start_and_stop() -> None:
    server = SupplierServer(Books([1]), "127.0.0.1:0")
    server.inject("supplier-down")
    server.start()
    assert server.port == 0
    server.clear("supplier-down")
    assert _acquire(server)[0] == 201
    server.stop()
    server.inject("supplier-down")
    server.clear("supplier-down")
    with pytest.raises(ConnectionRefusedError):
        _acquire(server)
    server.stop()


def test_a_slow_supplier_does_it_at_once_and_answers_late(server: SupplierServer) -> None:
    server.inject("supplier-slow", {"seconds": 0.3})
    began = boottime()
    assert _acquire(server)[0] == 201
    assert 0.3 <= boottime() - began < PATIENCE_S


@pytest.mark.parametrize("end", [lambda s: s.clear("supplier-slow"), lambda s: s.stop()], ids=["clear", "stop"])
def test_a_slow_answer_can_be_cut_short(server: SupplierServer, end: Callable[[SupplierServer], None]) -> None:
    handled = threading.Event()
    server.books.subscribe(lambda _: handled.set())
    server.inject("supplier-slow", {"seconds": 600})
    outcomes: list[object] = []

    def ask() -> None:
        try:
            outcomes.append(_acquire(server)[0])
        except (OSError, HTTPException) as error:
            outcomes.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert handled.wait(PATIENCE_S)
    began = boottime()
    _wait_until(lambda: len(server._faults._waiting) == 1)
    end(server)
    asking.join(PATIENCE_S)
    assert boottime() - began < PATIENCE_S
    assert len(outcomes) == 1
    assert _sessions(server) == 1


def test_a_delay_that_comes_too_late_is_not_waited_for() -> None:
    faults = Faults()
    faults.delay(600)
    faults.set("supplier-slow", {})
    faults.close()
    faults.delay(600)
    faults.open()
    began = boottime()
    faults.delay(0.05)
    assert boottime() - began >= 0.05


def test_errors_do_nothing_for_as_long_or_as_often_as_told(server: SupplierServer) -> None:
    server.inject("supplier-errors", {"times": 2, "retry_after_s": 7})
    for _ in range(2):
        assert _acquire(server)[0] == 503
    assert _sessions(server) == 0
    assert server.faults() == []
    assert _acquire(server)[0] == 201
    server.inject("supplier-errors", {"lasting_s": 1.5, "status": 500})
    assert _acquire(server)[0] == 500
    _wait_until(lambda: _acquire(server)[0] == 201)
    assert [call["status"] for call in server.books.view()["calls"]][:3] == [503, 503, 201]


def test_errors_say_when_to_come_again(server: SupplierServer) -> None:
    server.inject("supplier-errors", {"retry_after_s": 7})
    connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    connection.request("GET", f"{S}/session/{CARD}")
    assert connection.getresponse().headers["Retry-After"] == "7"
    connection.close()


def test_a_lost_answer_was_done(server: SupplierServer) -> None:
    server.inject("supplier-lost-answers", {"calls": ["acquire"], "times": 1})
    assert _call(server, "GET", f"{S}/session/{CARD}", key=None)[0] == 404
    with pytest.raises((OSError, HTTPException)):
        _acquire(server)
    assert _sessions(server) == 1
    assert _acquire(server)[1]["slot"] == {"number": 1}
    view = server.books.view()
    assert view["repeats"]["keys"] == 1
    assert [call["answered"] for call in view["calls"]] == [True, False, True]
    assert _sessions(server) == 1


@pytest.mark.parametrize(("act", "status"), [("start", 409), ("end", 409), ("pay", 402)])
def test_refusals(server: SupplierServer, act: str, status: int) -> None:
    session = _acquire(server)[1]["session"]["id"]
    for number, other in enumerate(("start", "end", "pay")):
        if other == act:
            server.inject(f"{act}-refused")
            assert _call(server, "PUT", f"/api/v2/sessions/{session}/{act}", key="r1")[0] == status
            server.inject(f"{act}-refused", {"status": 410})
            assert _call(server, "PUT", f"/api/v2/sessions/{session}/{act}", key="r2")[0] == 410
            server.clear(f"{act}-refused")
        assert _call(server, "PUT", f"/api/v2/sessions/{session}/{other}", key=f"k{number}")[0] == 200


def test_malformed_answers(server: SupplierServer) -> None:
    _acquire(server)

    def ask(variant: str) -> tuple[int, Any, str]:
        server.inject("malformed", {"variant": variant})
        return _call(server, "GET", f"{S}/session/{CARD}", key=None)

    assert ask("not-json")[::2] == (200, "text/html")
    assert ask("wrong-card")[1]["session"]["card"] != CARD
    assert ask("foreign-slot")[1]["session"]["slotNumber"] == 99
    assert ask("redirect")[0] == 307
    assert ask("text-no-slots")[1]["session"]["card"] == CARD
    assert _acquire(server, "b") == (400, "No charging slots available\n", "text/plain")
    server.inject("malformed", {"variant": "too-long"})
    connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    connection.request("GET", f"{S}/session/{CARD}")
    assert len(connection.getresponse().read()) == 65 * 1024
    connection.close()


def test_a_trickling_answer_ends_with_the_server(server: SupplierServer) -> None:
    server.inject("trickle", {"interval_s": 0.02})
    with pytest.raises(TimeoutError):
        _call(server, "GET", f"{S}/session/{CARD}", key=None, timeout=0.01)
    connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    connection.request("GET", f"{S}/session/{CARD}")
    assert connection.sock.recv(1) == b"H"
    server.stop()
    connection.close()


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("supplier-lazy", {}, "there are supplier-down, "),
        ("supplier-down", {"times": 1}, "times"),
        ("supplier-slow", {"seconds": -1}, "seconds"),
        ("supplier-slow", {"second": 1}, "second"),
        ("supplier-errors", {"status": 404}, "status"),
        ("pay-refused", {"status": 200}, "status"),
        ("malformed", {"variant": "x"}, "variant"),
        ("supplier-lost-answers", {"calls": ["x"]}, "calls"),
        ("supplier-lost-answers", {"times": 0}, "times"),
    ],
)
def test_faults_that_there_are_not(server: SupplierServer, name: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(FaultError, match=said):
        server.inject(name, settings)
    assert server.faults() == []


def test_clearing_an_unknown_fault_says_which_there_are(server: SupplierServer) -> None:
    with pytest.raises(FaultError, match="supplier-slow"):
        server.clear("supplier-lazy")


def test_a_handler_may_take_the_supplier_down(server: SupplierServer) -> None:
    server.books.subscribe(lambda _: server.inject("supplier-down"))
    with pytest.raises((OSError, HTTPException)):
        _acquire(server)
    assert _sessions(server) == 1


def test_no_thread_stays_behind(server: SupplierServer) -> None:
    kept = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    kept.request("GET", f"{S}/session/{CARD}")
    kept.getresponse().read()
    names = {thread.name for thread in threading.enumerate()}
    assert any(name.startswith("supplier-sim-http") for name in names)
    server.stop()
    server.stop()
    assert not any(t.name.startswith(f"supplier-sim-http-{kept.sock.getsockname()[1]}") for t in threading.enumerate())
    kept.close()


def test_serving_only_the_supplier(tmp_path: Path) -> None:
    stop, said, calls = threading.Event(), list[str](), list[Entry]()
    ready = threading.Event()

    def hear(url: str) -> None:
        said.append(url)
        ready.set()

    state = tmp_path / "supplier.json"
    serving = threading.Thread(
        target=serve_supplier,
        args=["127.0.0.1:0", state, [1]],
        kwargs={"stop": stop, "ready": hear, "called": calls.append},
    )
    serving.start()
    assert ready.wait(PATIENCE_S)
    host = said[0].removeprefix("http://").removesuffix("/api/v2")
    connection = HTTPConnection(host, timeout=PATIENCE_S)
    connection.request("POST", S, json.dumps({"card": CARD}), {"Idempotency-Key": "k"})
    assert connection.getresponse().status == 201
    connection.close()
    stop.set()
    serving.join(PATIENCE_S)
    assert not serving.is_alive()
    assert len(Books([1], path=state).view()["sessions"]) == 1
    assert [call.name for call in calls] == ["acquire"]


def test_a_taken_port_is_said(server: SupplierServer) -> None:
    said: list[str] = []
    with pytest.raises(CannotListen, match="port 0"):
        serve_supplier(f"127.0.0.1:{server.port}", None, [1], stop=threading.Event(), ready=said.append, called=print)
    assert not said


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = boottime() + PATIENCE_S
    pause = threading.Event()
    while not condition():
        assert boottime() < deadline, "it did not happen in time"
        pause.wait(0.01)
