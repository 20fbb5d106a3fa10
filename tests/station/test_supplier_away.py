"""A supplier that is down, slow or forgetful: drivers are not kept, nothing is lost and nothing is done twice."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from support.bench import BLUE, CARD, DARK, MAIN, OTHER, RED, Bench

from agent.simulator.records import Entry

Benches = Callable[..., Bench]

NONE_ACTIVE = b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def test_every_act_whose_answer_is_lost_is_repeated_under_its_key(bench: Bench) -> None:
    """One answer after the other is lost, from acquire to unlock."""
    to_lose = iter(["acquire", "lock", "start", "end", "pay", "unlock", ""])

    def lose_next() -> None:
        name = next(to_lose)
        if name:
            bench.supplier.inject("supplier-lost-answers", {"calls": [name], "times": 1})

    def heard(entry: Entry) -> None:
        if entry.repeat:
            lose_next()

    lose_next()
    bench.books.subscribe(heard)
    bench.start_session()
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    bench.settled()
    assert bench.books.view()["repeats"] == {"keys": 6, "sessions": 0}
    assert len(bench.sessions()) == len(bench.books.view()["payments"]) == 1
    assert len(bench.once("session-started")) == 1
    assert bench.once("session-ended")[0]["payment"] == "paid"
    lights = bench.acts("leds")
    assert [light["body"]["action"] for light in lights] == ["on", "flicker"]
    first_times = [act["name"] for act in bench.acts() if not act["repeat"]]
    assert first_times == ["acquire", "leds", "lock", "start", "end", "pay", "unlock", "leds"]


def test_a_vehicle_is_let_go_while_the_supplier_is_down(benches: Benches) -> None:
    bench = benches(driver_wait_s=2.0)
    bench.start_session()
    known = len(bench.calls())
    bench.supplier.inject("supplier-down")
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    assert bench.once("session-ended")[0]["payment"] == "owed"
    bench.wait(lambda: bench.bolt(1) == "unlocked")
    bench.wait(lambda: bench.owed()["supplier"] == 4)
    bench.wait(lambda: not bench.state()["supplier"]["reachable"])

    bench.supplier.clear("supplier-down")
    bench.wait(lambda: bench.once("session-settled"))
    bench.settled()
    (settled,) = bench.once("session-settled")
    assert settled == {"id": bench.sessions()[0]["id"], "payment": "paid"}
    # The white light is about now: it may be too late for it.
    assert bench.names(known) in (["end", "pay", "unlock"], ["end", "pay", "unlock", "leds"])
    bench.wait(lambda: bench.state()["supplier"]["reachable"])
    assert bench.refusals() == []


def test_a_supplier_that_is_down_turns_a_driver_away(benches: Benches) -> None:
    bench = benches(driver_wait_s=2.0)
    bench.supplier.inject("supplier-down")
    bench.tap()
    bench.wait(lambda: bench.refusals() == [(CARD, "supplier-unreachable")])
    bench.wait(lambda: bench.pixels(MAIN) == RED)
    bench.wait(lambda: bench.owed()["supplier"] == 0)
    bench.supplier.clear("supplier-down")
    bench.start_session()
    assert bench.names() == ["ask", "acquire", "leds", "lock", "start"]


@contextmanager
def answers_one_get() -> Iterator[str]:
    """A supplier that says `none active` once and is down before that has arrived; gives its URL."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        line, _ = listener.accept()
        while not line.recv(65536):  # somebody only looked whether anybody is there
            line.close()
            line, _ = listener.accept()
        with line:
            listener.close()
            line.sendall(NONE_ACTIVE)

    thread = threading.Thread(target=answer, name="one-get")
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/api/v2"
    thread.join(5)


def test_an_acquire_that_never_left_is_struck(benches: Benches) -> None:
    with answers_one_get() as url:
        bench = benches(url=url, driver_wait_s=2.0)
        bench.tap()
        bench.wait_line("has not done acquire yet")
        bench.wait(lambda: bench.owed()["supplier"] == 1)
        bench.wait(lambda: bench.refusals() == [(CARD, "supplier-unreachable")])
        bench.wait(lambda: bench.owed()["supplier"] == 0)


def test_an_acquire_that_may_have_arrived_is_repeated_and_given_back(benches: Benches) -> None:
    bench = benches(driver_wait_s=2.0)
    bench.supplier.inject("supplier-errors", {"calls": ["acquire"]})
    bench.tap()
    bench.wait(lambda: bench.refusals() == [(CARD, "supplier-unreachable")])
    bench.wait(lambda: bench.owed()["supplier"] == 1)
    bench.supplier.clear("supplier-errors")
    bench.wait(lambda: bench.sessions() and bench.sessions()[0]["stage"] == "ended")
    bench.settled()
    assert len({act["key"] for act in bench.acts("acquire")}) == 1
    assert {act["name"] for act in bench.acts()} == {"acquire", "end"}
    bench.wait(lambda: bench.slot(1)["status"] == "free")
    assert bench.pixels(8) == DARK


def test_a_new_start_waits_for_the_end_that_is_owed(benches: Benches) -> None:
    bench = benches(driver_wait_s=2.0)
    bench.start_session()
    bench.supplier.inject("supplier-errors", {"calls": ["end"]})
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    bench.wait(lambda: bench.slot(1)["status"] == "free")
    bench.tap()
    bench.wait(lambda: bench.refusals() == [(CARD, "previous-session-owed")])
    assert len(bench.acts("acquire")) == 1
    bench.supplier.clear("supplier-errors")
    bench.settled()
    assert [session["stage"] for session in bench.sessions()] == ["ended"]
    assert len(bench.books.view()["payments"]) == 1


def test_a_slow_supplier_for_one_driver_delays_no_other(benches: Benches) -> None:
    bench = benches(driver_wait_s=20, request_timeout_s=25)
    bench.supplier.inject("supplier-slow", {"calls": ["ask"], "times": 1, "seconds": 30})
    bench.tap(OTHER)
    bench.tap(CARD)
    bench.wait(lambda: bench.once("session-started"))
    assert bench.once("session-started")[0]["card"] == CARD
    assert bench.refusals() == [], "the first driver still waits"
    bench.supplier.clear("supplier-slow")
    bench.wait(lambda: len(bench.once("session-started")) == 2)
    bench.wait(lambda: bench.pixels(8) == bench.pixels(16) == BLUE)


@pytest.mark.parametrize("status", [408, 425, 429])
def test_what_may_be_repeated_is_repeated(bench: Bench, status: int) -> None:
    bench.supplier.inject("start-refused", {"status": status, "times": 1})
    bench.start_session()
    assert len(bench.acts("start")) == 2
    assert len({act["key"] for act in bench.acts("start")}) == 1


def test_a_rejected_station_says_so_and_its_retry_clears_that(bench: Bench) -> None:
    bench.supplier.inject("start-refused", {"status": 401, "times": 1})
    bench.start_session()
    bench.wait(lambda: bench.once("back-in-service"))
    (faulted,) = bench.once("faulted")
    assert faulted["error"]["code"] == "StationRejected"
    bench.wait(lambda: bench.faults() == [])
    assert len(bench.acts("start")) == 2
    assert len({act["key"] for act in bench.acts("start")}) == 1
    bench.wait(lambda: bench.slot(1)["status"] == "charging")
