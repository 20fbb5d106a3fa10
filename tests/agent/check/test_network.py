"""What `check` finds out about supplier and broker."""

import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support.certificates import make_ca, make_certificate
from support.clinic import Clinic, of
from support.mqtt import Listener, Mosquitto

from agent.answers import Problem, Refused
from agent.broker.mail import BrokerError
from agent.broker.trial import NotAuthorised, try_broker
from agent.check import broker, supplier
from agent.check.finding import Finding
from agent.config.settings import MqttSettings, SupplierSettings
from agent.simulator.supplier import Books
from agent.simulator.supplier_server import SupplierServer

SLOTS = frozenset({1, 2})
PAGE = b"<!doctype html><title>Welcome</title>"


@contextmanager
def answering(status: int, body: bytes = b"", context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that answers everything so; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def asked(url: str, **more: Any) -> Finding:
    (found,) = supplier.look(SupplierSettings(url=url, request_timeout_s=5.0, **more), "ST-42", SLOTS)
    return found


def test_a_supplier_that_knows_the_station() -> None:
    books = Books([1, 2])
    server = SupplierServer(books, "127.0.0.1:0")
    server.start()
    found = asked(server.url)
    server.stop()
    assert (found.level, found.said) == ("ok", "answers, and takes the station for one of its own")


@pytest.mark.parametrize(
    ("status", "body", "level", "said", "mend"),
    [
        (404, b"", "ok", "answers, and takes the station for one of its own", ""),
        (403, b"no such card", "ok", "answers, and takes the station for one of its own", ""),
        (401, b'{"title": "Who are you?"}', "failed", "it rejects the station (401 Who are you?)", "token_file"),
        (404, PAGE, "failed", "the supplier's answer 404 cannot be used: it is a web page", "[supplier] url"),
        (200, PAGE, "failed", "the supplier's answer 200 cannot be used: it is a web page", "[supplier] url"),
        (302, b"", "failed", "redirects are not followed", "[supplier] url"),
        (200, b"{}", "failed", "the supplier's answer 200 cannot be used", "[supplier] url"),
        (405, b"", "warning", "it answers a plain question with 405", "[supplier] url"),
        (503, b"", "failed", "the supplier answered 503", "whether the supplier is up"),
    ],
)
def test_what_an_answer_means(status: int, body: bytes, level: str, said: str, mend: str) -> None:
    with answering(status, body) as url:
        found = asked(url)
    assert found.level == level
    assert said in found.said
    assert mend in found.mend


def test_a_certificate_that_nobody_here_trusts(tmp_path: Path) -> None:
    ca = make_ca(tmp_path)
    certificate = make_certificate(ca, "supplier", "IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, f"{certificate}.key")
    with answering(404, context=context) as url:
        stranger, known = asked(url), asked(url, ca_file=str(ca))
    assert stranger.level == "failed"
    assert stranger.said.startswith("no TLS with the supplier at 127.0.0.1")
    assert "[supplier] ca_file" in stranger.mend
    assert known.level == "ok"
    assert "ca_file" in asked("https://127.0.0.1:9", ca_file=str(tmp_path / "none")).said


def test_a_problem_without_a_text() -> None:
    assert supplier.read(Refused(problem=Problem(status=418))).said == "it answers a plain question with 418"


def knocked(settings: MqttSettings) -> list[tuple[str, str]]:
    return [(found.level, found.line()) for found in broker.look(settings, "ST-42")]


def test_a_broker_that_takes_the_station(mosquitto: Mosquitto) -> None:
    settings = MqttSettings(port=mosquitto.port)
    with Listener(mosquitto.port, "stations/ST-42/#") as listener:
        (first,) = knocked(settings)
        old = knocked(replace(settings, protocol=4))
        listener.wait_for(lambda heard: [each.topic for each in heard] == ["stations/ST-42/status"] * 2)
    assert first == ("ok", f"ok       broker    127.0.0.1:{mosquitto.port} takes the station's messages")
    assert [level for level, _ in old] == ["ok", "warning"]
    assert "MQTT 3.1.1 answers a forbidden message with success" in old[1][1]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Callable[[str], Mosquitto]]:
    """Starts a broker that asks for the password of `station`, with this ACL."""
    folder = tmp_path / "guarded"
    folder.mkdir()
    started: list[Mosquitto] = []

    def start(acl: str) -> Mosquitto:
        passwords = folder / "passwords"
        subprocess.run(["mosquitto_passwd", "-c", "-b", str(passwords), "station", "right"], check=True)
        (folder / "acl").write_text(acl)
        found = Mosquitto(folder, f"password_file {passwords}\nacl_file {folder / 'acl'}")
        found.anonymous = False
        started.append(found.start())
        return found

    yield start
    for each in started:
        each.kill()


def test_a_broker_that_refuses_the_station_or_its_messages(guarded: Callable[[str], Mosquitto], tmp_path: Path) -> None:
    (tmp_path / "password").write_text("right\n")
    port = guarded("user station\ntopic read #\n").port
    settings = MqttSettings(port=port, username="station", password_file=str(tmp_path / "password"))
    ((level, line),) = knocked(settings)
    assert level == "failed"
    assert line.endswith(
        "refuses the station's messages (reason 135) -> check [mqtt] username, password_file and the broker's ACL"
    )
    (tmp_path / "password").write_text("wrong\n")
    ((level, line),) = knocked(settings)
    assert level == "failed"
    assert "it refused the station (Not authorized)" in line
    assert "wrong" not in line
    ((level, line),) = knocked(replace(settings, password_file=str(tmp_path / "none")))
    assert (level, "No such file" in line) == ("failed", True)


def test_a_broker_that_hangs(mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.broker.trial.ANSWER_S", 0.0)
    with pytest.raises(BrokerError, match="does not answer a message"):
        try_broker(MqttSettings(port=mosquitto.port), "ST-42")
    assert issubclass(NotAuthorised, BrokerError)


def test_a_broker_whose_certificate_nobody_trusts(tmp_path: Path) -> None:
    ca = make_ca(tmp_path)
    certificate = make_certificate(ca, "broker", "IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, f"{certificate}.key")
    with answering(404, context=context) as url:
        port = int(url.rpartition(":")[2])
        settings = MqttSettings(port=port, tls=True)
        (found,) = broker.away(settings)
        assert "ca_file" in found.mend
        (found,) = broker.away(replace(settings, ca_file=str(tmp_path)))
        assert found.said == f"ca_file {tmp_path} cannot be read: Is a directory"
        assert "a usable file" in found.mend
        (found,) = broker.away(replace(settings, ca_file=str(ca)))
    assert "takes connections" in found.said


def test_local_leaves_the_network_out(clinic: Clinic) -> None:
    assert clinic.check("--local").exit_code == 0
    findings = clinic.findings()
    assert of(findings, "supplier")[0][0] == of(findings, "broker")[0][0] == "failed"
