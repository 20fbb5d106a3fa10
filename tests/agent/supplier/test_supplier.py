"""What the station sends to the supplier, and that it conforms to `config/supplier-api.yaml`."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema_rs
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.answers import Delivered, Grant, Undelivered
from agent.config.places import config_file
from agent.config.settings import SupplierSettings
from agent.connection import Connection
from agent.effects import Act, ActName
from agent.http.messages import Answer, Raw, Reply, Request, Route
from agent.http.server import Manners, Server
from agent.supplier import Supplier, Unusable
from agent.version import VERSION

API = yaml.safe_load(config_file("supplier-api.yaml").read_text(encoding="utf-8"))
CARD = "04A1B2C3D4E5F6"
KEY = "8a6e0804-2bd0-4672-b79d-d97027f9071a"
GRANT = b'{"slot":{"number":1},"session":{"id":"S-1001"}}'


class Recorder:
    """Takes every request as it is and answers with what it is told."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.reply: Reply = Answer(body=GRANT)

    def handle(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.reply


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def url(recorder: Recorder) -> Iterator[str]:
    routes = [
        Route(method, "/base/v2" + "".join(f"/{{p{n}}}" for n in range(depth)), recorder.handle)
        for method in ("GET", "POST", "PUT")
        for depth in range(2, 6)
    ]
    server = Server(routes, "127.0.0.1:0", "recorder", Manners(misbehaves=True))
    server.start()
    yield f"http://127.0.0.1:{server.port}/base/v2"
    server.stop()


@pytest.fixture
def make(url: str) -> Iterator[Callable[..., Supplier]]:
    made: list[Supplier] = []

    def make(station: str = "ST-42", **others: Any) -> Supplier:
        made.append(Supplier(SupplierSettings(**{"url": url, **others}), station, frozenset({1, 2})))
        return made[-1]

    yield make
    for supplier in made:
        supplier.close()


def _act(name: str, **others: Any) -> Act:
    return Act(name=ActName(name), key=KEY, lane="S-1001", **others)


ACTS = [
    (_act("acquire", card=CARD), "POST", "/stations/ST-42", {"card": CARD}),
    (
        _act("leds", light="1", body={"action": "on", "color": "blue"}),
        "POST",
        "/stations/ST-42/leds/1",
        {"action": "on", "color": "blue"},
    ),
    (
        _act("leds", light="main", body={"action": "flicker", "color": "red", "duration": 3000}),
        "POST",
        "/stations/ST-42/leds/main",
        {"action": "flicker", "color": "red", "duration": 3000},
    ),
    (_act("leds", light="2", body={"action": "off"}), "POST", "/stations/ST-42/leds/2", {"action": "off"}),
    (_act("lock", slot=1), "PUT", "/stations/ST-42/slot/1/lock", None),
    (_act("unlock", slot=2), "PUT", "/stations/ST-42/slot/2/unlock", None),
    (_act("start", session="S-1001"), "PUT", "/sessions/S-1001/start", None),
    (_act("end", session="S-1001"), "PUT", "/sessions/S-1001/end", None),
    (_act("pay", session="S-1001"), "PUT", "/sessions/S-1001/pay", None),
    (_act("support", body={"error": {"code": "X"}}), "POST", "/stations/ST-42/support", {"error": {"code": "X"}}),
]


@pytest.mark.parametrize(("act", "method", "path", "body"), ACTS, ids=lambda value: getattr(value, "name", None))
def test_acts_are_the_table_of_the_contract(
    make: Callable[..., Supplier], recorder: Recorder, act: Act, method: str, path: str, body: Any
) -> None:
    outcome = make().deliver(act, repeated=False)
    assert isinstance(outcome, Delivered)
    assert outcome.grant == (Grant(slot=1, session="S-1001") if act.name is ActName.ACQUIRE else None)
    [request] = recorder.requests
    assert (request.method, request.path) == (method, f"/base/v2{path}")
    assert (json.loads(request.body) if request.body else None) == body
    assert request.headers["Idempotency-Key"] == KEY
    assert request.headers.get("Content-Type") == (None if body is None else "application/json")
    assert "Authorization" not in request.headers
    assert request.headers["User-Agent"] == f"station-agent/{VERSION}"
    assert request.headers["Accept-Encoding"] == "identity"
    check_request(request)


def test_the_question_has_no_key(make: Callable[..., Supplier], recorder: Recorder) -> None:
    recorder.reply = Answer(status=404)
    assert make().ask(CARD) == Delivered(status=404)
    [request] = recorder.requests
    assert (request.method, request.path) == ("GET", f"/base/v2/stations/ST-42/session/{CARD}")
    assert "Idempotency-Key" not in request.headers
    check_request(request)


@given(
    name=st.sampled_from(ActName),
    session=st.text(min_size=1, max_size=128).filter(lambda text: text not in (".", "..")),
    slot=st.integers(1, 2**31 - 1),
    card=st.binary(min_size=4, max_size=4).map(lambda uid: uid.hex().upper()),
    error=st.dictionaries(st.text(), st.none() | st.text() | st.integers()),
)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_conforms_to_the_api(
    make: Callable[..., Supplier],
    recorder: Recorder,
    name: ActName,
    session: str,
    slot: int,
    card: str,
    error: dict[str, Any],
) -> None:
    bodies: dict[ActName, dict[str, Any]] = {
        ActName.LEDS: {"action": "on", "color": "red"},
        ActName.SUPPORT: {"error": error},
    }
    act = Act(
        name=name,
        key=KEY,
        lane="x",
        session=session,
        slot=slot,
        card=card,
        light=str(slot),
        body=bodies.get(name, {}),
    )
    recorder.requests.clear()
    supplier = make("ST-._42")
    assert isinstance(supplier.deliver(act, repeated=False), Delivered)
    supplier.close()
    [request] = recorder.requests
    check_request(request)
    if name in (ActName.START, ActName.END, ActName.PAY):
        assert unquote(request.path.split("/")[-2]) == session
    if name is ActName.SUPPORT:
        assert json.loads(request.body) == {"error": error}


def test_ids_are_percent_encoded(make: Callable[..., Supplier], recorder: Recorder) -> None:
    assert isinstance(make().deliver(_act("start", session="a/b?ü #%2F.."), repeated=False), Delivered)
    assert recorder.requests[0].path == "/base/v2/sessions/a%2Fb%3F%C3%BC%20%23%252F../start"


@pytest.mark.parametrize("act", [_act("start"), _act("pay", session=".."), _act("leds")])
def test_an_act_without_its_id_is_a_mistake(make: Callable[..., Supplier], recorder: Recorder, act: Act) -> None:
    with pytest.raises(ValueError, match="cannot stand in a URL"):
        make().deliver(act, repeated=False)
    assert not recorder.requests


def test_a_repeat_is_the_same_request(make: Callable[..., Supplier], recorder: Recorder) -> None:
    supplier = make()
    for repeated in (False, True):
        supplier.deliver(_act("acquire", card=CARD), repeated=repeated)
    first, second = ((r.method, r.path, r.body, r.headers.items()) for r in recorder.requests)
    assert first == second


def test_the_token_is_read_anew_for_each_request(
    make: Callable[..., Supplier], recorder: Recorder, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    supplier = make(token_file=str(token))
    for value in ("first", "second"):
        token.write_text(f"{value}\n", encoding="ascii")
        supplier.ask(CARD)
        assert recorder.requests[-1].headers["Authorization"] == f"Bearer {value}"


@pytest.mark.parametrize("content", [None, b"", b"\n", b"two\nlines", "schlüssel".encode(), b"x" * 8193])
def test_without_a_usable_token_nothing_leaves(
    make: Callable[..., Supplier], recorder: Recorder, tmp_path: Path, content: bytes | None
) -> None:
    token = tmp_path / "token"
    if content is not None:
        token.write_bytes(content)
    outcome = make(token_file=str(token)).ask(CARD)
    assert isinstance(outcome, Undelivered)
    assert not outcome.connected
    assert str(token) in outcome.reason
    assert not recorder.requests


def test_proxies_and_netrc_of_the_environment_count_for_nothing(
    make: Callable[..., Supplier], recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n", encoding="ascii")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    make().ask(CARD)
    assert "Authorization" not in recorder.requests[0].headers


def test_cookies_are_not_kept(make: Callable[..., Supplier], recorder: Recorder) -> None:
    recorder.reply = Answer(headers={"Set-Cookie": "crumb=1; Path=/"}, body=b'{"session":null}')
    supplier = make()
    for _ in range(2):
        assert supplier.ask(CARD) == Delivered(status=200)
    assert "Cookie" not in recorder.requests[1].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(make: Callable[..., Supplier], recorder: Recorder, url: str, status: int) -> None:
    recorder.reply = Answer(status=status, headers={"Location": f"{url}/stations/elsewhere"})
    for outcome in (make().ask(CARD), make().deliver(_act("start", session="S"), repeated=False)):
        assert isinstance(outcome, Undelivered)
        assert outcome.malformed is not None
    assert len(recorder.requests) == 2


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ev-power-supplier.com",
        "ftp://x/y",
        "https://",
        "http://u@x/y",
        "http://x/y?z",
        "http://x/#z",
        "http://x:99999/",
        "http://x:0/",
        "http://x y/",
        "http://[::1",
    ],
)
def test_an_impossible_url_is_said_at_once(url: str) -> None:
    with pytest.raises(Unusable, match=r"\[supplier\] url"):
        Supplier(SupplierSettings(url=url), "ST-42", frozenset({1}))


def test_a_station_id_that_is_no_path_segment_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="cannot stand in a URL"):
        Supplier(SupplierSettings(url="http://127.0.0.1/"), "..", frozenset({1}))


