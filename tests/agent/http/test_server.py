"""The simulators' small HTTP server, byte by byte where it matters."""

import contextlib
import logging
import shutil
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from support.certificates import make_ca, make_certificate

from agent.http import conversation
from agent.http import server as http
from agent.http.limits import Limits
from agent.http.messages import Answer, Raw, Reply, Request, Route, Stream, json_answer
from agent.http.server import CannotListen, Manners, Server, parse_listen
from agent.tls import ServerTls

PATIENCE_S = 5.0


class _Named(msgspec.Struct):
    name: str


def _hello(request: Request) -> Reply:
    return json_answer({"path": request.path, "query": dict(request.query), **request.params})


def _named(request: Request) -> Reply:
    return json_answer({"hello": request.json(_Named).name})


def _mistake(request: Request) -> Reply:
    raise RuntimeError(request.path)


def _ticks(stopping: threading.Event) -> Iterable[bytes]:
    yield b"data: 1\n\n"
    stopping.wait(PATIENCE_S)
    yield b"data: end\n\n"


ROUTES = [
    Route("GET", "/hello/{name}", _hello),
    Route("POST", "/hello/{name}", _named),
    Route("GET", "/hello/fixed/more", _hello),
    Route("GET", "/mistake", _mistake),
    Route("GET", "/nothing", lambda _: Answer(status=204)),
    Route("GET", "/ticks", lambda _: Stream(chunks=_ticks, content_type="text/event-stream")),
]


@pytest.fixture(params=["127.0.0.1:0", "[::1]:0"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(ROUTES, request.param, "small")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def line(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection((server.host, server.port), timeout=PATIENCE_S) as line:
        yield line


def _exchange(line: socket.socket, request: bytes) -> bytes:
    """Send and read until the other end closes."""
    line.sendall(request)
    received = b""
    while more := line.recv(65536):
        received += more
    return received


def _get(target: str, more: str = "Connection: close\r\n", method: str = "GET") -> bytes:
    return f"{method} {target} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode("latin-1")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("/hello/you", b'{"path": "/hello/you", "query": {}, "name": "you"}'),
        ("/hello/a%2Fb?q=1&r=%20", b'"query": {"q": "1", "r": " "}, "name": "a/b"}'),
        ("/hello/fixed/more", b'{"path": "/hello/fixed/more", "query": {}}'),
        ("/hello/", b'"status": 404'),
        ("/hello", b'"status": 404'),
        ("/hello/x/more", b'"status": 404'),
    ],
)
def test_routes(line: socket.socket, target: str, said: bytes) -> None:
    assert said in _exchange(line, _get(target))


def test_a_connection_is_kept_and_answers_stay_in_step(line: socket.socket) -> None:
    received = _exchange(
        line,
        b'POST /hello/x HTTP/1.1\r\nContent-Length: 14\r\n\r\n{"name":"you"}'
        + _get("/nothing", "")
        + _get("/hello/x", method="DELETE", more="")
        + _get("/hello/last"),
    )
    answers = received.split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers] == [b"200", b"204", b"405", b"200"]
    assert answers[0].endswith(b'{"hello": "you"}')
    assert b"Content-Length" not in answers[1]
    assert b"Allow: GET, POST\r\n" in answers[2]
    assert b"Connection: keep-alive" in answers[0]
    assert b"Connection: close" in answers[3]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"505"),
        (b"GET /".ljust(65537, b"x"), b"414"),
        (_get("/", "X: " + "y" * 65534 + "\r\n"), b"431"),
        (_get("/hello/x", "Content-Length: many\r\n", "POST"), b"400"),
        (_get("/hello/x", "Content-Length: -1\r\n", "POST"), b"400"),
        (_get("/hello/x", "Content-Length: 65537\r\n", "POST"), b"413"),
        (_get("/hello/x", "Content-Length: " + "9" * 5000 + "\r\n", "POST"), b"413"),
        (_get("/hello/x", "Transfer-Encoding: chunked\r\n", "POST"), b"411"),
    ],
)
def test_what_is_out_of_bounds_is_a_problem_and_ends_the_connection(
    line: socket.socket, request_: bytes, status: bytes
) -> None:
    received = _exchange(line, request_)
    assert received.splitlines()[0].split()[1] == status
    assert b"application/problem+json" in received
    assert b"Connection: close" in received


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"name": 1}', b"[" * 60_000])
def test_a_body_that_does_not_do_is_a_problem(line: socket.socket, body: bytes) -> None:
    head = f"POST /hello/x HTTP/1.1\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode("ascii")
    assert _exchange(line, head + body).startswith(b"HTTP/1.1 400 ")


def test_a_handler_without_a_way_on_is_seen_in_the_log(
    line: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_reply: Answer, **_: bool) -> bytes:
        raise RuntimeError("cannot render")

    monkeypatch.setattr(conversation, "rendered", broken)
    with caplog.at_level(logging.ERROR):
        assert _exchange(line, _get("/nothing")) == b""
    assert "cannot render" in caplog.text


