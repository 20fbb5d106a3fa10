"""Journal and supplier disagree: the journal goes before GET (contract section 6)."""

from collections.abc import Callable

from support.bench import CARD, OTHER, RED, Bench

from agent.simulator.records import SessionRecord

Benches = Callable[..., Bench]


def test_a_supplier_that_forgot_everything_gets_no_second_vehicle_into_a_slot(bench: Bench) -> None:
    bench.start_session()
    bench.books._record.sessions.clear()
    bench.start_session(OTHER)
    bench.settled()
    bench.wait(lambda: bench.slot(2)["session"]["card"] == "..3344")
    assert bench.names()[5:8] == ["ask", "acquire", "acquire"], "slot 1 was named, but it is busy here"
    assert [session["stage"] for session in bench.sessions()] == ["ended", "started"]

    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    bench.settled()
    assert bench.once("session-ended")[0]["payment"] == "none", "end and pay are unknown there"
    bench.wait(lambda: bench.bolt(1) == "unlocked")
    assert bench.bolt(2) == "locked"


def test_the_suppliers_id_replaces_the_journals(bench: Bench) -> None:
    bench.start_session()
    record = bench.books._record
    ((name, session),) = record.sessions.items()
    del record.sessions[name]
    session.id = "S-renamed"
    record.sessions["S-renamed"] = session
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    bench.settled()
    assert [act["session"] for act in bench.acts() if act["name"] in ("end", "pay")] == ["S-renamed"] * 2
    assert bench.once("session-ended")[0]["id"] == "S-renamed"
    assert bench.once("session-ended")[0]["payment"] == "paid"


def test_a_session_that_only_the_supplier_knows_is_ended_and_its_slot_opened(bench: Bench) -> None:
    session = bench.start_session()
    assert bench.stop() == 0
    for file in (bench.folder / "state").glob("journal.db*"):
        file.unlink()
    bench.start()
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    bench.settled()
    assert bench.names()[5:] == ["ask", "end", "pay", "unlock", "leds"]
    assert bench.once("session-ended")[0]["id"] == session
    assert bench.once("session-ended")[0]["payment"] == "paid"
    bench.wait(lambda: bench.bolt(1) == "unlocked")


def test_nobodys_lock_moves_for_a_session_in_another_cards_slot(bench: Bench) -> None:
    bench.start_session()
    other = SessionRecord(id="S-other", card=OTHER, station="ST-42", slot=1, stage="started")
    bench.books._record.sessions["S-other"] = other
    bench.tap(OTHER)
    bench.wait(lambda: bench.refusals() == [(OTHER, "slot-unusable")])
    bench.wait(lambda: bench.faults() == ["SlotMismatch 1"])
    bench.wait(lambda: bench.pixels(8) == RED)
    assert (bench.bolt(1), bench.bolt(2)) == ("locked", "unlocked")
    bench.settled()
    assert [act["name"] for act in bench.acts()][4:] == ["support", "leds"]

    bench.tap(CARD)
    bench.wait(lambda: bench.once("session-ended"))
    assert bench.once("session-ended")[0]["card"] == CARD, "out of order keeps no vehicle in"
