"""What suppliers answer, from the tap to the light: all the variants, and what cannot be used."""

import json
from collections.abc import Callable
from uuid import UUID

import pytest
from support.bench import BLUE, CARD, DARK, MAIN, OTHER, RED, Bench

from agent.simulator.dealings import Manners
from agent.simulator.records import Entry

Benches = Callable[..., Bench]

S = "/stations/ST-42"
GET = f"GET {S}/session/{CARD}"
ACQUIRE = f"POST {S}"


@pytest.mark.parametrize("none_active", ["204", "null"])
def test_none_active_in_other_words(bench: Bench, none_active: str) -> None:
    bench.books.behave(Manners(none_active=none_active))  # type: ignore[arg-type]
    session = bench.start_session()
    assert bench.names() == ["ask", "acquire", "leds", "lock", "start"]
    bench.wait(lambda: bench.slot(1)["session"]["id"] == session)
    assert bench.errors() == []


@pytest.mark.parametrize("manners", ["problem", "text", "text-with-newline"])
def test_no_slots_in_other_words(benches: Benches, manners: str) -> None:
    bench = benches(slots=[1])
    bench.start_session()
    if manners == "text-with-newline":
        bench.supplier.inject("malformed", {"variant": "text-no-slots"})
    else:
        bench.books.behave(Manners(no_slots=manners))  # type: ignore[arg-type]
    bench.tap(OTHER)
    bench.wait(lambda: bench.names()[5:] == ["ask", "acquire", "leds"])
    assert bench.acts()[-1]["body"] == {"action": "flicker", "color": "red", "duration": 3000}
    bench.wait(lambda: bench.state()["mainLight"] == "red flicker")
    bench.settled()
    assert bench.once("refused") == [], "the document says nothing then"


def test_an_acquire_without_a_session_id_asks_get_for_it(bench: Bench) -> None:
    bench.books.behave(Manners(names_session=False))
    session = bench.start_session()
    assert bench.names() == ["ask", "acquire", "ask", "leds", "lock", "start"]
    assert bench.once("session-started") == [{"id": session, "card": CARD, "slotNumber": 1}]
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    assert bench.once("session-ended")[0]["payment"] == "paid"


def test_a_session_that_nobody_names_gets_an_id_of_the_stations_own(bench: Bench) -> None:
    bench.books.behave(Manners(names_session=False))

    def forget(_: Entry) -> None:
        for session in bench.books._record.sessions.values():
            session.stage = "ended"

    bench.on_call("acquire", forget)
    bench.tap()
    bench.wait(lambda: bench.acts("start"))
    name = bench.acts("start")[0]["session"]
    assert UUID(name).version == 5
    assert bench.names()[:3] == ["ask", "acquire", "ask"]
    bench.wait(lambda: bench.refusals() == [(CARD, "start-refused")])
    bench.settled()
    assert [act["session"] for act in bench.acts("end")] == [name]


def test_session_ids_are_percent_encoded(benches: Benches) -> None:
    odd = "S 1/ä?#%2F&.;"
    bench = benches(new_id=lambda: odd)
    assert bench.start_session() == odd
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    bench.settled()
    encoded = "S%201%2F%C3%A4%3F%23%252F%26.%3B"
    assert [call for call in bench.calls() if "/sessions/" in call] == [
        f"PUT /sessions/{encoded}/start",
        f"PUT /sessions/{encoded}/end",
        f"PUT /sessions/{encoded}/pay",
    ]
    assert bench.once("session-ended")[0]["id"] == odd


def test_a_slot_that_is_not_here_is_given_back_once_another_is_named(benches: Benches) -> None:
    bench = benches(slots=[2], supplier_slots=[1, 2])
    bench.start_session()
    bench.settled()
    first, second = (session["id"] for session in bench.sessions())
    calls = bench.calls()
    assert calls[:3] == [GET, ACQUIRE, ACQUIRE]
    assert len({act["key"] for act in bench.acts("acquire")}) == 2, "a new key"
    assert sorted(calls[3:]) == sorted(
        [f"PUT /sessions/{first}/end", f"POST {S}/leds/2", f"PUT {S}/slot/2/lock", f"PUT /sessions/{second}/start"]
    )
    assert bench.once("session-started") == [{"id": second, "card": CARD, "slotNumber": 2}]
    assert bench.refusals() == []


