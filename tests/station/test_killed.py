"""kill -9 at any moment of a stay: the same end as an unbroken run, nothing doubled, no bolt dropped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.bench import BLUE, CARD, DARK, Bench

Trigger = tuple[str, str]
"""What to wait for: a `call` that came to the supplier and is not answered, a `line` of the log, or a `bolt`."""


@contextmanager
def killed(bench: Bench, trigger: Trigger) -> Iterator[None]:
    """The agent is killed at the trigger's moment, in the thread that sees it, and is started again afterwards."""
    kind, name = trigger
    struck: list[str] = []

    def strike(_: object) -> None:
        if not struck:
            struck.append(name)
            bench.kill_now()

    def on_line(line: str) -> None:
        if name in line:
            strike(line)

    def on_world(snapshot: Any) -> None:
        if snapshot["slots"][0]["bolt"] == name:
            strike(name)

    if kind == "call":
        bench.on_call(name, strike)
    elif kind == "line":
        bench.on_line = on_line
    else:
        bench.on_world = on_world
    yield
    assert bench.died() == -9, f"never came to {trigger}"
    bench.on_line = lambda _: None
    bench.on_world = lambda _: None
    bench.world.show([DARK] * 24, 0.0)
    bench.start()


def bring(bench: Bench) -> None:
    """Hold the card to the reader until the agent dies of it."""
    bench.away()
    bench.world.place(CARD)
    bench.wait(lambda: not bench.running)
    bench.world.remove(CARD)


STARTS = [
    ("call", "ask"),
    ("call", "acquire"),
    ("line", "slot 1 is starting"),
    ("bolt", "between"),
    ("bolt", "locked"),
    ("line", "slot 1 is charging"),
    ("call", "leds"),
    ("call", "lock"),
    ("call", "start"),
    ("line", "event session-started"),
]
ENDS = [
    ("call", "ask"),
    ("call", "end"),
    ("call", "pay"),
    ("line", "slot 1 is ending"),
    ("bolt", "between"),
    ("bolt", "unlocked"),
    ("line", "event session-ended"),
    ("call", "unlock"),
    ("call", "leds"),
    ("line", "slot 1 is free"),
]
DRIVER_GONE = (("call", "ask"), ("call", "acquire"))


@pytest.mark.parametrize(("start", "end"), list(zip(STARTS, ENDS, strict=True)), ids=" ".join)
def test_a_stay_that_is_cut_short_twice_ends_like_any_other(bench: Bench, start: Trigger, end: Trigger) -> None:
    with killed(bench, start):
        bring(bench)
    if start in DRIVER_GONE:
        bench.wait(lambda: bench.slot(1)["status"] == "free")
        bench.settled()
        assert bench.bolt(1) == "unlocked"
        bench.start_session()
    charging(bench)
    free_again = len(bench.lines)
    with killed(bench, end):
        bring(bench)
    if end == ("call", "ask"):
        bench.wait(lambda: bench.slot(1)["status"] == "charging")  # a tap killed before its commit never happened
        charging(bench)
        bench.tap()
    over(bench)
    assert all(lines["17"] == 1 for lines in held(bench, free_again)), "the held bolt was never let go"


def charging(bench: Bench) -> None:
    """One session, its bolt locked, its light blue, and the supplier knows everything."""
    bench.wait(lambda: bench.slot(1)["status"] == "charging" and bench.once("session-started"))
    bench.settled()
    session = next(session for session in bench.sessions() if session["stage"] != "ended")
    assert session["stage"] == "started"
    assert bench.once("session-started") == [{"id": session["id"], "card": CARD, "slotNumber": 1}]
    assert bench.bolt(1) == "locked"
    bench.wait(lambda: bench.pixels(8) == BLUE)
    assert all(other["stage"] == "ended" for other in bench.sessions() if other != session)
    assert len(bench.once("refused")) == len(bench.sessions()) - 1


def over(bench: Bench) -> None:
    """The vehicle is free, and was paid for once."""
    bench.wait(lambda: bench.once("session-ended"))
    bench.wait(lambda: bench.slot(1)["status"] == "free" and bench.bolt(1) == "unlocked")
    bench.settled()
    (started,) = bench.once("session-started")
    (ended,) = bench.once("session-ended")
    assert (ended["id"], ended["endedBy"]) == (started["id"], "card")
    payments = [ended["payment"], *(data["payment"] for data in bench.once("session-settled"))]
    assert payments in (["paid"], ["owed", "paid"])
    assert [payment["session"] for payment in bench.books.view()["payments"]] == [started["id"]]
    assert all(session["stage"] == "ended" for session in bench.sessions())
    assert bench.books.view()["slots"][0]["lock"] == "unlocked"
    for name in ("start", "end", "pay", "lock", "unlock"):
        mine = [act for act in bench.acts(name) if act["session"] in ("", started["id"])]
        assert len({act["key"] for act in mine}) == 1, f"{name} was done twice"
    bench.wait(lambda: bench.pixels(8) == DARK)


def held(bench: Bench, since: int) -> list[dict[str, int]]:
    """The lines from when the bolt was locked until the end wanted it open."""
    lines = bench.lines[since - 1 :]
    let_go = next(number for number, each in enumerate(lines) if each.get("17") != 1)
    return lines[:let_go]


def test_a_clean_stop_keeps_the_bolt_and_comes_back_blue(bench: Bench) -> None:
    bench.start_session()
    known = len(bench.lines)
    assert bench.stop() == 0
    assert bench.bolt(1) == "locked"
    assert all(bench.pixels(first) == DARK for first in (0, 8, 16)), "the strip is dark"
    bench.listener.wait_for(lambda heard: b"offline" in heard[-1].payload)
    bench.start()
    bench.wait(lambda: bench.pixels(8) == BLUE)
    assert bench.bolt(1) == "locked"
    assert all(lines["17"] == 1 for lines in bench.lines[known - 1 :]), "no low edge on a held lock's line"
    bench.wait(lambda: bench.slot(1)["session"]["card"] == "..E5F6")


def test_an_offline_end_is_delivered_after_a_restart(benches: Callable[..., Bench]) -> None:
    bench = benches(driver_wait_s=2.0)
    bench.start_session()
    bench.supplier.inject("supplier-down")
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    bench.kill()
    bench.supplier.clear("supplier-down")
    bench.start()
    bench.wait(lambda: bench.once("session-settled"))
    bench.settled()
    assert bench.names()[5:8] == ["end", "pay", "unlock"]
    assert [data["payment"] for data in bench.once("session-settled")] == ["paid"]
    assert len(bench.once("session-ended")) == 1


def test_a_fault_is_kept_and_support_is_not_called_again(bench: Bench) -> None:
    error = {"code": "GroundFailure", "title": "Ground Failure", "detail": "40 mA", "slotNumber": 2}
    bench.inbox("com.ev-power-supplier.charging-station.faulted.v1", {"error": error})
    bench.wait(lambda: bench.once("out-of-order"))
    bench.settled()
    bench.kill()
    bench.start()
    bench.wait(lambda: bench.pixels(16) == (128, 0, 0))
    bench.wait(lambda: bench.faults() == ["GroundFailure 2"])
    bench.settled()
    assert [act["name"] for act in bench.acts() if not act["repeat"]] == ["support", "leds"]
    assert len(bench.books.view()["tickets"]) == 1
    assert len(bench.once("out-of-order")) == 1
