"""Bolts that jam: what cannot be locked is given back, what cannot be opened calls for help, the other slot works."""

from collections.abc import Callable

from support.bench import BLUE, CARD, DARK, OTHER, RED, Bench

Benches = Callable[..., Bench]


def test_a_lock_that_does_not_confirm_three_times_is_out_of_order(benches: Benches) -> None:
    bench = benches(move_timeout_ms=150)
    bench.world.set_fault("lock-jammed-1", True)
    for visit in (1, 2, 3):
        bench.tap()
        bench.wait_refused(visit)
        bench.wait(lambda: bench.slot(1)["status"] != "ending")
        bench.settled()
    assert bench.refusals() == [(CARD, "lock-failed")] * 3
    assert bench.names()[:8] == ["ask", "acquire", "leds", "end", "leds", "ask", "acquire", "leds"]
    assert "lock" not in bench.names()
    assert "pay" not in bench.names()
    assert [session["stage"] for session in bench.sessions()] == ["ended"] * 3

    bench.wait(lambda: bench.faults() == ["LockFailed 1"])
    bench.wait(lambda: bench.slot(1)["status"] == "out-of-order")
    bench.wait(lambda: bench.pixels(8) == RED)
    bench.wait(lambda: bench.state()["available"])  # only the slot is out of order
    assert bench.once("out-of-order")[0]["code"] == "LockFailed"
    bench.settled()
    assert bench.acts("support")[0]["body"]["error"]["slotNumber"] == 1
    (slot, _) = bench.books.view()["slots"]
    assert slot["light"] == {"action": "on", "color": "red"}, "the supplier's last word on it"

    bench.start_session()
    bench.wait(lambda: bench.slot(2)["status"] == "charging")
    bench.wait(lambda: bench.pixels(16) == BLUE and bench.pixels(8) == RED)
    assert (bench.bolt(1), bench.bolt(2)) == ("unlocked", "locked")


def test_one_confirmed_lock_starts_the_count_anew(benches: Benches) -> None:
    bench = benches(move_timeout_ms=150)
    for jammed in (True, True, False, True):
        bench.world.set_fault("lock-jammed-1", jammed)
        if jammed:
            known = len(bench.refusals())
            bench.tap()
            bench.wait_refused(known + 1)
        else:
            bench.start_session()
            bench.tap()
        bench.wait(lambda: bench.slot(1)["status"] == "free")
    assert bench.once("faulted") == []


def test_a_bolt_that_does_not_open_calls_for_help_and_opens_when_it_can(benches: Benches) -> None:
    bench = benches(move_timeout_ms=150)
    session = bench.start_session()
    bench.world.set_fault("lock-jammed-1", True)
    bench.tap()
    bench.wait(lambda: bench.faults() == ["UnlockFailed 1"])
    bench.wait(lambda: bench.acts("support"))
    assert bench.bolt(1) == "locked"
    bench.wait(lambda: bench.pixels(8) == RED)
    assert bench.once("session-ended") == []

    bench.tap()
    bench.wait_line("not unlocked after 2 attempts", 2)
    bench.wait(lambda: bench.faults() == ["UnlockFailed 1"])
    bench.settled()
    assert len(bench.acts("support")) == 1, "at most once in ten minutes"
    assert len(bench.acts("end")) == 1, "GET and end are not asked again"

    bench.world.set_fault("lock-jammed-1", False)
    bench.wait(lambda: bench.once("session-ended"))
    assert bench.once("session-ended") == [
        {"id": session, "card": CARD, "slotNumber": 1, "payment": "paid", "endedBy": "card"}
    ]
    bench.wait(lambda: bench.faults() == [])
    bench.wait(lambda: bench.bolt(1) == "unlocked")
    bench.wait(lambda: bench.slot(1)["status"] == "free")
    bench.settled()
    assert len(bench.once("out-of-order")) == len(bench.once("back-in-service")) == 1
    bench.wait(lambda: bench.pixels(8) == DARK)
    bench.start_session(OTHER)


def test_an_unlock_that_needs_a_second_attempt_is_nobodys_business(bench: Bench) -> None:
    bench.start_session()
    bench.world.set_fault("lock-jammed-1", True)
    bench.tap()
    bench.wait_line("not unlocked after attempt 1")
    bench.world.set_fault("lock-jammed-1", False)
    bench.wait(lambda: bench.once("session-ended"))
    assert bench.once("faulted") == []
    assert bench.acts("support") == []


def test_a_bolt_that_is_forced_is_told_and_not_moved_back(benches: Benches) -> None:
    bench = benches()
    bench.start_session()
    bench.start_session(OTHER)
    held = bench.lines[-1]
    bench.world.set_fault("lock-forced-1", True)
    bench.wait(lambda: bench.faults() == ["LockForced 1"])
    bench.wait(lambda: bench.pixels(8) == RED and bench.pixels(16) == BLUE)
    assert bench.slot(1)["status"] == "charging"
    assert bench.lines[-1] == held
    bench.settled()
    assert bench.acts("support")[0]["body"]["error"]["code"] == "LockForced"
    bench.kill()
    bench.start()
    assert bench.faults() == ["LockForced 1"]
    assert bench.bolt(1) == "unlocked"
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    bench.wait(lambda: bench.once("back-in-service"))
    assert bench.faults() == ["LockSensor 1"]  # it was driven, and its sensor had nothing to show
    bench.wait(lambda: bench.pixels(8) == DARK)
    assert bench.slot(2)["status"] == "charging"