def test_a_request_that_ends_early_is_not_answered(line: socket.socket) -> None:
    line.sendall(b"POST /hello/x HTTP/1.1\r\nContent-Length: 14\r\n\r\n{")
    line.shutdown(socket.SHUT_WR)
    assert line.recv(1) == b""


def test_an_unknown_method_is_no_server_error(line: socket.socket) -> None:
    assert _exchange(line, _get("/mistake", method="BREW")).startswith(b"HTTP/1.1 405 ")


def test_head_gets_no_body(line: socket.socket) -> None:
    assert _exchange(line, _get("/nothing", method="HEAD")).endswith(b"\r\n\r\n")


def test_a_handlers_mistake_is_told_and_does_not_end_the_conversation(
    line: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        received = _exchange(line, _get("/mistake", "") + _get("/hello/you"))
    assert received.startswith(b"HTTP/1.1 500 ")
    assert b'"name": "you"' in received
    assert "GET /mistake failed" in caplog.text
    assert "RuntimeError" in caplog.text


def test_a_stream_runs_until_the_server_stops(server: Server, line: socket.socket) -> None:
    line.sendall(_get("/ticks"))
    received = b""
    while b"data: 1\n\n" not in received:
        received += line.recv(4096)
    assert b"Content-Type: text/event-stream\r\n" in received
    assert b"Content-Length" not in received
    server.stop()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("small-http")]


def test_a_stream_whose_listener_leaves_ends() -> None:
    gone = threading.Event()

    def endless(stopping: threading.Event) -> Iterable[bytes]:
        try:
            while not stopping.wait(0.001):
                yield b"x" * 65536
        finally:
            gone.set()

    small = Server([Route("GET", "/", lambda _: Stream(chunks=endless, content_type="x/y"))], "127.0.0.1:0", "e")
    small.start()
    with socket.create_connection((small.host, small.port), timeout=PATIENCE_S) as line:
        line.sendall(_get("/"))
        line.recv(1)
    assert gone.wait(PATIENCE_S)
    small.stop()


@contextmanager
def bounded(**limits: float) -> Iterator[tuple[str, int]]:
    """The address of a server with these limits."""
    server = Server(ROUTES, "127.0.0.1:0", "bounded", Manners(limits=Limits(**limits)))  # type: ignore[arg-type]
    server.start()
    yield server.host, server.port
    server.stop()


