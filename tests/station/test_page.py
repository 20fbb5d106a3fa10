"""The page that a real station serves: what it shows, in which order, to whom, and what it costs."""

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path

import pytest
import requests
from support.bench import OTHER, PREFIX, Bench
from support.certificates import make_ca, make_certificate
from support.mqtt import Mosquitto, eventually
from support.page import Onlooker, Page, arrows, page_of

pytestmark = pytest.mark.covered

LOOPBACK = 'listen = "127.0.0.1:0"'
TOKEN = "a token of some length"


@pytest.fixture
def shown(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Bench]:
    """A station with a page."""
    with Bench(tmp_path / "bench", mosquitto, web=LOOPBACK) as bench:
        yield bench


def of_visit(page: Page, visit: str, *kinds: str) -> list[str]:
    """The arrows of a visit, all or of some kinds."""
    return arrows([step for step in page.steps() if step["visit"] == visit and (not kinds or step["kind"] in kinds)])


def told(bench: Bench, page: Page, visit: str, last: str) -> None:
    """Wait until a visit's conversation has come so far."""
    bench.wait(lambda: last in " ".join(of_visit(page, visit)))


def test_the_conversation_of_a_start_and_an_end_is_the_documents(shown: Bench) -> None:
    page = page_of(shown)
    shown.start_session()
    session = shown.books.view()["sessions"][-1]["id"]
    told(shown, page, "V-1", "session-started")
    calls = [
        "station > supplier: GET /stations/ST-42/session/..E5F6",
        "supplier > station: 404 Not Found",
        "station > supplier: POST /stations/ST-42",
        "supplier > station: 201 Created",
        "station > supplier: POST /stations/ST-42/leds/1",
        "supplier > station: 204 No Content",
        "station > supplier: PUT /stations/ST-42/slot/1/lock",
        "supplier > station: 204 No Content",
        f"station > supplier: PUT /sessions/{session}/start",
        "supplier > station: 200 OK",
    ]
    assert of_visit(page, "V-1", "call") == calls[::2]
    both = of_visit(page, "V-1", "call", "answer")
    assert sorted(arrow for arrow in both if "acknowledged" not in arrow) == sorted(calls)
    assert of_visit(page, "V-1", "tap", "decision", "lock", "event") == [
        "driver > station: card ..E5F6 tapped",
        f"station > station: slot 1 is starting for card ..E5F6, session {session}",
        "station > slot: lock slot 1",
        "slot > station: slot 1: locked",
        f"station > station: slot 1 is charging for card ..E5F6, session {session}",
        "station > broker: session-started",
    ]
    shown.wait(lambda: "station > driver: main light: off" in of_visit(page, "V-1", "light"))
    lights = of_visit(page, "V-1", "light")
    assert lights[0] == "station > driver: main light: white", "the card was read, before anything else"
    assert "station > driver: light 1: blue" in lights

    shown.tap()
    told(shown, page, "V-2", "session-ended")
    shown.wait(lambda: len(of_visit(page, "V-2", "call")) == 5)
    assert of_visit(page, "V-2", "call") == [
        "station > supplier: GET /stations/ST-42/session/..E5F6",
        f"station > supplier: PUT /sessions/{session}/end",
        f"station > supplier: PUT /sessions/{session}/pay",
        "station > supplier: PUT /stations/ST-42/slot/1/unlock",
        "station > supplier: POST /stations/ST-42/leds/1",
    ]
    told(shown, page, "V-2", "light 1: white flicker")
    history = page.get("/api/history")
    (last,) = history["slots"]["1"]["last"]
    assert (last["card"], last["session"], last["payment"]) == ("..E5F6", session, "paid")
    assert last["since"] < last["until"]
    assert history["faults"] == []