def test_two_slots_that_are_not_here_are_both_given_back(benches: Benches) -> None:
    bench = benches(slots=[2], supplier_slots=[3, 4])
    bench.tap()
    bench.wait(bench.refusals)
    assert bench.refusals() == [(CARD, "slot-unusable")]
    bench.settled()
    assert bench.names()[:3] == ["ask", "acquire", "acquire"]
    assert bench.names()[3:] == ["end", "end"]
    assert [session["stage"] for session in bench.sessions()] == ["ended", "ended"]
    bench.wait(lambda: bench.slot(2)["status"] == "free")


def test_a_get_that_cannot_be_used_is_asked_again_until_the_drivers_wait_is_over(benches: Benches) -> None:
    bench = benches(driver_wait_s=1.0)
    for count, variant in enumerate(["not-json", "too-long", "redirect", "wrong-card", "foreign-slot"], 1):
        known = len(bench.calls())
        bench.supplier.inject("malformed", {"variant": variant, "calls": ["ask"]})
        bench.tap()
        bench.wait_refused(count)
        assert bench.refusals()[-1] == (CARD, "supplier-unreachable")
        assert set(bench.calls()) == {GET}
        assert len(bench.calls()) > known + 1, "asked again"
        bench.settled()
        assert len(bench.errors()) == count, "told once"
    assert {problem["status"] for problem in bench.errors()} == {502}
    bench.wait(lambda: bench.slot(1)["status"] == "free")


@pytest.mark.parametrize("variant", ["not-json", "too-long", "redirect"])
def test_an_acquire_that_recovers_in_time_goes_on_under_its_key(bench: Bench, variant: str) -> None:
    bench.supplier.inject("malformed", {"variant": variant, "calls": ["acquire"], "times": 2})
    bench.start_session()
    acquires = bench.acts("acquire")
    assert len(acquires) == 3
    assert len({act["key"] for act in acquires}) == 1
    assert len(bench.sessions()) == 1
    assert len(bench.errors()) == 1, "told once"


@pytest.mark.parametrize("variant", ["not-json", "redirect"])
def test_an_acquire_that_does_not_recover_in_time_is_given_back_later(benches: Benches, variant: str) -> None:
    bench = benches(driver_wait_s=2.0)
    bench.supplier.inject("malformed", {"variant": variant, "calls": ["acquire"]})
    bench.tap()
    bench.wait(bench.refusals)
    assert bench.refusals() == [(CARD, "supplier-unreachable")]
    bench.wait(lambda: bench.owed()["supplier"] == 1)
    bench.supplier.clear("malformed")
    bench.wait(lambda: "end" in bench.names())
    bench.settled()
    assert len({act["key"] for act in bench.acts("acquire")}) == 1
    assert [session["stage"] for session in bench.sessions()] == ["ended"]
    assert [act["name"] for act in bench.acts() if act["name"] != "acquire"] == ["end"], "never pay"
    assert bench.once("session-ended") == []
    assert len(bench.errors()) == 1, "told once"


def test_another_cards_session_ends_nobodys_but_the_journals(benches: Benches) -> None:
    bench = benches(driver_wait_s=2.0)
    session = bench.start_session()
    bench.supplier.inject("malformed", {"variant": "wrong-card", "calls": ["ask"]})
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    assert bench.once("session-ended")[0]["id"] == session
    bench.wait(lambda: bench.bolt(1) == "unlocked")
    assert len(bench.errors()) == 1
    assert "DEADBEEF" not in json.dumps(bench.errors())


def test_a_blocked_card_is_refused(bench: Bench) -> None:
    bench.books.set_card(CARD, "blocked")
    bench.tap()
    bench.wait(bench.refusals)
    assert bench.refusals() == [(CARD, "card-refused")]
    bench.wait(lambda: any(pixels[MAIN] == RED for _, pixels in bench.frames))
    assert bench.names() == ["ask", "acquire"]
    assert bench.pixels(8) == DARK != BLUE
