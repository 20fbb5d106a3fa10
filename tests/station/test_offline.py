"""Known cards start without the supplier (`offline_start = "known-cards"`), and everything is told in order later."""

from collections.abc import Callable

import pytest
from support.bench import BLUE, CARD, OTHER, RED, Bench


@pytest.fixture
def offline(benches: Callable[..., Bench]) -> Bench:
    """A station whose first card has ended and paid here once."""
    bench = benches(offline_start="known-cards", driver_wait_s=1.5)
    bench.start_session()
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    bench.settled()
    return bench


def starts(bench: Bench) -> None:
    """The supplier is gone, and the known card starts all the same."""
    bench.supplier.inject("supplier-down")
    bench.tap()
    bench.wait(lambda: bench.slot(1)["status"] == "charging")
    bench.wait(lambda: bench.bolt(1) == "locked" and bench.pixels(8) == BLUE)


def test_a_known_card_starts_and_the_supplier_hears_it_in_order(offline: Bench) -> None:
    known = len(offline.calls())
    starts(offline)
    assert len(offline.once("session-started")) == 1, "not told before the supplier knows"
    offline.supplier.clear("supplier-down")
    offline.settled()
    assert offline.names(known) == ["acquire", "leds", "lock", "start"]
    session = offline.sessions()[-1]
    assert session["stage"] == "started"
    assert offline.once("session-started")[-1] == {"id": session["id"], "card": CARD, "slotNumber": 1}
    assert offline.slot(1)["session"]["id"] == session["id"]
    offline.away()
    offline.tap()
    offline.wait(lambda: len(offline.once("session-ended")) == 2)
    assert offline.once("session-ended")[-1]["payment"] == "paid"


def test_it_may_end_before_the_supplier_has_heard_of_it(offline: Bench) -> None:
    known = len(offline.calls())
    starts(offline)
    offline.tap()
    offline.wait(lambda: offline.slot(1)["status"] == "free" and offline.bolt(1) == "unlocked")
    offline.kill()
    offline.supplier.clear("supplier-down")
    offline.start()
    offline.wait(lambda: offline.once("session-settled"))
    offline.settled()
    assert offline.names(known) == ["acquire", "leds", "lock", "start", "end", "pay", "unlock", "leds"]
    ended = offline.once("session-ended")[-1]
    assert (ended["payment"], ended["id"]) == ("owed", offline.sessions()[-1]["id"])
    assert offline.once("session-settled") == [{"id": ended["id"], "payment": "paid"}]
    assert len(offline.books.view()["payments"]) == 2


def test_an_unknown_card_is_turned_away(offline: Bench) -> None:
    offline.supplier.inject("supplier-down")
    offline.tap(OTHER)
    offline.wait_refused(1)
    assert offline.refusals() == [(OTHER, "supplier-unreachable")]


def test_a_card_that_the_supplier_refuses_later_stays_locked_until_it_taps(offline: Bench) -> None:
    starts(offline)
    offline.books.set_card(CARD, "blocked")
    offline.supplier.clear("supplier-down")
    offline.wait(lambda: offline.slot(1)["status"] == "held" and offline.pixels(8) == RED)
    assert offline.bolt(1) == "locked"
    offline.tap()
    offline.wait(lambda: offline.bolt(1) == "unlocked" and len(offline.once("session-ended")) == 2)
    assert offline.once("session-ended")[-1]["payment"] == "refused"
    offline.settled()
    assert len(offline.sessions()) == 1
    offline.supplier.inject("supplier-down")
    offline.tap()
    offline.wait_refused(1)