def test_an_answer_names_its_call_and_how_long_it_took(shown: Bench) -> None:
    page = page_of(shown)
    shown.start_session()
    told(shown, page, "V-1", "session-started")
    steps = page.steps()
    by_id = {step["id"]: step for step in steps}
    assert [step["id"] for step in steps] == sorted(by_id), "in order, and each once"
    answers = [step for step in steps if step["kind"] == "answer"]
    assert len(answers) >= 6
    for answer in answers:
        call = by_id[answer["re"]]
        assert call["kind"] in ("call", "event")
        assert (call["to"], call["visit"]) == (answer["from"], answer["visit"])
        assert 0 <= answer["ms"] == pytest.approx(1000 * (answer["t"] - call["t"]), abs=3)
        assert answer["ok"]
    acquire = next(step for step in steps if step["title"] == "POST /stations/ST-42")
    assert acquire["detail"]["body"] == {"card": "..E5F6"}
    assert acquire["detail"]["idempotencyKey"] == shown.acts()[0]["key"]
    answer = next(step for step in answers if step["re"] == acquire["id"])
    assert answer["detail"]["body"]["slot"] == {"number": 1}
    lock = next(step for step in steps if step["title"] == "slot 1: locked")
    assert by_id[lock["re"]]["title"] == "lock slot 1"
    assert lock["ms"] > 0


def test_no_slots_and_a_refusal(tmp_path: Path, mosquitto: Mosquitto) -> None:
    with Bench(tmp_path / "bench", mosquitto, slots=[1], web=LOOPBACK) as bench:
        page = page_of(bench)
        bench.start_session()
        bench.tap(OTHER)
        told(bench, page, "V-2", "leds/main")
        assert of_visit(page, "V-2", "call") == [
            "station > supplier: GET /stations/ST-42/session/..3344",
            "station > supplier: POST /stations/ST-42",
            "station > supplier: POST /stations/ST-42/leds/main",
        ]
        assert "supplier > station: 400 Bad Request" in of_visit(page, "V-2", "answer")
        told(bench, page, "V-2", "main light: red flicker")
        bench.wait(lambda: bench.state()["mainLight"] == "off")
        bench.supplier.inject("supplier-down", {})
        bench.tap(OTHER)
        told(bench, page, "V-3", "turned away: supplier-unreachable")
        told(bench, page, "V-3", "station > broker: refused")
        assert any("no answer: " in arrow for arrow in of_visit(page, "V-3", "answer"))


def test_a_fault_from_the_inbox_and_its_end(shown: Bench) -> None:
    page = page_of(shown)
    error = {"title": "Ground Failure", "detail": "leakage of 40 mA", "code": "GroundFailure"}
    shown.inbox(f"{PREFIX}faulted.v1", {"error": error})
    shown.wait(lambda: "station > broker: out-of-order" in arrows(page.steps()))
    shown.settled()
    shown.inbox(f"{PREFIX}faulted.v1", {"error": {**error, "cleared": True}}, "e-2")
    shown.wait(lambda: "station > broker: back-in-service" in arrows(page.steps()))
    shown.settled()
    kinds = ("inbox", "fault", "call")
    assert arrows([step for step in page.steps() if step["kind"] in kinds]) == [
        "broker > station: faulted.v1",
        "station > station: GroundFailure raised",
        "station > supplier: POST /stations/ST-42/support",
        "station > supplier: POST /stations/ST-42/leds/main",
        "broker > station: faulted.v1",
        "station > station: GroundFailure cleared",
        "station > supplier: POST /stations/ST-42/leds/main",
    ]
    (fault,) = page.get("/api/history")["faults"]
    assert fault["code"] == "GroundFailure"
    assert fault["raisedAt"] <= fault["clearedAt"]


def test_a_command_and_its_reply(shown: Bench) -> None:
    page = page_of(shown)
    reply = shown.reply(shown.command("unlock", {"slotNumber": 1}))
    assert reply["ok"]
    shown.wait(lambda: "station > broker: reply" in arrows(page.steps()))
    said = arrows(page.steps())
    assert said.index("broker > station: a command asks to unlock slot 1") < said.index("station > broker: reply")


