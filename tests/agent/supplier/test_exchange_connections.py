"""Exchanges over a connection that is kept: when it is used again, and when it is not."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from support.scripted import CARD, OK, PATIENCE_S, START, Scripted, answers, keeps, request, wait_until

from agent.answers import Delivered, Outcome, Undelivered
from agent.clock import boottime
from agent.supplier import Supplier, exchange, line


def test_a_connection_is_used_again(scripted: Callable[..., Scripted], supplier: Callable[..., Supplier]) -> None:
    server = scripted(keeps(OK))
    asking = supplier(server.url())
    for _ in range(3):
        assert asking.ask(CARD) == Delivered(status=200)
    assert server.connections == 1


def test_a_repeat_takes_a_new_connection(scripted: Callable[..., Scripted], supplier: Callable[..., Supplier]) -> None:
    server = scripted(keeps(OK))
    telling = supplier(server.url())
    for repeated in (False, True):
        assert telling.deliver(START, repeated=repeated) == Delivered(status=200)
    assert server.connections == 2


def test_a_connection_that_was_idle_for_long_is_not_trusted(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = scripted(keeps(OK))
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
    server = scripted(answers(answer))
    asking = supplier(server.url())
    for count in (1, 2, 3):
        assert asking.ask(CARD) == Delivered(status=200)
        assert server.connections == count
        wait_until(lambda: not any(connection.is_connected for connection in _kept(asking)))


def test_the_final_answer_after_an_early_one_is_not_taken_for_the_next(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier]
) -> None:
    server = scripted(keeps(b"HTTP/1.1 103 Early Hints\r\n\r\n"))
    asking = supplier(server.url())
    for count in (1, 2):
        asking.ask(CARD)
        assert server.connections == count


def test_an_interim_answer_does_not_leave_its_successor_to_the_next_request(
    scripted: Callable[..., Scripted], supplier: Callable[..., Supplier]
) -> None:
    server = scripted(keeps(b"HTTP/1.1 103 Early Hints\r\n\r\n"), keeps(OK))
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
        request(connection)
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


def _kept(supplier: Supplier) -> list[Any]:
    """The connections that an exchange would use again."""
    adapter: Any = supplier._exchanger._kept
    return [connection for connection in adapter._pool.pool.queue if connection is not None]
