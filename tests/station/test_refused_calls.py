"""What the supplier refuses, and what the driver gets all the same (contract section 3, "refused | then")."""

from collections.abc import Callable

import pytest
from support.bench import CARD, DARK, MAIN, RED, Bench

Benches = Callable[..., Bench]


def test_an_unpaid_session_is_released(bench: Bench) -> None:
    bench.books.set_card(CARD, "without-credit")
    bench.start_session()
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    assert bench.once("session-ended")[0]["payment"] == "refused"
    bench.wait(lambda: bench.bolt(1) == "unlocked")
    bench.settled()
    assert bench.names()[-5:] == ["ask", "end", "pay", "unlock", "leds"]


def test_an_unpaid_session_is_held_until_a_tap_pays(benches: Benches) -> None:
    bench = benches(unpaid_release="hold")
    bench.books.set_card(CARD, "without-credit")
    bench.start_session()
    bench.tap()
    bench.wait(lambda: bench.refusals() == [(CARD, "payment-refused")])
    bench.wait(lambda: bench.slot(1)["status"] == "held")
    assert bench.bolt(1) == "locked"
    bench.wait(lambda: bench.pixels(8) == RED)

    bench.kill()
    bench.start()
    bench.wait(lambda: (bench.slot(1)["status"], bench.bolt(1)) == ("held", "locked"))  # also over restarts
    bench.tap()
    bench.wait(lambda: bench.refusals() == [(CARD, "payment-refused")] * 2)

    bench.books.set_card(CARD, "registered")
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    assert bench.once("session-ended")[0]["payment"] == "paid"
    bench.wait(lambda: bench.bolt(1) == "unlocked")
    bench.settled()
    assert len({act["key"] for act in bench.acts("pay")}) == 3, "each tap pays under a new key"
    assert bench.names()[5:] == ["ask", "end", "pay", "pay", "pay", "unlock", "leds"], "GET is not asked"


def test_a_young_start_that_is_refused_opens_the_slot(bench: Bench) -> None:
    bench.supplier.inject("start-refused")
    bench.tap()
    bench.wait(lambda: bench.refusals() == [(CARD, "start-refused")])
    bench.wait(lambda: bench.bolt(1) == "unlocked")
    bench.settled()
    assert bench.names() == ["ask", "acquire", "leds", "lock", "start", "end", "unlock", "leds"], "never pay"
    assert bench.acts("leds")[-1]["body"] == {"action": "off"}
    assert bench.once("session-started") == bench.once("session-ended") == []
    bench.wait(lambda: any(pixels[MAIN] == RED for _, pixels in bench.frames))
    bench.wait(lambda: bench.slot(1)["status"] == "free")
    bench.wait(lambda: bench.pixels(8) == DARK)


@pytest.mark.parametrize("status", [404, 409, 410])
def test_an_end_that_nobody_knows_counts_as_ended(bench: Bench, status: int) -> None:
    bench.start_session()
    bench.supplier.inject("end-refused", {"status": status})
    bench.supplier.inject("pay-refused", {"status": 404})
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    bench.settled()
    assert bench.names()[-4:] == ["end", "pay", "unlock", "leds"]
    assert bench.once("session-ended")[0]["payment"] == "none"
    bench.wait(lambda: bench.owed()["refused"] == 0)


def test_another_refusal_of_end_sets_it_aside_and_pay_with_it(bench: Bench) -> None:
    bench.start_session()
    bench.supplier.inject("end-refused", {"status": 422})
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    bench.settled()
    assert bench.once("session-ended")[0]["payment"] == "refused"
    assert bench.names()[-3:] == ["end", "unlock", "leds"]
    bench.wait(lambda: bench.owed()["refused"] == 2)
    bench.wait(lambda: bench.bolt(1) == "unlocked")


def test_another_refusal_of_pay_releases_the_vehicle(benches: Benches) -> None:
    bench = benches(unpaid_release="hold")
    bench.start_session()
    bench.supplier.inject("pay-refused", {"status": 422})
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    assert bench.once("session-ended")[0]["payment"] == "refused"
    bench.wait(lambda: bench.bolt(1) == "unlocked")
    bench.settled()
    bench.wait(lambda: bench.owed()["refused"] == 1)  # only a 402 holds
