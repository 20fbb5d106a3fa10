"""The station's client and the simulated supplier, talking to each other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.answers import ActiveSession, Delivered, Grant, Refused, Undelivered
from agent.clock import boottime
from agent.config.settings import SupplierSettings
from agent.effects import Act, ActName
from agent.simulator.supplier import Books, Manners
from agent.simulator.supplier_server import SupplierServer
from agent.supplier import Supplier

CARD = "04A1B2C3D4E5F6"
OTHER = "04FFFFFFFFFFFF"
STRANGE = "S/1 ü?#%2F&=+"
LATE_S = 3.0
"""How late a busy machine may be; what is tested would take for ever."""


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books([1, 2], path=tmp_path / "supplier.json")


@pytest.fixture
def server(books: Books) -> Iterator[SupplierServer]:
    server = SupplierServer(books, "127.0.0.1:0")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def supplier(server: SupplierServer) -> Iterator[Supplier]:
    supplier = Supplier(SupplierSettings(url=server.url, request_timeout_s=5.0), "ST-42", frozenset({1, 2}))
    yield supplier
    supplier.close()


def _act(name: str, key: str = "", **others: Any) -> Act:
    return Act(name=ActName(name), key=key or f"key-of-{name}", lane="x", **others)


def _acquire(supplier: Supplier, card: str = CARD, *, key: str = "acquire", repeated: bool = False) -> Any:
    return supplier.deliver(_act("acquire", key, card=card), repeated=repeated)


def _session(supplier: Supplier) -> str:
    """The id of a session that was acquired just now."""
    outcome = _acquire(supplier)
    assert isinstance(outcome, Delivered)
    assert outcome.grant is not None
    return outcome.grant.session


def test_start_and_end_in_the_order_of_the_golden_sequences(supplier: Supplier, books: Books) -> None:
    assert supplier.ask(CARD) == Delivered(status=404)
    session = _session(supplier)
    start = [
        _act("leds", "b", light="1", body={"action": "on", "color": "blue"}),
        _act("lock", slot=1),
        _act("start", session=session),
    ]
    for act in start:
        assert isinstance(supplier.deliver(act, repeated=False), Delivered)
    assert supplier.ask(CARD) == Delivered(status=200, active=ActiveSession(id=session, card=CARD, slot=1))
    end = [
        _act("end", session=session),
        _act("pay", session=session),
        _act("unlock", slot=1),
        _act("leds", "w", light="1", body={"action": "flicker", "color": "white", "duration": 3000}),
    ]
    for act in end:
        assert isinstance(supplier.deliver(act, repeated=False), Delivered)
    assert supplier.ask(CARD) == Delivered(status=404)
    view = books.view()
    assert [call["name"] for call in view["calls"]] == [
        "ask", "acquire", "leds", "lock", "start", "ask", "end", "pay", "unlock", "leds", "ask",
    ]  # fmt: skip
    assert [payment["session"] for payment in view["payments"]] == [session]
    assert view["repeats"] == {"keys": 0, "sessions": 0}


@pytest.mark.parametrize("none_active", ["404", "204", "null"])
@pytest.mark.parametrize("text", ["problem", "text"])
def test_every_manner_of_saying_no(supplier: Supplier, books: Books, none_active: Any, text: Any) -> None:
    books.behave(Manners(none_active=none_active, no_slots=text))
    outcome = supplier.ask(CARD)
    assert isinstance(outcome, Delivered)
    assert outcome.active is None
    for key in ("a", "b"):
        assert isinstance(_acquire(supplier, key=key), Delivered)
    full = _acquire(supplier, OTHER, key="c")
    assert isinstance(full, Refused)
    assert full.problem.says_no_slots


def test_an_acquire_without_session_is_completed_by_the_question(supplier: Supplier, books: Books) -> None:
    books.behave(Manners(names_session=False))
    assert _acquire(supplier) == Delivered(status=201, grant=Grant(slot=1))
    asked = supplier.ask(CARD)
    assert isinstance(asked, Delivered)
    assert asked.active is not None
    assert asked.active.slot == 1


def test_a_session_id_of_strange_letters_comes_back_whole() -> None:
    books = Books([1], new_id=lambda: STRANGE)
    server = SupplierServer(books, "127.0.0.1:0")
    server.start()
    supplier = Supplier(SupplierSettings(url=server.url), "ST-42", frozenset({1}))
    assert _session(supplier) == STRANGE
    for name in ("start", "end", "pay"):
        assert isinstance(supplier.deliver(_act(name, session=STRANGE), repeated=False), Delivered)
    assert books.view()["payments"][0]["session"] == STRANGE
    supplier.close()
    server.stop()


def test_cards_that_are_turned_away(supplier: Supplier, books: Books) -> None:
    books.set_card(CARD, "blocked")
    books.set_card(OTHER, "without-credit")
    refused = _acquire(supplier)
    assert isinstance(refused, Refused)
    assert refused.problem.status == 403
    assert not refused.problem.says_no_slots
    granted = _acquire(supplier, OTHER, key="b")
    session = granted.grant.session
    for name in ("start", "end"):
        supplier.deliver(_act(name, session=session), repeated=False)
    unpaid = supplier.deliver(_act("pay", session=session), repeated=False)
    assert isinstance(unpaid, Refused)
    assert unpaid.problem.status == 402


def test_a_lost_answer_is_had_again_under_the_same_key(
    server: SupplierServer, supplier: Supplier, books: Books
) -> None:
    server.inject("supplier-lost-answers", {"times": 1})
    lost = _acquire(supplier)
    assert isinstance(lost, Undelivered)
    assert lost.connected
    assert lost.malformed is None
    again = _acquire(supplier, repeated=True)
    assert isinstance(again, Delivered)
    view = books.view()
    assert again.grant == Grant(slot=1, session=view["sessions"][0]["id"])
    assert len(view["sessions"]) == 1
    assert view["repeats"]["keys"] == 1


def test_a_payment_whose_answer_was_lost_is_taken_once_also_after_a_kill(
    server: SupplierServer, supplier: Supplier, tmp_path: Path
) -> None:
    session = _session(supplier)
    for name in ("start", "end"):
        supplier.deliver(_act(name, session=session), repeated=False)
    server.inject("supplier-lost-answers")
    assert isinstance(supplier.deliver(_act("pay", session=session), repeated=False), Undelivered)
    server.stop()
    reborn = SupplierServer(Books([1, 2], path=tmp_path / "supplier.json"), f"127.0.0.1:{server.port}")
    reborn.start()
    assert supplier.deliver(_act("pay", session=session), repeated=True) == Delivered(status=200)
    assert supplier.deliver(_act("pay", "new", session=session), repeated=False) == Delivered(status=200)
    view = reborn.books.view()
    assert len(view["payments"]) == 1
    assert view["repeats"] == {"keys": 1, "sessions": 1}
    reborn.stop()


def test_a_supplier_that_is_down_saw_nothing(server: SupplierServer, supplier: Supplier) -> None:
    assert isinstance(supplier.ask(CARD), Delivered)
    assert supplier.connection().reachable
    server.inject("supplier-down")
    outcome = _acquire(supplier)
    assert isinstance(outcome, Undelivered)
    assert not outcome.connected
    assert not supplier.connection().reachable
    server.clear("supplier-down")
    assert isinstance(_acquire(supplier), Delivered)
    assert supplier.connection().reachable


def test_errors_say_when_to_come_again(server: SupplierServer, supplier: Supplier, books: Books) -> None:
    server.inject("supplier-errors", {"retry_after_s": 7})
    outcome = _acquire(supplier)
    assert isinstance(outcome, Undelivered)
    assert (outcome.connected, outcome.retry_after_s) == (True, 7.0)
    assert books.view()["sessions"] == []


@pytest.mark.parametrize(("fault", "settings"), [("supplier-slow", {"seconds": 60}), ("trickle", {"interval_s": 0.1})])
def test_a_slow_answer_ends_at_the_deadline_and_is_had_later(
    server: SupplierServer, books: Books, fault: str, settings: dict[str, Any]
) -> None:
    supplier = Supplier(SupplierSettings(url=server.url, request_timeout_s=0.4), "ST-42", frozenset({1, 2}))
    server.inject(fault, settings)
    began = boottime()
    outcome = _acquire(supplier)
    assert isinstance(outcome, Undelivered)
    assert outcome.connected
    assert boottime() - began < 0.4 + LATE_S
    server.clear(fault)
    assert isinstance(_acquire(supplier, repeated=True), Delivered)
    assert len(books.view()["sessions"]) == 1
    supplier.close()


@pytest.mark.parametrize("variant", ["not-json", "too-long", "wrong-card", "foreign-slot", "redirect"])
def test_a_malformed_active_session(server: SupplierServer, supplier: Supplier, variant: str) -> None:
    _session(supplier)
    server.inject("malformed", {"variant": variant})
    outcome = supplier.ask(CARD)
    assert isinstance(outcome, Undelivered)
    assert outcome.malformed is not None
    assert supplier.connection().reachable


@pytest.mark.parametrize("variant", ["not-json", "too-long", "wrong-card", "redirect"])
def test_a_malformed_grant(server: SupplierServer, supplier: Supplier, variant: str) -> None:
    server.inject("malformed", {"variant": variant, "times": 1})
    outcome = _acquire(supplier)
    assert isinstance(outcome, Undelivered)
    assert outcome.malformed is not None
    assert isinstance(_acquire(supplier, repeated=True), Delivered)


def test_a_granted_slot_that_is_not_here_is_for_the_workflow(server: SupplierServer, supplier: Supplier) -> None:
    server.inject("malformed", {"variant": "foreign-slot"})
    assert _acquire(supplier).grant.slot == 99


def test_no_slots_as_plain_text(server: SupplierServer, supplier: Supplier) -> None:
    server.inject("malformed", {"variant": "text-no-slots"})
    outcome = _acquire(supplier)
    assert isinstance(outcome, Refused)
    assert outcome.problem.says_no_slots


@pytest.mark.parametrize("variant", ["not-json", "too-long", "wrong-card"])
def test_a_malformed_body_does_not_matter_where_only_the_status_counts(
    server: SupplierServer, supplier: Supplier, variant: str
) -> None:
    session = _session(supplier)
    server.inject("malformed", {"variant": variant})
    assert supplier.deliver(_act("start", session=session), repeated=False) == Delivered(status=200)


@pytest.mark.parametrize(("act", "status"), [("start", 409), ("end", 409), ("pay", 402)])
def test_refusals(server: SupplierServer, supplier: Supplier, act: str, status: int) -> None:
    session = _session(supplier)
    server.inject(f"{act}-refused")
    outcome = supplier.deliver(_act(act, session=session), repeated=False)
    assert isinstance(outcome, Refused)
    assert outcome.problem.status == status