def test_too_many_connections_are_turned_away() -> None:
    with bounded(connections=2) as address, socket.create_connection(address, timeout=PATIENCE_S) as first:
        first.sendall(_get("/nothing", ""))
        first.recv(4096)
        with socket.create_connection(address, timeout=PATIENCE_S) as second:
            second.sendall(_get("/nothing", ""))
            assert b"Connection: close" in second.recv(4096), "places are rare"
        assert _exchange(first, _get("/hello/you")).startswith(b"HTTP/1.1 200")
    with bounded(connections=1) as address, socket.create_connection(address, timeout=PATIENCE_S) as first:
        first.sendall(b"GET ")
        with socket.create_connection(address, timeout=PATIENCE_S) as second:
            assert second.recv(1) == b""
        assert _exchange(first, b"/hello/you HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_a_caller_for_whom_there_is_no_thread_is_hung_up_on_and_the_next_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with bounded() as address:
        with monkeypatch.context() as patch:
            patch.setattr(http.threading.Thread, "start", _no_thread)
            with socket.create_connection(address, timeout=PATIENCE_S) as first:
                assert first.recv(1) == b""
        with socket.create_connection(address, timeout=PATIENCE_S) as second:
            assert _exchange(second, _get("/hello/you")).startswith(b"HTTP/1.1 200")


def _no_thread(_self: object) -> None:
    raise RuntimeError("can't start new thread")


def test_who_says_a_byte_now_and_then_keeps_no_place(caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        bounded(request_s=0.2) as address,
        socket.create_connection(address, timeout=PATIENCE_S) as line,
        contextlib.suppress(ConnectionError),
    ):
        line.settimeout(0.01)
        while not caplog.records:
            line.sendall(b"G")
            with contextlib.suppress(TimeoutError):
                assert line.recv(1) == b""
    assert "takes too long" in caplog.text or "timed out" in caplog.text


def test_who_takes_nothing_of_an_answer_keeps_no_place() -> None:
    gone = threading.Event()

    def endless(stopping: threading.Event) -> Iterable[bytes]:
        try:
            while not stopping.is_set():
                yield b"x" * 65536
        finally:
            gone.set()

    routes = [Route("GET", "/", lambda _: Stream(chunks=endless, content_type="x/y"))]
    server = Server(routes, "127.0.0.1:0", "e", Manners(limits=Limits(answer_s=0.1)))
    server.start()
    with socket.create_connection((server.host, server.port), timeout=PATIENCE_S) as line:
        line.sendall(_get("/"))
        assert gone.wait(PATIENCE_S)
    server.stop()


def test_headers_have_a_bound_altogether() -> None:
    many = "".join(f"X-{number}: {'y' * 1000}\r\n" for number in range(90))
    for asked in (_get("/hello/you", many)[:60_000], b"GET /" + b"x" * 60_000):
        with bounded(request_size=20_000) as address, socket.create_connection(address, timeout=PATIENCE_S) as line:
            assert line.send(asked)
            assert line.recv(4096).startswith(b"HTTP/1.1 431 ")


def test_only_a_server_that_misbehaves_sends_what_is_no_http(caplog: pytest.LogCaptureFixture) -> None:
    for misbehaves, answered in ((True, b"odd"), (False, b"HTTP/1.1 500 ")):
        routes = [Route("GET", "/", lambda _: Raw(chunks=lambda _: [b"odd"]))]
        server = Server(routes, "127.0.0.1:0", "raw", Manners(misbehaves=misbehaves))
        server.start()
        with socket.create_connection((server.host, server.port), timeout=PATIENCE_S) as line:
            assert _exchange(line, _get("/")).startswith(answered)
        server.stop()
    assert "nothing but HTTP" in caplog.text


def test_a_connection_that_cannot_be_accepted_does_not_end_the_server(
    server: Server, line: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    def no_more_files(_self: object) -> None:
        tried.set()
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(http._Listener, "get_request", no_more_files)
        line.close()
        socket.create_connection((server.host, server.port), timeout=PATIENCE_S).close()
        assert tried.wait(PATIENCE_S)
    with socket.create_connection((server.host, server.port), timeout=PATIENCE_S) as later:
        assert _exchange(later, _get("/hello/you")).startswith(b"HTTP/1.1 200")


def test_starting_and_stopping_again_keeps_the_port(server: Server) -> None:
    port = server.port
    for _ in range(2):
        server.start()
        server.stop()
        server.stop()
        server.start()
        assert server.port == port
        with socket.create_connection((server.host, port), timeout=PATIENCE_S) as line:
            assert _exchange(line, _get("/hello/you")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("listen", "address"),
    [("127.0.0.1:8080", ("127.0.0.1", 8080)), ("[::1]:0", ("::1", 0)), ("localhost:65535", ("localhost", 65535))],
)
def test_addresses_to_listen_on(listen: str, address: tuple[str, int]) -> None:
    assert parse_listen(listen) == address


@pytest.mark.parametrize("listen", ["", "8080", ":8080", "host", "host:", "host:x", "host:65536", "host:-1"])
def test_addresses_nobody_can_listen_on(listen: str) -> None:
    with pytest.raises(CannotListen, match="HOST:PORT"):
        parse_listen(listen)


@pytest.mark.parametrize("listen", ["192.0.2.1:0", "supplier.invalid:0"])
def test_addresses_that_are_not_here(listen: str) -> None:
    with pytest.raises(CannotListen, match="Cannot listen"):
        Server([], listen, "small").start()


@pytest.mark.parametrize("asked", [b"GET /x " + b"\x01 " * 30_000, _get("/" + "x" * 60_000, method="\x01" * 3000)])
def test_nobody_is_told_again_all_that_he_said(line: socket.socket, asked: bytes) -> None:
    assert 0 < len(_exchange(line, asked + b"\r\n\r\n")) < 2000


def test_what_is_wrong_with_a_body_is_said_in_short(line: socket.socket) -> None:
    body = b'{"name": ' + b'"\\u0001' * 5000
    asked = b"POST /hello/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b"
    assert len(_exchange(line, asked % (len(body), body))) < 2000


def test_a_server_without_a_certificate_says_so_once_and_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tls = ServerTls(str(tmp_path / "none.pem"), str(tmp_path / "none.key"))
    server = Server(ROUTES, "127.0.0.1:0", "secured", Manners(tls=tls.context))
    server.start()
    address = (server.host, server.port)
    for _ in range(2):
        with socket.create_connection(address, PATIENCE_S) as line, contextlib.suppress(ConnectionError):
            assert line.recv(1) == b""
    assert caplog.text.count("nobody can be answered over TLS: cert_file") == 1
    certificate = make_certificate(make_ca(tmp_path), "late", "DNS:localhost,IP:127.0.0.1")
    shutil.copy(certificate, tmp_path / "none.pem")
    shutil.copy(f"{certificate}.key", tmp_path / "none.key")
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    with context.wrap_socket(socket.create_connection(address, PATIENCE_S), server_hostname="127.0.0.1") as secured:
        assert _exchange(secured, _get("/hello/you")).startswith(b"HTTP/1.1 200")
    with context.wrap_socket(socket.create_connection(address, PATIENCE_S), server_hostname="127.0.0.1") as idle:
        server.stop()
        assert idle.recv(1) == b"", "who says nothing is hung up on at once"
