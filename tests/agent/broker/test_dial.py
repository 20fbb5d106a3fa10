"""Connections that can be given up, plain and with TLS."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.certificates import make_ca, make_certificate

from agent.broker.dial import NotConnected, dial
from agent.secret_files import UnusableFile
from agent.tls import Tls


def never() -> bool:
    return False


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def test_plain_connection_is_non_blocking(silent: int) -> None:
    with dial("127.0.0.1", silent, timeout_s=5, given_up=never) as line:
        assert line.getpeername() == ("127.0.0.1", silent)
        assert not line.getblocking()


def test_a_refused_connection_names_the_address() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        with pytest.raises(NotConnected, match=r"127\.0\.0\.1: .*refused"):
            dial("127.0.0.1", port, timeout_s=5, given_up=never)


def test_an_unknown_name() -> None:
    with pytest.raises(socket.gaierror):
        dial("no-such-broker.invalid", 1883, timeout_s=5, given_up=never)


def test_the_next_address_is_tried(silent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo("127.0.0.1", silent, type=socket.SOCK_STREAM)
    other = [(*real[0][:4], ("127.0.0.1", 1))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: other + real)
    dial("broker.example", silent, timeout_s=5, given_up=never).close()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    with pytest.raises(NotConnected, match="no address"):
        dial("broker.example", silent, timeout_s=5, given_up=never)


def full_backlog() -> tuple[socket.socket, list[socket.socket]]:
    """A listener whose queue is full: connecting to it hangs."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(0)
    waiting = [socket.socket() for _ in range(3)]
    for each in waiting:
        each.setblocking(False)
        each.connect_ex(server.getsockname())
    return server, waiting


def test_a_connection_that_hangs_ends_in_time_or_when_given_up() -> None:
    server, waiting = full_backlog()
    stop = threading.Event()
    timer = threading.Timer(0.1, stop.set)
    try:
        with pytest.raises(NotConnected, match="no answer in time"):
            dial("127.0.0.1", server.getsockname()[1], timeout_s=0.2, given_up=never)
        timer.start()
        began = time.monotonic()
        with pytest.raises(NotConnected, match="given up"):
            dial("127.0.0.1", server.getsockname()[1], timeout_s=60, given_up=stop.is_set)
        assert time.monotonic() - began < 10
    finally:
        timer.join()
        for each in (server, *waiting):
            each.close()


def test_a_handshake_without_an_answer_ends_in_time(silent: int) -> None:
    with pytest.raises(NotConnected, match="no answer in time"):
        dial("127.0.0.1", silent, timeout_s=0.3, given_up=never, tls=Tls())


class TlsServer(threading.Thread):
    """Makes one handshake and notes the client's certificate."""

    def __init__(self, certificate: Path, ca: Path, *, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> None:
        super().__init__()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, f"{certificate}.key")
        self._context.load_verify_locations(ca)
        self._context.verify_mode = ssl.CERT_OPTIONAL
        self._context.minimum_version = min(newest, ssl.TLSVersion.TLSv1_2)
        self._context.maximum_version = newest
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.client_name = ""

    def run(self) -> None:
        with self._server:
            plain, _ = self._server.accept()
            with plain:
                try:
                    with self._context.wrap_socket(plain, server_side=True) as line:
                        line.sendall(b"hello")
                        self.client_name = str(line.getpeercert())
                except OSError:
                    return


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_with_an_own_ca_and_a_client_certificate(tmp_path: Path, newest: ssl.TLSVersion) -> None:
    ca = make_ca(tmp_path)
    server = TlsServer(make_certificate(ca, "broker", "IP:127.0.0.1"), ca, newest=newest)
    client = make_certificate(ca, "ST-42", "DNS:ST-42")
    server.start()
    tls = Tls(str(ca), str(client), f"{client}.key")
    with dial("127.0.0.1", server.port, timeout_s=10, given_up=never, tls=tls) as line:
        line.setblocking(True)
        assert line.recv(5) == b"hello"
    server.join()
    assert "ST-42" in server.client_name


@pytest.mark.parametrize(
    ("name", "trusted", "said"),
    [("DNS:other.example", True, "not for 127.0.0.1"), ("IP:127.0.0.1", False, "authority that is not trusted")],
)
def test_wrong_name_and_strange_authority_are_refused(tmp_path: Path, name: str, trusted: bool, said: str) -> None:
    ca = make_ca(tmp_path)
    server = TlsServer(make_certificate(ca, "broker", name), ca)
    server.start()
    tls = Tls(str(ca) if trusted else str(make_ca(tmp_path, "stranger")))
    with pytest.raises(NotConnected, match=said):
        dial("127.0.0.1", server.port, timeout_s=10, given_up=never, tls=tls)
    server.join()


def test_an_unusable_file_is_not_blamed_on_an_address(silent: int, tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    with pytest.raises(UnusableFile, match=f"^ca_file {missing} cannot be read: No such file"):
        dial("127.0.0.1", silent, timeout_s=10, given_up=never, tls=Tls(str(missing)))
