"""The simulated supplier's books: what it promises to a station, and that a kill loses none of it."""

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from agent.simulator import dealings
from agent.simulator import supplier as books_module
from agent.simulator.records import Entry
from agent.simulator.supplier import Books, BooksUnreadable, Call, Manners, Said

CARD = "04A1B2C3D4E5F6"
OTHER = "04FFFFFFFFFFFF"
THIRD = "DEADBEEF"


class Desk:
    """Somebody who calls, with a fresh key each time unless one is given."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self._keys = count(1)

    def __call__(self, name: str, *, key: str = "", refuse: int = 0, **others: Any) -> Said:
        fresh = "" if name == "ask" else key or f"k{next(self._keys)}"
        session = {"start", "end", "pay"} & {name}
        call = Call(name=name, method="X", path="/", key=fresh, station="" if session else "ST-42", **others)
        return self.books.handle(call, refuse=refuse)

    def acquired(self, card: str = CARD) -> str:
        """The id of a session that was acquired just now."""
        said = self("acquire", card=card)
        assert said.status == 201, said
        return str(said.body["session"]["id"])

    def ended(self, card: str = CARD) -> str:
        """The id of a session that was acquired, started and ended just now."""
        session = self.acquired(card)
        assert [self(act, session=session).status for act in ("start", "end")] == [200, 200]
        return session


def _books(path: Path | None = None, **others: Any) -> Books:
    numbers = count(1001)
    others = {"now": lambda: 7.0, "new_id": lambda: f"S-{next(numbers)}", **others}
    return Books([2, 1], path=path, **others)


@pytest.fixture
def desk() -> Desk:
    return Desk(_books())


def test_a_stay_from_acquire_to_pay(desk: Desk) -> None:
    assert desk("ask", card=CARD).status == 404
    assert desk("acquire", card=CARD) == Said(status=201, body={"slot": {"number": 1}, "session": {"id": "S-1001"}})
    assert desk("leds", light="1", slot=1, body={"action": "on", "color": "blue"}) == Said(status=204)
    assert desk("lock", slot=1) == Said(status=204)
    assert desk("start", session="S-1001").status == 200
    assert desk("ask", card=CARD).body == {"session": {"id": "S-1001", "card": CARD, "slotNumber": 1}}
    view = desk.books.view()
    blue = {"action": "on", "color": "blue"}
    assert view["slots"] == [
        {"station": "ST-42", "number": 1, "session": "S-1001", "lock": "locked", "light": blue},
        {"station": "ST-42", "number": 2, "session": None, "lock": "unlocked", "light": None},
    ]
    assert desk("end", session="S-1001").status == 200
    assert desk("pay", session="S-1001").status == 200
    assert desk("unlock", slot=1).status == 204
    view = desk.books.view()
    [session] = view["sessions"]
    assert (session["stage"], session["payment"]) == ("ended", "paid")
    assert view["payments"] == [{"session": "S-1001", "card": CARD, "time": 7.0}]
    assert view["slots"][0]["lock"] == "unlocked"
    assert [call["name"] for call in view["calls"]] == [
        "ask", "acquire", "leds", "lock", "start", "ask", "end", "pay", "unlock",
    ]  # fmt: skip
    json.dumps(view)


def test_the_lowest_free_slot_is_given_and_then_none(desk: Desk) -> None:
    first = desk.acquired()
    assert desk("acquire", card=OTHER).body["slot"] == {"number": 2}
    refused = desk("acquire", card=THIRD)
    assert (refused.status, refused.body["detail"]) == (400, "No charging slots available")
    desk("end", session=first)
    assert desk("acquire", card=THIRD).body["slot"] == {"number": 1}


def test_each_station_has_slots_of_its_own(desk: Desk) -> None:
    elsewhere = Call(name="acquire", method="POST", path="/", key="e", station="ST-43", card=CARD)
    desk.acquired()
    assert desk.books.handle(elsewhere).body["slot"] == {"number": 1}
    assert desk("acquire", card=OTHER).body["slot"] == {"number": 2}


def test_a_card_that_acquires_twice_gets_another_slot_and_the_newest_is_named(desk: Desk) -> None:
    first, second = desk.acquired(), desk.acquired()
    assert desk("ask", card=CARD).body["session"]["id"] == second
    desk("end", session=second)
    assert desk("ask", card=CARD).body["session"]["id"] == first


@pytest.mark.parametrize("standing", ["blocked", "unregistered"])
def test_a_card_that_is_not_welcome(standing: Any) -> None:
    desk = Desk(_books(cards={CARD.lower(): standing}))
    assert desk("acquire", card=CARD).status == 403
    assert desk("acquire", card=OTHER).status == 201
    desk.books.set_card(CARD, "registered")
    assert desk("acquire", card=CARD).status == 201


def test_a_card_without_credit_may_pay_later_under_a_new_key(desk: Desk) -> None:
    desk.books.set_card(CARD, "without-credit")
    session = desk.ended()
    assert desk("pay", session=session, key="p").status == 402
    desk.books.set_card(CARD, "registered")
    assert desk("pay", session=session, key="p").status == 402
    assert desk.books.view()["sessions"][0]["payment"] == "refused"
    assert desk("pay", session=session, key="q").status == 200
    assert desk.books.view()["sessions"][0]["payment"] == "paid"


def test_a_repeated_key_gets_the_first_answer_and_changes_nothing(desk: Desk) -> None:
    first = desk("acquire", card=CARD, key="a")
    assert desk("acquire", card=CARD, key="a") == first
    desk("acquire", card=OTHER)
    refused = desk("acquire", card=THIRD, key="b")
    desk("end", session="S-1001")
    assert desk("acquire", card=THIRD, key="b") == refused
    view = desk.books.view()
    assert len(view["sessions"]) == 2
    assert view["repeats"] == {"keys": 2, "sessions": 0}
    assert [call["repeat"] for call in view["calls"]] == [False, True, False, False, False, True]


def test_a_repeated_start_end_or_pay_gets_its_first_answer_under_any_key(desk: Desk) -> None:
    session = desk.acquired()
    for act in ("start", "end", "pay"):
        first = desk(act, session=session)
        assert desk(act, session=session) == first
        assert first.status == 200
    assert desk("start", session=session).status == 200
    view = desk.books.view()
    assert view["repeats"] == {"keys": 0, "sessions": 4}
    assert len(view["payments"]) == 1


def test_what_is_refused_on_request_is_not_done_and_may_be_done_under_another_key(desk: Desk) -> None:
    session = desk.acquired()
    assert desk("start", session=session, key="s", refuse=409).status == 409
    assert desk("start", session=session, key="s").status == 409
    assert desk("start", session=session, key="t").status == 200
    assert desk("start", session=session, key="u", refuse=409).status == 200
    assert desk("lock", slot=1, refuse=422).status == 422


@pytest.mark.parametrize("status", [401, 429])
def test_an_answer_that_settles_nothing_is_not_kept(desk: Desk, status: int) -> None:
    assert desk("acquire", card=CARD, key="a", refuse=status).status == status
    assert desk("acquire", card=CARD, key="a").status == 201


def test_steps_out_of_order_are_refused(desk: Desk) -> None:
    session = desk.acquired()
    assert desk("pay", session=session).status == 409
    assert desk("end", session=session).status == 200
    assert desk("start", session=session).status == 409
    assert desk("pay", session=session).status == 410
    for act in ("start", "end", "pay"):
        assert desk(act, session="S-0").status == 404


def test_lights_and_support(desk: Desk) -> None:
    red = {"action": "on", "color": "red"}
    assert desk("leds", light="main", body=red) == Said(status=204)
    assert desk("leds", light="3", slot=3, body=red).status == 404
    assert desk("lock", slot=3).status == 404
    assert desk("support", body={"error": {"code": "X"}}) == Said(status=204)
    view = desk.books.view()
    assert view["lights"] == {"ST-42": red}
    assert view["tickets"] == [{"station": "ST-42", "error": {"code": "X"}, "time": 7.0}]


@pytest.mark.parametrize(
    ("manners", "said"),
    [
        (Manners(none_active="204"), Said(status=204)),
        (Manners(none_active="null"), Said(status=200, body={"session": None})),
    ],
)
def test_manners_when_no_session_is_active(desk: Desk, manners: Manners, said: Said) -> None:
    desk.books.behave(manners)
    assert desk("ask", card=CARD) == said


def test_manners_when_acquiring(desk: Desk) -> None:
    desk.books.behave(Manners(no_slots="text", names_session=False))
    assert desk("acquire", card=CARD) == Said(status=201, body={"slot": {"number": 1}})
    desk("acquire", card=OTHER)
    assert desk("acquire", card=THIRD) == Said(status=400, text="No charging slots available")


def test_every_call_is_told_once(desk: Desk) -> None:
    heard: list[Entry] = []
    stop = desk.books.subscribe(heard.append)
    desk("acquire", card=CARD, key="a")
    desk.books.handle(Call(name="lock", method="PUT", path="/x", key="l", station="ST-42", slot=1), answered=False)
    desk.books.note(Call(name="ask", method="GET", path="/y", card=CARD), 503)
    stop()
    desk("ask", card=CARD)
    assert [(entry.name, entry.key, entry.card, entry.status, entry.answered) for entry in heard] == [
        ("acquire", "a", CARD, 201, True),
        ("lock", "l", "", 204, False),
        ("ask", "", CARD, 503, True),
    ]


def test_a_kill_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "supplier.json"
    desk = Desk(_books(path))
    desk.books.set_card(OTHER, "blocked")
    session = desk.ended()
    paid = desk("pay", session=session, key="p")
    desk("leds", light="2", slot=2, body={"action": "off"})
    desk("support", body={"error": {"code": "X"}})
    desk.acquired()
    before = desk.books.view()

    again = Desk(_books(path))
    assert again.books.view() == before
    assert again("pay", session=session, key="p") == paid
    assert again("pay", session=session, key="other") == paid
    assert len(again.books.view()["payments"]) == 1
    assert again("acquire", card=OTHER, key="x").status == 403
    assert [file.name for file in path.parent.iterdir()] == ["supplier.json"]


def test_a_station_that_was_rewired_has_its_new_slots_too(tmp_path: Path) -> None:
    path = tmp_path / "supplier.json"
    Desk(Books([2], path=path)).acquired()
    desk = Desk(Books([1, 2, 3], path=path))
    assert [desk("acquire", card=OTHER, key=key).body["slot"]["number"] for key in ("x", "y")] == [1, 3]


def test_the_books_are_written_before_the_answer_is_told(tmp_path: Path) -> None:
    path = tmp_path / "supplier.json"
    desk = Desk(_books(path))
    seen: list[Any] = []
    desk.books.subscribe(lambda _: seen.append(Books([1], path=path).view()["calls"]))
    desk.acquired()
    assert [call["name"] for call in seen[0]] == ["acquire"]


@pytest.mark.parametrize("content", [b"", b"{", b'{"sessions": 7}', b"\xff"])
def test_books_that_cannot_be_read_are_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "supplier.json"
    path.write_bytes(content)
    with pytest.raises(BooksUnreadable, match=r"supplier\.json .* move it away"):
        Books([1], path=path)
    assert path.read_bytes() == content


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name in ("KEPT_ANSWERS", "KEPT_SESSIONS", "KEPT_TICKETS", "MAX_STATIONS"):
        monkeypatch.setattr(dealings, name, 3)
    monkeypatch.setattr(books_module, "KEPT_CALLS", 3)
    return Desk(_books())


def test_the_books_are_bounded_and_running_sessions_stay(small: Desk) -> None:
    running = small.acquired(OTHER)
    for _ in range(5):
        small("pay", session=small.ended())
        small("support", body={"error": {}})
    view = small.books.view()
    assert running in [session["id"] for session in view["sessions"]]
    assert [len(view[name]) for name in ("sessions", "payments", "tickets", "calls")] == [3, 3, 3, 3]
    stations = [
        small.books.handle(Call(name="ask", method="GET", path="/", station=f"S{n}", card=CARD)).body["detail"]
        for n in range(3)
    ]
    assert stations == ["No session of this card is active."] * 2 + ["The supplier takes no more stations."]


def test_old_keys_are_forgotten_in_their_order(small: Desk) -> None:
    for key in "abcd":
        small("lock", slot=1, key=key)
    small("lock", slot=1, key="b")
    small("lock", slot=1, key="a")
    assert small.books.view()["repeats"]["keys"] == 1


def test_sessions_below_the_bound_are_never_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dealings, "KEPT_SESSIONS", 10)
    desk = Desk(_books())
    for number in range(1, 11):
        desk.ended()
        assert len(desk.books.view()["sessions"]) == number


def test_of_long_bodies_the_log_says_only_that_they_came(desk: Desk) -> None:
    desk("support", body={"error": {"detail": "x" * 5000}})
    assert desk.books.view()["calls"][0]["body"] is None


def test_session_ids_are_not_given_twice() -> None:
    ids = {Desk(Books([1])).acquired() for _ in range(50)}
    assert len(ids) == 50