def test_events_go_on_where_a_reader_left_off(shown: Bench) -> None:
    page = page_of(shown)
    first = Onlooker(page)
    shown.start_session()
    shown.wait(lambda: any(step["title"] == "session-started" for step in first.of("step")))
    shown.wait(lambda: first.of("state")[-1]["slots"][0]["status"] == "charging")
    blue = ["#000080"] * 8
    shown.wait(lambda: first.of("lights")[-1]["1"] == blue)
    shown.wait(lambda: {"state", "history", "lights", "step"} <= {kind for kind, _ in first.seen})
    assert set(first.of("lights")[-1]) == {"main", "1", "2"}
    seen = first.of("step")
    again = Onlooker(page, seen[2]["id"])
    shown.wait(lambda: len(again.of("step")) >= len(page.steps()) - 3)
    assert [step["id"] for step in again.of("step")][: len(seen) - 3] == [step["id"] for step in seen[3:]]
    assert shown.stop() == 0
    first.join()
    again.join()


def test_a_restart_goes_on_counting(shown: Bench) -> None:
    page = page_of(shown)
    shown.start_session()
    shown.wait(lambda: any(step["title"] == "session-started" for step in page.steps()))
    last = page.steps()[-1]["id"]
    shown.kill()
    shown.log.clear()
    shown.start()
    page = page_of(shown)
    assert page.steps()[0]["id"] > last
    assert page.get("/api/history")["slots"]["1"]["last"][0]["until"] is None, "it stands there still"
    shown.tap()
    told(shown, page, "V-2", "session-ended")
    shown.settled()
    before = page.get("/api/history")["slots"]["1"]["last"]
    shown.stop()
    shown.log.clear()
    shown.start()
    (after,) = page_of(shown).get("/api/history")["slots"]["1"]["last"]
    assert [after[name] for name in ("card", "session", "payment")] == ["..E5F6", before[0]["session"], "paid"]


def test_the_page_of_a_real_station_is_read_only_and_for_this_machine(shown: Bench) -> None:
    page = page_of(shown)
    about = page.get("/api/page")
    assert about["simulated"] is False
    assert (about["stationId"], about["slots"]) == ("ST-42", [1, 2])
    assert page.get("/api/state")["stationId"] == "ST-42"
    for method in ("POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"):
        assert page.ask("/api/state", method).status_code == 405
    for path in ("/api/reader/taps", "/api/agent/kill", "/api/world", "/api/supplier", "/api/faults", "/sign-in"):
        assert page.ask(path, "POST").status_code == 404
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        assert page.ask("/api/state", headers=headers).status_code == 403
    answer = page.ask("/api/state")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert page.ask("/nothing").headers["X-Content-Type-Options"] == "nosniff"


