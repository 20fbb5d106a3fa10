"""The simulated supplier against `config/supplier-api.yaml`: whatever schemathesis sends, it answers as described."""

import re
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from agent.config.places import config_file
from agent.simulator.supplier import Books, Manners
from agent.simulator.supplier_server import SupplierServer

API = schemathesis.openapi.from_path(config_file("supplier-api.yaml"))
ANSWERS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CHECKS = [
    *ANSWERS,
    not_a_server_error,
    negative_data_rejection,
    positive_data_acceptance,
    missing_required_header,
    unsupported_method,
]
KEYS = (f"key-{number}" for number in count())
CARD = "04A1B2C3D4E5F6"
STATION = {"stationId": "ST-42"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A supplier that never runs out of slots: that every slot is taken would be a 400 to a good request."""
    server = SupplierServer(Books(range(1, 3000)), "127.0.0.1:0")
    server.start()
    yield server.url
    server.stop()


@API.parametrize()
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_described(case: schemathesis.Case[Any], url: str) -> None:
    if re.fullmatch(r"[!-~]{1,255}", str(case.headers.get("Idempotency-Key", ""))):
        case.headers["Idempotency-Key"] = next(KEYS)  # a key seen before would get an earlier call's answer
    case.call_and_validate(base_url=url, checks=CHECKS)


@pytest.fixture
def server() -> Iterator[SupplierServer]:
    server = SupplierServer(Books([1, 2]), "127.0.0.1:0")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def call(server: SupplierServer) -> Callable[..., Any]:
    """Call an operation by its path, check the answer against the API and return it."""

    def call(method: str, path: str, body: Any = None, **params: Any) -> Any:
        more = {} if body is None else {"body": body, "media_type": "application/json"}
        headers = {} if method == "GET" else {"Idempotency-Key": next(KEYS)}
        stations = STATION if "stationId" in path else {}
        case = API[path][method].Case(path_parameters={**stations, **params}, headers=headers, **more)
        return case.call_and_validate(base_url=server.url, checks=ANSWERS)

    return call


def _stay(call: Callable[..., Any]) -> list[int]:
    """A whole stay; the status of each answer."""
    statuses = []

    def note(response: Any) -> Any:
        statuses.append(response.status_code)
        return response

    note(call("GET", "/stations/{stationId}/session/{cardId}", cardId=CARD))
    acquired = note(call("POST", "/stations/{stationId}", {"card": CARD}))
    session = acquired.json().get("session", {}).get("id", "S-0") if acquired.status_code == 201 else "S-0"
    note(call("POST", "/stations/{stationId}/leds/{light}", {"action": "on", "color": "blue"}, light=1))
    note(call("PUT", "/stations/{stationId}/slot/{slotNumber}/lock", slotNumber=1))
    note(call("PUT", "/sessions/{sessionId}/start", sessionId=session))
    note(call("GET", "/stations/{stationId}/session/{cardId}", cardId=CARD))
    note(call("PUT", "/sessions/{sessionId}/end", sessionId=session))
    note(call("PUT", "/sessions/{sessionId}/pay", sessionId=session))
    note(call("PUT", "/stations/{stationId}/slot/{slotNumber}/unlock", slotNumber=1))
    note(call("POST", "/stations/{stationId}/support", {"error": {"code": "X"}}))
    return statuses


def test_a_stay_is_as_described(call: Callable[..., Any]) -> None:
    assert _stay(call) == [404, 201, 204, 204, 200, 200, 200, 200, 204, 204]


def test_all_manners_are_as_described(server: SupplierServer, call: Callable[..., Any]) -> None:
    server.books.behave(Manners(none_active="null", names_session=False))
    assert _stay(call) == [200, 201, 204, 204, 404, 200, 404, 404, 204, 204]
    server.books.behave(Manners(none_active="204", no_slots="text"))
    call("POST", "/stations/{stationId}", {"card": CARD})
    assert call("POST", "/stations/{stationId}", {"card": "DEADBEEF"}).headers["content-type"] == ["text/plain"]
    assert call("GET", "/stations/{stationId}/session/{cardId}", cardId="DEADBEEF").status_code == 204


@pytest.mark.parametrize(
    ("fault", "statuses"),
    [
        ("supplier-errors", [503] * 10),
        ("start-refused", [404, 201, 204, 204, 409, 200, 200, 410, 204, 204]),
        ("end-refused", [404, 201, 204, 204, 200, 200, 409, 409, 204, 204]),
        ("pay-refused", [404, 201, 204, 204, 200, 200, 200, 402, 204, 204]),
    ],
)
def test_faults_that_are_answers_are_as_described(
    server: SupplierServer, call: Callable[..., Any], fault: str, statuses: list[int]
) -> None:
    server.inject(fault, {"retry_after_s": 3} if fault == "supplier-errors" else {})
    assert _stay(call) == statuses


def test_cards_that_are_turned_away_are_as_described(server: SupplierServer, call: Callable[..., Any]) -> None:
    server.books.set_card(CARD, "blocked")
    assert call("POST", "/stations/{stationId}", {"card": CARD}).status_code == 403
