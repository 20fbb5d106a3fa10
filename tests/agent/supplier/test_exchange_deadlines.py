"""Exchanges with servers that are slow, and closing amid one: each ends in time."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.scripted import (
    CARD,
    LATE_S,
    OK,
    PATIENCE_S,
    START,
    TIMEOUT_S,
    Script,
    Scripted,
    answers,
    drip,
    keeps,
    silent,
    wait_until,
)

from agent.answers import Delivered, Outcome, Undelivered
from agent.clock import boottime
from agent.effects import Act, ActName
from agent.supplier import Supplier

MORE_THAN_A_KERNEL_SENDS = 6_000_000
"""Bytes; tcp(7): at most 4 MiB wait to be sent (tcp_wmem). Much more would take its time to be put into JSON."""


@pytest.mark.parametrize(
    "script",
    [
        silent,
        drip(b"", b"HTTP/1.1 200 OK"),
        drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b" "),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        drip(b"HTTP/1.1 200 OK\r\n\r\n", b" "),
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
    server = scripted(keeps(OK))
    outcome = supplier(server.url(), request_timeout_s=0.0).ask(CARD)
    assert isinstance(outcome, Undelivered)
    assert not outcome.connected
    assert server.connections == 0


def test_an_address_that_does_not_answer_leaves_time_for_the_next(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = scripted(answers(OK))
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


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n\r\n "], ids=["headers", "body until close"])
def test_close_cuts_what_is_under_way_and_ends_everything_after(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], start: bytes
) -> None:
    reached = threading.Event()

    def hang(connection: socket.socket) -> None:
        connection.recv(4096)  # of the request: it has a body too
        connection.sendall(start)
        reached.set()
        silent(connection)

    asking = supplier(scripted(keeps(OK), hang).url(), request_timeout_s=60.0)
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


def test_an_exchange_whose_time_was_over_before_it_could_leave_sends_nothing(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], tmp_path: Path
) -> None:
    """Its thread may have been abandoned while it hung, and what it carries been repeated and overtaken."""
    server = scripted(keeps(OK))
    token = tmp_path / "token"
    os.mkfifo(token)
    asking = supplier(server.url(), token_file=str(token), request_timeout_s=0.2)
    outcomes: list[Outcome] = []
    busy = threading.Thread(target=lambda: outcomes.append(asking.deliver(START, repeated=False)))
    began = boottime()
    busy.start()
    with token.open("wb") as writer:  # opened, it waits for a line
        wait_until(lambda: boottime() - began > 0.3)
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