def test_two_hundred_who_look_on_keep_nobody_out_and_stop_nothing(shown: Bench) -> None:
    page = page_of(shown)
    port = int(page.url.rpartition(":")[2])
    with ExitStack() as life:
        lines = []
        for _ in range(200):
            line = life.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            line.sendall(b"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            lines.append(line)
        statuses = [_status(line) for line in lines]
        assert 8 <= statuses.count(b"200") <= 32, "as many as may"
        assert set(statuses) <= {b"200", b"503", b""}
        assert eventually(lambda: _answers(page), 10), "the others have left a place"
        shown.start_session()
    assert eventually(lambda: _answers(page, "/api/events"), 10), "places are free again"


def _answers(page: Page, path: str = "/api/state") -> bool:
    try:
        with page.ask(path, stream=True) as answer:
            return bool(answer.status_code == HTTPStatus.OK)
    except requests.ConnectionError:
        return False


def _status(line: socket.socket) -> bytes:
    try:
        head = line.recv(4096)
    except ConnectionResetError:
        return b""
    return head.split(b" ")[1] if head else b""


def test_an_address_that_is_taken_keeps_no_station_from_starting(tmp_path: Path, mosquitto: Mosquitto) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Bench(tmp_path / "bench", mosquitto, web=f'listen = "127.0.0.1:{port}"') as bench:
            bench.wait(lambda: any("no station page: Cannot listen" in line for line in bench.log))
            bench.start_session()


@pytest.fixture
def secured(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[tuple[Bench, Page]]:
    """A station whose page is open to other machines, and somebody who knows its token."""
    ca = make_ca(tmp_path)
    certificate = make_certificate(ca, "station", "DNS:st-42.example,IP:127.0.0.1")
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    files = {"cert_file": certificate, "key_file": f"{certificate}.key", "token_file": tmp_path / "token"}
    web = "\n".join(['listen = "0.0.0.0:0"', *(f"{name} = {json.dumps(str(path))}" for name, path in files.items())])
    with Bench(tmp_path / "bench", mosquitto, web=web) as bench:
        yield bench, page_of(bench, TOKEN, ca)


def test_another_machine_needs_tls_and_the_token(secured: tuple[Bench, Page], tmp_path: Path) -> None:
    bench, page = secured
    assert page.url.startswith("https://")
    assert page.get("/api/state")["stationId"] == "ST-42"
    stranger = Page(page.url, "", Path(str(page.verify)))
    assert stranger.ask("/api/state").status_code == 401
    assert stranger.ask("/api/events").status_code == 401
    assert stranger.ask("/").headers["Location"] == "/sign-in"
    assert stranger.ask("/sign-in").status_code == 200
    port = int(page.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" not in plain.recv(4096)[:15]
    for host, status in (("st-42.example", 200), ("127.0.0.1:1", 200), ("evil.example", 403), ("", 403)):
        assert page.ask("/api/state", headers={"Host": host}).status_code == status, host
    (tmp_path / "token").write_text("another token of length\n", encoding="utf-8")
    assert page.ask("/api/state").status_code == 401, "a new token counts at once"
    assert not any(TOKEN in line for line in bench.log)


def test_signing_in_gives_a_cookie_that_only_this_page_sends(secured: tuple[Bench, Page]) -> None:
    bench, page = secured
    bench.start_session()
    driver = Page(page.url, "", Path(str(page.verify)))
    own = {"Origin": page.url}
    wrong = driver.ask("/sign-in", "POST", data={"token": "a guess of some length"}, headers=own)
    assert (wrong.status_code, 'role="alert"' in wrong.text) == (403, True)
    right = driver.ask("/sign-in", "POST", data={"token": TOKEN}, headers=own)
    assert (right.status_code, right.headers["Location"]) == (303, "/")
    cookie, _, attributes = right.headers["Set-Cookie"].partition(";")
    assert {part.strip() for part in attributes.split(";")} == {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"}
    assert driver.ask("/api/state", headers={"Cookie": cookie}).status_code == 200
    assert driver.ask("/api/state", headers={"Cookie": cookie[:-1]}).status_code == 401
    for origin in ("https://evil.example", "null", "http://127.0.0.1"):
        assert driver.ask("/sign-in", "POST", data={"token": TOKEN}, headers={"Origin": origin}).status_code == 403


def test_who_guesses_is_made_to_wait(secured: tuple[Bench, Page]) -> None:
    _, page = secured
    guesser = Page(page.url, "wrong wrong wrong wrong", Path(str(page.verify)))
    assert [guesser.ask("/api/state").status_code for _ in range(7)] == [401] * 5 + [429] * 2
    assert int(guesser.ask("/api/state").headers["Retry-After"]) <= 61
    assert page.ask("/api/state").status_code == 429, "the token itself does not tell whether it was guessed"


def test_a_handshake_that_does_not_end_holds_up_nobody(secured: tuple[Bench, Page]) -> None:
    _, page = secured
    port = int(page.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
        slow.sendall(b"\x16\x03\x01")
        assert page.get("/api/state")["stationId"] == "ST-42"


def test_only_tls_that_is_safe(secured: tuple[Bench, Page]) -> None:
    _, page = secured
    context = ssl.create_default_context(cafile=str(page.verify))
    with pytest.warns(DeprecationWarning, match="TLSVersion.TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    port = int(page.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line, pytest.raises(OSError):  # noqa: PT011
        context.wrap_socket(line, server_hostname="127.0.0.1")
