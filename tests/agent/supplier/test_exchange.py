"""Exchanges with servers that are broken, greedy or not there at all."""

import contextlib
import gzip
import socket
from collections.abc import Callable

import pytest
from support.scripted import (
    CARD,
    OK,
    START,
    Scripted,
    answers,
    request,
    silent,
)

from agent.answers import Delivered, Refused, Undelivered
from agent.supplier import Supplier


@pytest.mark.parametrize("host", ["supplier.invalid", "x" * 64 + ".example", "a..b"])
def test_an_unknown_name_is_no_connection(supplier: Callable[..., Supplier], host: str) -> None:
    outcome = supplier(f"http://{host}/api/v2").ask(CARD)
    assert isinstance(outcome, Undelivered)
    assert not outcome.connected


def test_a_refused_connection_is_no_connection(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier]
) -> None:
    server = scripted(silent)
    server.close()
    outcome = supplier(server.url()).ask(CARD)
    assert isinstance(outcome, Undelivered)
    assert not outcome.connected
    assert str(server.port) in outcome.reason


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
    outcome = supplier(scripted(answers(answer)).url()).ask(CARD)
    assert isinstance(outcome, Undelivered)
    assert outcome.connected
    assert outcome.malformed is None
    assert CARD not in outcome.reason


def test_headers_that_are_none_do_not_bring_the_card_into_the_log(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], caplog: pytest.LogCaptureFixture
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nno header\r\nContent-Length: 16\r\n\r\n" + b'{"session":null}'
    assert supplier(scripted(answers(answer)).url()).ask(CARD) == Delivered(status=200)
    assert CARD not in caplog.text


@pytest.mark.parametrize("location", [b"http://[", b"\xff", b"/" + b"x" * 9000])
@pytest.mark.parametrize("size", [0, 10**6])
def test_where_a_redirect_leads_is_not_looked_at(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], location: bytes, size: int
) -> None:
    answer = b"HTTP/1.1 307 There\r\nLocation: %s\r\nContent-Length: %d\r\n\r\n" % (location, size) + b" " * size
    outcome = supplier(scripted(answers(answer)).url()).ask(CARD)
    assert isinstance(outcome, Undelivered)
    assert outcome.malformed is not None


def test_an_answer_is_not_unpacked(scripted: Callable[..., Scripted], supplier: Callable[..., Supplier]) -> None:
    packed = gzip.compress(b'{"session":null}')
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(packed), packed)
    outcome = supplier(scripted(answers(answer)).url()).ask(CARD)
    assert isinstance(outcome, Undelivered)
    assert outcome.malformed is not None


@pytest.mark.parametrize(
    "start", [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"]
)
def test_a_flood_is_cut(scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], start: bytes) -> None:
    received: list[int] = []

    def flood(connection: socket.socket) -> None:
        request(connection)
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
    asking = supplier(scripted(answers(b"HTTP/1.1 200 OK\r\n" + answer)).url())
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
    server = scripted(answers(b"HTTP/1.1 200 OK\r\n" + short), answers(b"HTTP/1.1 409 No\r\n" + short))
    telling = supplier(server.url())
    assert telling.deliver(START, repeated=False) == Delivered(status=200)
    outcome = telling.deliver(START, repeated=False)
    assert isinstance(outcome, Refused)
    assert outcome.problem.status == 409


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
        heads.append(request(connection))
        connection.sendall(OK)

    server = scripted(listen)
    info = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [info])
    assert supplier(f"{address}/api/v2").ask(CARD) == Delivered(status=200)
    assert f"\r\nHost: {host}\r\n".encode() in heads[0]
    assert heads[0].startswith(b"GET /api/v2/stations/ST-42/session/04A1B2C3D4E5F6 HTTP/1.1\r\n")


def test_what_broke_a_connection_is_told_without_the_card_and_with_a_bound(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier]
) -> None:
    server = scripted(answers(f"no card {CARD} here {'x' * 60_000}\r\n\r\n".encode()))
    outcome = supplier(server.url()).ask(CARD)
    assert isinstance(outcome, Undelivered)
    assert "no card ..E5F6 here xxx" in outcome.reason
    assert len(outcome.reason) <= 1024