def test_an_answer_of_any_kind_shows_that_the_supplier_is_there(
    make: Callable[..., Supplier], recorder: Recorder
) -> None:
    supplier = make()
    assert supplier.connection() == Connection(reachable=False, since=None)
    steps: list[tuple[Reply, bool]] = [
        (Raw(), False),
        (Answer(status=500), True),
        (Answer(status=404), True),
        (Raw(), False),
        (Answer(body=b"rubbish"), True),
        (Answer(status=401), True),
    ]
    for reply, reachable in steps:
        before = supplier.connection()
        recorder.reply = reply
        supplier.ask(CARD)
        after = supplier.connection()
        assert after.reachable is reachable
        assert after.since is not None
        assert (after.since == before.since) is (before.since is not None and before.reachable is reachable)


def check_request(request: Request) -> None:
    """Raises unless the API describes this request."""
    path = request.path.removeprefix("/base/v2")
    for template, item in API["paths"].items():
        found = re.fullmatch(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template)), path)
        if found and request.method.lower() in item:
            _check_operation(item[request.method.lower()], found.groupdict(), request)
            return
    pytest.fail(f"the API has no {request.method} {path}")


def _check_operation(operation: Any, params: dict[str, str], request: Request) -> None:
    for parameter in map(_resolved, operation["parameters"]):
        if parameter["in"] == "path":
            text = unquote(params[parameter["name"]], errors="strict")
            readings = [text, int(text)] if text.isdecimal() else [text]
            assert any(_valid(parameter["schema"], reading) for reading in readings), (parameter["name"], text)
        else:
            assert _valid(parameter["schema"], request.headers[parameter["name"]])
    if "requestBody" in operation:
        [(content_type, content)] = operation["requestBody"]["content"].items()
        assert request.headers["Content-Type"] == content_type
        assert _valid(content["schema"], json.loads(request.body))
    else:
        assert request.body == b""


def _resolved(value: Any) -> Any:
    while "$ref" in value:
        _, _, section, name = value["$ref"].split("/")
        value = API["components"][section][name]
    return value


def _valid(schema: Any, value: Any) -> bool:
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": API["components"], **schema}
    return jsonschema_rs.is_valid(whole, value)
