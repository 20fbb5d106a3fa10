"""Cards in the emulated field: what is a tap, what is not, and a reader that fails and comes back."""

from collections.abc import Callable
from datetime import UTC, datetime

from support.bench import CARD, DARK, MAIN, OTHER, RED, THIRD, WHITE, Bench

from agent.clock import boottime

Benches = Callable[..., Bench]


def test_whole_uids_of_every_length_reach_the_supplier(bench: Bench) -> None:
    cards = ["DEAD4711", "04A1B2C3D4E5F6", "04112233445566778899"]
    for card in cards:
        known = bench.names().count("ask")
        bench.tap(card)
        bench.wait(lambda known=known: bench.names().count("ask") > known)
    asked = [call["card"] for call in bench.books.view()["calls"] if call["name"] == "ask"]
    assert asked == cards
    bench.wait(lambda: len(bench.once("session-started")) == 2)


def test_a_resting_card_is_one_tap(bench: Bench) -> None:
    bench.hold()
    bench.wait(lambda: bench.once("session-started"))
    rested = boottime() + 1.5
    bench.wait(lambda: boottime() > rested)
    assert bench.names() == ["ask", "acquire", "leds", "lock", "start"]
    assert sum("tapped" in line for line in bench.log) == 1
    bench.world.remove(CARD)
    bench.away()
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))


def test_a_second_tap_within_the_guard_time_is_acknowledged_only(benches: Benches) -> None:
    bench = benches(retap_guard_s=30)
    bench.start_session()
    bench.wait(lambda: bench.state()["mainLight"] == "off" and bench.pixels(MAIN) == DARK)
    winks = bench.white_winks()
    bench.tap()
    bench.wait_line("tapped; acknowledged")
    bench.wait(lambda: bench.white_winks() > winks)
    bench.wait(lambda: bench.state()["mainLight"] == "off" and bench.pixels(MAIN) == DARK)
    bench.settled()
    assert bench.names() == ["ask", "acquire", "leds", "lock", "start"]
    bench.wait(lambda: bench.slot(1)["status"] == "charging")
    assert bench.once("refused") == []
    assert bench.white_winks() == winks + 1


def test_a_tap_while_its_own_tap_is_worked_on_is_acknowledged_only(benches: Benches) -> None:
    bench = benches(driver_wait_s=20, request_timeout_s=25)
    bench.supplier.inject("supplier-slow", {"calls": ["ask"], "times": 1, "seconds": 30})
    bench.tap()
    bench.tap()
    bench.wait_line("tapped; acknowledged")
    bench.supplier.clear("supplier-slow")
    bench.wait(lambda: bench.once("session-started"))
    bench.settled()
    assert bench.names() == ["ask", "acquire", "leds", "lock", "start"]


def test_two_cards_at_once_are_not_taken(bench: Bench) -> None:
    # Both come into the field in one view of it.
    with bench.world._lock:
        bench.world.place(CARD)
        bench.world.place(OTHER)
    bench.wait_line("two cards at once")
    bench.wait(lambda: any(pixels[MAIN] == RED for _, pixels in bench.frames))
    bench.wait(lambda: any(pixels[MAIN] == WHITE for _, pixels in bench.frames))
    bench.wait(lambda: bench.pixels(MAIN) == DARK and bench.state()["mainLight"] == "off")
    assert bench.calls() == []
    bench.world.remove(OTHER)
    bench.wait(lambda: bench.world.snapshot()["cards"] == [CARD])
    bench.world.remove(CARD)
    bench.tap(THIRD)
    bench.wait(lambda: bench.once("session-started"))
    assert [event["card"] for event in bench.once("session-started")] == [THIRD]


def test_a_reader_that_is_gone_is_out_of_order_until_it_answers_again(bench: Bench) -> None:
    began = datetime.now(UTC)
    bench.world.set_fault("reader-absent", True)
    bench.wait(lambda: bench.faults() == ["ReaderFailure"])
    (fault,) = bench.state()["faults"]
    assert (datetime.fromisoformat(fault["raisedAt"]) - began).total_seconds() < 5.0
    bench.wait(lambda: bench.acts("support") and bench.once("out-of-order"))
    bench.wait(lambda: not bench.state()["available"])
    bench.wait(lambda: bench.pixels(MAIN) == RED)

    bench.world.place(CARD)
    bench.world.set_fault("reader-absent", False)
    bench.wait(lambda: bench.once("back-in-service"), 15)
    bench.wait(lambda: bench.faults() == [])
    bench.wait(lambda: bench.pixels(MAIN) == DARK)
    bench.settled()
    assert "ask" not in bench.names(), "a card that is there when the reader comes back is no tap"
    bench.world.remove(CARD)
    bench.tap(OTHER)
    bench.wait(lambda: bench.once("session-started"))
    assert [event["card"] for event in bench.once("session-started")] == [OTHER]


def test_noise_makes_no_card_of_another(bench: Bench) -> None:
    bench.world.set_fault("reader-noise", True)
    bench.world.place(CARD)
    noisy = boottime() + 1.0
    bench.wait(lambda: boottime() > noisy)
    bench.world.set_fault("reader-noise", False)
    bench.wait(lambda: any("tapped" in line for line in bench.log) or boottime() > noisy + 0.5)
    bench.world.remove(CARD)
    asked = {call["card"] for call in bench.books.view()["calls"] if call["name"] == "ask"}
    assert asked <= {CARD}
    tapped = [line for line in bench.log if " tapped" in line]
    assert len(tapped) <= 1
    assert all("..E5F6" in line for line in tapped)


def test_a_card_in_the_field_at_the_start_is_no_tap(bench: Bench) -> None:
    assert bench.stop() == 0
    bench.world.place(CARD)
    bench.start()
    looked = boottime() + 0.5
    bench.wait(lambda: boottime() > looked)
    assert bench.calls() == []
    bench.world.remove(CARD)
    bench.tap(OTHER)
    bench.wait(lambda: bench.once("session-started"))
    assert [event["card"] for event in bench.once("session-started")] == [OTHER]
