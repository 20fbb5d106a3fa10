"""Exchanges with servers that are slow, broken, greedy or not there at all."""

import contextlib
import gzip
import itertools
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.answers import Delivered, Outcome, Refused, Undelivered
from agent.clock import boottime
from agent.config.settings import SupplierSettings
from agent.effects import Act, ActName
from agent.supplier import Supplier, exchange, line

CARD = "04A1B2C3D4E5F6"
START = Act(name=ActName.START, key="k", lane="S", session="S")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n" + b'{"session":null}'
TIMEOUT_S = 0.5
PATIENCE_S = 5.0
LATE_S = 3.0
"""How late a busy machine may be; what is tested would take PATIENCE_S, or for ever."""
MORE_THAN_A_KERNEL_SENDS = 6_000_000
"""Bytes; tcp(7): at most 4 MiB wait to be sent (tcp_wmem). Much more would take its time to be put into JSON."""

Script = Callable[[socket.socket], object]


class Scripted:
    """A TCP server: connection n runs script n (the last one again and again), after reading nothing by itself.

    Its kernel takes little that nobody reads.
    """

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.port: int = self._socket.getsockname()[1]
        self.connections = 0
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def url(self, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}/api/v2"

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._accepting.join(PATIENCE_S)
        for thread in self._threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.settimeout(PATIENCE_S)
            script = self._scripts[min(self.connections, len(self._scripts) - 1)]
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=[script, connection])
            self._threads.append(thread)
            thread.start()

    def _serve(self, script: Script, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            script(connection)


@pytest.fixture
def scripted() -> Iterator[Callable[..., Scripted]]:
    made: list[Scripted] = []

    def make(*scripts: Script) -> Scripted:
        made.append(Scripted(*scripts))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def supplier() -> Iterator[Callable[..., Supplier]]:
    made: list[Supplier] = []

    def make(url: str, **others: object) -> Supplier:
        settings = SupplierSettings(url=url, **{"request_timeout_s": PATIENCE_S, **others})  # type: ignore[arg-type]
        made.append(Supplier(settings, "ST-42", frozenset({1, 2})))
        return made[-1]

    yield make
    for made_one in made:
        made_one.close()


def _request(connection: socket.socket) -> bytes:
    """Read one request without a body. Raises OSError when there is none."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        more = connection.recv(4096)
        if not more:
            raise ConnectionError("no request")
        head += more
    return head


def _answers(*answers: bytes) -> Script:
    """One answer to each request, then the connection closes."""

    def script(connection: socket.socket) -> None:
        for answer in answers:
            _request(connection)
            connection.sendall(answer)

    return script


def _keeps(answer: bytes) -> Script:
    """The same answer for ever."""

    def script(connection: socket.socket) -> None:
        while True:
            _request(connection)
            connection.sendall(answer)

    return script


def _drip(prefix: bytes, forever: bytes) -> Script:
    """The prefix at once, then one byte every 50 ms for ever."""

    def script(connection: socket.socket) -> None:
        _request(connection)
        connection.sendall(prefix)
        pause = threading.Event()
        for byte in itertools.cycle(forever):
            pause.wait(0.05)
            connection.sendall(bytes([byte]))

    return script


def _silent(connection: socket.socket) -> None:
    connection.settimeout(None)
    while connection.recv(4096):
        pass


@pytest.mark.parametrize(
    "script",
    [
        _silent,
        _drip(b"", b"HTTP/1.1 200 OK"),
        _drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
        _drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        _drip(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b" "),
        _drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        _drip(b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    ],
    ids=["silent", "status line", "headers", "continue", "body", "chunks", "until close"],
)
def test_the_whole_exchange_ends_at_its_deadline(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], script: Script
) -> None:
    slow = supplier(scripted(script).url(), request_timeout_s=TIMEOUT_S)
    began = boottime()
    outcome = slow.ask(CARD)
    took = boottime() - began
    assert TIMEOUT_S - 0.01 <= took < TIMEOUT_S + LATE_S
    assert isinstance(outcome, Undelivered)
    assert outcome.connected
    assert outcome.malformed is None


def test_a_server_that_takes_nothing_is_left_at_the_deadline(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier]
) -> None:
    over = threading.Event()
    server = scripted(lambda _: over.wait(PATIENCE_S))
    slow = supplier(server.url(), request_timeout_s=TIMEOUT_S)
    body = {"error": {"detail": "x" * MORE_THAN_A_KERNEL_SENDS}}
    began = boottime()
    outcome = slow.deliver(Act(name=ActName.SUPPORT, key="k", lane="station", body=body), repeated=False)
    assert isinstance(outcome, Undelivered)
    assert outcome.connected
    assert boottime() - began < TIMEOUT_S + LATE_S
    over.set()


def test_a_name_look_up_that_hangs_ends_at_the_deadline(
    supplier: Callable[..., Supplier], monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    look_ups: list[object] = []

    def hang(*args: object, **_: object) -> list[object]:
        look_ups.append(args)
        over.wait(PATIENCE_S)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    slow = supplier("http://supplier.test/api/v2", request_timeout_s=TIMEOUT_S)
    began = boottime()
    outcomes: list[Outcome] = []
    askers = [threading.Thread(target=lambda: outcomes.append(slow.ask(CARD))) for _ in range(3)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(PATIENCE_S)
    assert boottime() - began < TIMEOUT_S + LATE_S
    assert [isinstance(outcome, Undelivered) and not outcome.connected for outcome in outcomes] == [True] * 3
    assert len(look_ups) == 1
    over.set()
    for thread in threading.enumerate():
        if thread.name == "supplier-names":
            thread.join(PATIENCE_S)


def test_without_any_time_nothing_is_tried(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier]
) -> None:
    server = scripted(_keeps(OK))
    outcome = supplier(server.url(), request_timeout_s=0.0).ask(CARD)
    assert isinstance(outcome, Undelivered)
    assert not outcome.connected
    assert server.connections == 0


@pytest.mark.parametrize("host", ["supplier.invalid", "x" * 64 + ".example", "a..b"])
def test_an_unknown_name_is_no_connection(supplier: Callable[..., Supplier], host: str) -> None:
    outcome = supplier(f"http://{host}/api/v2").ask(CARD)
    assert isinstance(outcome, Undelivered)
    assert not outcome.connected


def test_a_refused_connection_is_no_connection(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier]
) -> None:
    server = scripted(_silent)
    server.close()
    outcome = supplier(server.url()).ask(CARD)
    assert isinstance(outcome, Undelivered)
    assert not outcome.connected
    assert str(server.port) in outcome.reason


def test_an_address_that_does_not_answer_leaves_time_for_the_next(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = scripted(_answers(OK))
    # A listener whose queue is full answers no SYN, like an address behind a broken route.
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = [socket.socket() for _ in range(3)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(full.getsockname())
    addresses = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", full.getsockname()),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
    assert supplier(server.url("supplier.test"), request_timeout_s=1.0).ask(CARD) == Delivered(status=200)
    for one in [*waiting, full]:
        one.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 404 Not Found\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n",
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 16\r\n\r\n{}",
    ],
)
def test_what_breaks_off_or_is_no_http_is_a_broken_connection(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], answer: bytes
) -> None:
    outcome = supplier(scripted(_answers(answer)).url()).ask(CARD)
    assert isinstance(outcome, Undelivered)
    assert outcome.connected
    assert outcome.malformed is None
    assert CARD not in outcome.reason


def test_headers_that_are_none_do_not_bring_the_card_into_the_log(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], caplog: pytest.LogCaptureFixture
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nno header\r\nContent-Length: 16\r\n\r\n" + b'{"session":null}'
    assert supplier(scripted(_answers(answer)).url()).ask(CARD) == Delivered(status=200)
    assert CARD not in caplog.text


@pytest.mark.parametrize("location", [b"http://[", b"\xff", b"/" + b"x" * 9000])
@pytest.mark.parametrize("size", [0, 10**6])
def test_where_a_redirect_leads_is_not_looked_at(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], location: bytes, size: int
) -> None:
    answer = b"HTTP/1.1 307 There\r\nLocation: %s\r\nContent-Length: %d\r\n\r\n" % (location, size) + b" " * size
    outcome = supplier(scripted(_answers(answer)).url()).ask(CARD)
    assert isinstance(outcome, Undelivered)
    assert outcome.malformed is not None


def test_an_answer_is_not_unpacked(scripted: Callable[..., Scripted], supplier: Callable[..., Supplier]) -> None:
    packed = gzip.compress(b'{"session":null}')
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(packed), packed)
    outcome = supplier(scripted(_answers(answer)).url()).ask(CARD)
    assert isinstance(outcome, Undelivered)
    assert outcome.malformed is not None


@pytest.mark.parametrize(
    "start", [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"]
)
def test_a_flood_is_cut(scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], start: bytes) -> None:
    received: list[int] = []

    def flood(connection: socket.socket) -> None:
        _request(connection)
        with contextlib.suppress(OSError):
            while True:
                received.append(connection.send(start * 100))

    outcome = supplier(scripted(flood).url()).ask(CARD)
    assert isinstance(outcome, Undelivered)
    assert sum(received) < 20_000_000


@pytest.mark.parametrize(("size", "usable"), [(65536, True), (65537, False), (65 * 1024, False), (10**6, False)])
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_64_kib_of_an_answer_are_read(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], size: int, usable: bool, framing: str
) -> None:
    body = b'{"session":null}'.ljust(size)
    answer = {
        "length": b"Content-Length: %d\r\n\r\n%s" % (size, body),
        "chunked": b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (size, body),
        "close": b"Connection: close\r\n\r\n%s" % body,
    }[framing]
    asking = supplier(scripted(_answers(b"HTTP/1.1 200 OK\r\n" + answer)).url())
    outcome = asking.ask(CARD)
    if usable:
        assert outcome == Delivered(status=200)
    else:
        assert isinstance(outcome, Undelivered)
        assert outcome.malformed is not None
    assert asking.connection().reachable


def test_a_status_counts_even_if_its_body_breaks_off(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier]
) -> None:
    short = b"Content-Length: 99\r\n\r\nno"
    server = scripted(_answers(b"HTTP/1.1 200 OK\r\n" + short), _answers(b"HTTP/1.1 409 No\r\n" + short))
    telling = supplier(server.url())
    assert telling.deliver(START, repeated=False) == Delivered(status=200)
    outcome = telling.deliver(START, repeated=False)
    assert isinstance(outcome, Refused)
    assert outcome.problem.status == 409


def test_a_connection_is_used_again(scripted: Callable[..., Scripted], supplier: Callable[..., Supplier]) -> None:
    server = scripted(_keeps(OK))
    asking = supplier(server.url())
    for _ in range(3):
        assert asking.ask(CARD) == Delivered(status=200)
    assert server.connections == 1


def test_a_repeat_takes_a_new_connection(scripted: Callable[..., Scripted], supplier: Callable[..., Supplier]) -> None:
    server = scripted(_keeps(OK))
    telling = supplier(server.url())
    for repeated in (False, True):
        assert telling.deliver(START, repeated=repeated) == Delivered(status=200)
    assert server.connections == 2


def test_a_connection_that_was_idle_for_long_is_not_trusted(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = scripted(_keeps(OK))
    asking = supplier(server.url())
    asking.ask(CARD)
    later = boottime() + exchange.IDLE_S + 1
    monkeypatch.setattr(exchange, "boottime", lambda: later)
    monkeypatch.setattr(line, "boottime", lambda: later)
    assert asking.ask(CARD) == Delivered(status=200)
    assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        OK + b"unasked",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 16\r\n\r\n" + b'{"session":null}',
        b"HTTP/1.0 200 OK\r\n\r\n" + b'{"session":null}',
    ],
    ids=["closed later", "said more", "close", "HTTP/1.0"],
)
def test_a_connection_that_the_server_gave_up_is_not_used_again(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], answer: bytes
) -> None:
    server = scripted(_answers(answer))
    asking = supplier(server.url())
    for count in (1, 2, 3):
        assert asking.ask(CARD) == Delivered(status=200)
        assert server.connections == count
        _wait_until(lambda: not any(connection.is_connected for connection in _kept(asking)))


def test_the_final_answer_after_an_early_one_is_not_taken_for_the_next(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier]
) -> None:
    server = scripted(_keeps(b"HTTP/1.1 103 Early Hints\r\n\r\n"))
    asking = supplier(server.url())
    for count in (1, 2):
        asking.ask(CARD)
        assert server.connections == count


def test_an_interim_answer_does_not_leave_its_successor_to_the_next_request(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier]
) -> None:
    server = scripted(_keeps(b"HTTP/1.1 103 Early Hints\r\n\r\n"), _keeps(OK))
    asking = supplier(server.url())
    first = asking.ask(CARD)
    assert isinstance(first, Undelivered)
    assert first.malformed is not None
    assert asking.ask(CARD) == Delivered(status=200)
    assert server.connections == 2


def test_threads_do_not_wait_for_each_other(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier]
) -> None:
    together = threading.Barrier(3, timeout=PATIENCE_S)

    def meet(connection: socket.socket) -> None:
        _request(connection)
        together.wait()
        connection.sendall(OK)

    asking = supplier(scripted(meet).url())
    outcomes: list[Outcome] = []
    threads = [threading.Thread(target=lambda: outcomes.append(asking.ask(CARD))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert outcomes == [Delivered(status=200)] * 3


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n\r\n "], ids=["headers", "body until close"])
def test_close_cuts_what_is_under_way_and_ends_everything_after(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], start: bytes
) -> None:
    reached = threading.Event()

    def hang(connection: socket.socket) -> None:
        connection.recv(4096)  # of the request: it has a body too
        connection.sendall(start)
        reached.set()
        _silent(connection)

    asking = supplier(scripted(_keeps(OK), hang).url(), request_timeout_s=60.0)
    asking.ask(CARD)
    outcomes: list[Outcome] = []
    acquire = Act(name=ActName.ACQUIRE, key="k", lane="x", card=CARD)
    busy = threading.Thread(target=lambda: outcomes.append(asking.deliver(acquire, repeated=True)))
    busy.start()
    assert reached.wait(PATIENCE_S)
    asking.close()
    busy.join(PATIENCE_S)
    assert isinstance(outcomes[0], Undelivered)
    assert outcomes[0].connected
    after = asking.ask(CARD)
    assert isinstance(after, Undelivered)
    assert not after.connected
    asking.close()


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("http://Supplier.test", "supplier.test"),
        ("http://supplier.test:80", "supplier.test"),
        ("http://supplier.test:443", "supplier.test:443"),
        ("http://[::1]:8080", "[::1]:8080"),
    ],
)
def test_the_host_header_leaves_out_a_usual_port_only(
    scripted: Callable[..., Scripted],
    supplier: Callable[..., Supplier],
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    host: str,
) -> None:
    heads: list[bytes] = []

    def listen(connection: socket.socket) -> None:
        heads.append(_request(connection))
        connection.sendall(OK)

    server = scripted(listen)
    info = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [info])
    assert supplier(f"{address}/api/v2").ask(CARD) == Delivered(status=200)
    assert f"\r\nHost: {host}\r\n".encode() in heads[0]
    assert heads[0].startswith(b"GET /api/v2/stations/ST-42/session/04A1B2C3D4E5F6 HTTP/1.1\r\n")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA, a server's and a client's certificate in one folder, made with openssl."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*args: str) -> None:
        subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)

    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *ec, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test CA", "-days", "2",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
    for name, known_as in (("server", "IP:127.0.0.1"), ("client", "DNS:elsewhere.example")):
        openssl("req", *ec, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "ext").write_text(f"subjectAltName={known_as}\n", encoding="ascii")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.pem", "-days", "2", "-extfile", "ext")  # fmt: skip
    return folder


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
    server = scripted(_tls(certificates, _keeps(OK)))
    asking = supplier(server.url("127.0.0.1", "https"), ca_file=str(certificates / "ca.pem"))
    for _ in range(3):
        assert asking.ask(CARD) == Delivered(status=200)


@pytest.mark.parametrize(("name", "own_ca"), [("server", False), ("client", True)], ids=["other CA", "other name"])
def test_tls_with_somebody_else_is_no_exchange(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], certificates: Path, name: str, own_ca: bool
) -> None:
    server = scripted(_tls(certificates, _keeps(OK), name=name))
    ca = str(certificates / "ca.pem") if own_ca else ""
    outcome = supplier(server.url("127.0.0.1", "https"), ca_file=ca).ask(CARD)
    assert isinstance(outcome, Undelivered)
    assert "TLS" in outcome.reason
    assert outcome.connected


@pytest.mark.parametrize("certified", [True, False])
def test_a_client_certificate(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], certificates: Path, certified: bool
) -> None:
    server = scripted(_tls(certificates, _keeps(OK), client=True))
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
    script = _silent if stage == "handshake" else _tls(certificates, _drip(b"HTTP/1.1 200 OK\r\nX: ", b"x"))
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
        _request(connection)
        reached.set()
        _silent(connection)

    server = scripted(_tls(certificates, hang))
    asking = supplier(server.url("127.0.0.1", "https"), ca_file=str(certificates / "ca.pem"), request_timeout_s=60.0)
    outcomes: list[Outcome] = []
    busy = threading.Thread(target=lambda: outcomes.append(asking.ask(CARD)))
    busy.start()
    assert reached.wait(PATIENCE_S)
    asking.close()
    busy.join(PATIENCE_S)
    assert isinstance(outcomes[0], Undelivered)


def _kept(supplier: Supplier) -> list[Any]:
    """The connections that an exchange would use again."""
    adapter: Any = supplier._exchanger._kept
    return [connection for connection in adapter._pool.pool.queue if connection is not None]


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = boottime() + PATIENCE_S
    pause = threading.Event()
    while not condition():
        assert boottime() < deadline, "it did not happen in time"
        pause.wait(0.005)


def test_what_broke_a_connection_is_told_without_the_card_and_with_a_bound(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier]
) -> None:
    server = scripted(_answers(f"no card {CARD} here {'x' * 60_000}\r\n\r\n".encode()))
    outcome = supplier(server.url()).ask(CARD)
    assert isinstance(outcome, Undelivered)
    assert "no card ..E5F6 here xxx" in outcome.reason
    assert len(outcome.reason) <= 1024


def test_an_exchange_whose_time_was_over_before_it_could_leave_sends_nothing(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], tmp_path: Path
) -> None:
    """Its thread may have been abandoned while it hung, and what it carries been repeated and overtaken."""
    server = scripted(_keeps(OK))
    token = tmp_path / "token"
    os.mkfifo(token)
    asking = supplier(server.url(), token_file=str(token), request_timeout_s=0.2)
    outcomes: list[Outcome] = []
    busy = threading.Thread(target=lambda: outcomes.append(asking.deliver(START, repeated=False)))
    began = boottime()
    busy.start()
    with token.open("wb") as writer:  # opened, it waits for a line
        _wait_until(lambda: boottime() - began > 0.3)
        writer.write(b"secret")
    busy.join(PATIENCE_S)
    (outcome,) = outcomes
    assert isinstance(outcome, Undelivered)
    assert outcome.reason.startswith("nothing was sent to the supplier: the time for the whole exchange is over")
    assert not outcome.connected
    assert server.connections == 0


def _full() -> socket.socket:
    """A listener that lets nobody in any more: whoever connects waits."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    return listener


@pytest.mark.parametrize("stage", ["look-up", "connecting", "handshake"])
def test_close_cuts_a_connection_that_is_being_made(
    scripted: Callable[..., Scripted],
    supplier: Callable[..., Supplier],
    certificates: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
) -> None:
    reached, let_go = threading.Event(), threading.Event()
    real = socket.socket.connect
    with _full() as full, contextlib.ExitStack() as life:
        life.callback(let_go.set)
        for _ in range(2):
            waiting = life.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        if stage == "handshake":
            server = scripted(lambda _: (reached.set(), let_go.wait(30.0)))
            url = server.url("127.0.0.1", "https")
        else:
            url = f"http://127.0.0.1:{full.getsockname()[1]}/api/v2"

        def connect(sock: socket.socket, address: Any) -> None:
            if stage == "connecting":
                reached.set()
            real(sock, address)

        def look_up(*_: object, **__: object) -> None:
            reached.set()
            let_go.wait(PATIENCE_S)
            raise OSError("too late")

        monkeypatch.setattr(socket.socket, "connect", connect)
        if stage == "look-up":
            monkeypatch.setattr(socket, "getaddrinfo", look_up)
        asking = supplier(url, ca_file=str(certificates / "ca.pem"), request_timeout_s=60.0)
        outcomes: list[Outcome] = []
        busy = threading.Thread(target=lambda: outcomes.append(asking.ask(CARD)))
        busy.start()
        assert reached.wait(PATIENCE_S)
        asking.close()
        busy.join(PATIENCE_S)
        (outcome,) = outcomes
        assert isinstance(outcome, Undelivered)
        asking.probe()
        assert not asking.connection().reachable
