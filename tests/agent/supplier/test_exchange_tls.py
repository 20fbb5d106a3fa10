"""Exchanges over TLS."""

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support.scripted import CARD, LATE_S, OK, PATIENCE_S, TIMEOUT_S, Script, Scripted, drip, keeps, request, silent

from agent.answers import Delivered, Outcome, Undelivered
from agent.clock import boottime
from agent.supplier import Supplier


def _tls(certificates: Path, script: Script, *, name: str = "server", client: bool = False) -> Script:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    if client:
        context.load_verify_locations(certificates / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED

    def secured(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            script(secure)

    return secured


def test_tls_with_a_ca_of_ones_own(
    scripted: Callable[..., Scripted],
    supplier: Callable[..., Supplier],
    certificates: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(certificates / "missing.pem"))
    server = scripted(_tls(certificates, keeps(OK)))
    asking = supplier(server.url("127.0.0.1", "https"), ca_file=str(certificates / "ca.pem"))
    for _ in range(3):
        assert asking.ask(CARD) == Delivered(status=200)


@pytest.mark.parametrize(("name", "own_ca"), [("server", False), ("client", True)], ids=["other CA", "other name"])
def test_tls_with_somebody_else_is_no_exchange(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], certificates: Path, name: str, own_ca: bool
) -> None:
    server = scripted(_tls(certificates, keeps(OK), name=name))
    ca = str(certificates / "ca.pem") if own_ca else ""
    outcome = supplier(server.url("127.0.0.1", "https"), ca_file=ca).ask(CARD)
    assert isinstance(outcome, Undelivered)
    assert "TLS" in outcome.reason
    assert outcome.connected


@pytest.mark.parametrize("certified", [True, False])
def test_a_client_certificate(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], certificates: Path, certified: bool
) -> None:
    server = scripted(_tls(certificates, keeps(OK), client=True))
    own = {"client_cert_file": str(certificates / "client.pem"), "client_key_file": str(certificates / "client.key")}
    asking = supplier(
        server.url("127.0.0.1", "https"), ca_file=str(certificates / "ca.pem"), **(own if certified else {})
    )
    outcome = asking.ask(CARD)
    if certified:
        assert outcome == Delivered(status=200)
    else:
        assert isinstance(outcome, Undelivered)
        assert CARD not in outcome.reason


@pytest.mark.parametrize("stage", ["handshake", "headers"])
def test_tls_keeps_to_the_deadline_too(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], certificates: Path, stage: str
) -> None:
    script = silent if stage == "handshake" else _tls(certificates, drip(b"HTTP/1.1 200 OK\r\nX: ", b"x"))
    server = scripted(script)
    asking = supplier(
        server.url("127.0.0.1", "https"), ca_file=str(certificates / "ca.pem"), request_timeout_s=TIMEOUT_S
    )
    began = boottime()
    assert isinstance(asking.ask(CARD), Undelivered)
    assert boottime() - began < TIMEOUT_S + LATE_S


def test_close_cuts_tls_too(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], certificates: Path
) -> None:
    reached = threading.Event()

    def hang(connection: socket.socket) -> None:
        request(connection)
        reached.set()
        silent(connection)

    server = scripted(_tls(certificates, hang))
    asking = supplier(server.url("127.0.0.1", "https"), ca_file=str(certificates / "ca.pem"), request_timeout_s=60.0)
    outcomes: list[Outcome] = []
    busy = threading.Thread(target=lambda: outcomes.append(asking.ask(CARD)))
    busy.start()
    assert reached.wait(PATIENCE_S)
    asking.close()
    busy.join(PATIENCE_S)
    assert isinstance(outcomes[0], Undelivered)
