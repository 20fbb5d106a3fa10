"""Who may see the page from another machine: the parts; the whole of it is proven in tests/station/test_page.py."""

from email.message import Message
from pathlib import Path
from threading import Event

import pytest
from support.hand_clock import HandClock

from agent.http.messages import Answer, HttpError, Reply, Request, Route
from agent.web.door import COOKIE, Door, Tries, cookie_of, network_of
from agent.web.files import Files

TOKEN = "sixteen letters."


class Visitor:
    """Somebody at the door of a page with one secret."""

    def __init__(self, folder: Path) -> None:
        self.token_file = folder / "token"
        self.token_file.write_text(f"{TOKEN}\n")
        door = Door(str(self.token_file), lambda: frozenset({"st-42.example"}), Files())
        self._routes = door.routes([Route("GET", "/secret", lambda _: Answer(body=b"seen"))])

    def ask(self, path: str = "/secret", method: str = "GET", body: bytes = b"", **headers: str) -> Reply:
        given: Message[str, str] = Message()
        for name, value in {"Host": "192.0.2.1:8443", **headers}.items():
            given[name] = value
        request = Request(
            method=method,
            path=path,
            params={},
            query={},
            headers=given,
            body=body,
            stopping=Event(),
            client="192.0.2.9",
        )
        route = next(route for route in self._routes if (route.method, route.pattern) == (method, path))
        return route.handler(request)

    def status(self, path: str = "/secret", method: str = "GET", body: bytes = b"", **headers: str) -> int:
        try:
            reply = self.ask(path, method, body, **headers)
        except HttpError as error:
            return error.answer.status
        assert isinstance(reply, Answer)
        return reply.status


@pytest.fixture
def visitor(tmp_path: Path) -> Visitor:
    return Visitor(tmp_path)


@pytest.mark.parametrize("given", [f"Bearer {TOKEN}", f"bearer  {TOKEN} "])
def test_the_token_opens(given: str, visitor: Visitor) -> None:
    assert visitor.status(Authorization=given) == 200


@pytest.mark.parametrize(
    "given", ["", TOKEN, f"Basic {TOKEN}", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer \xfc"]
)
def test_nothing_else_opens(given: str, visitor: Visitor) -> None:
    assert visitor.status(Authorization=given) == 401


def test_a_token_that_is_missing_short_or_unreadable_opens_nothing(visitor: Visitor) -> None:
    visitor.token_file.write_text("short\n")
    assert visitor.status(Authorization="Bearer short") == 503
    visitor.token_file.write_text("")
    assert visitor.status(Authorization="Bearer ") == 503
    visitor.token_file.unlink()
    assert visitor.status(Authorization=f"Bearer {TOKEN}") == 503


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("st-42.example", 200),
        ("ST-42.example:8443", 200),
        ("[2001:db8::1]:8443", 200),
        ("localhost", 200),
        ("other.example", 403),
        ("st-42.example.evil.example", 403),
        ("192.0.2.1.evil.example", 403),
        ("[", 403),
        ("", 403),
    ],
)
def test_only_under_its_own_names_and_addresses(host: str, status: int, visitor: Visitor) -> None:
    assert visitor.status(Host=host, Authorization=f"Bearer {TOKEN}") == status


def cookie(visitor: Visitor) -> str:
    signed_in = visitor.ask("/sign-in", "POST", f"token={TOKEN.replace(' ', '+')}".encode())
    assert isinstance(signed_in, Answer)
    return signed_in.headers["Set-Cookie"].partition(";")[0]


def test_a_cookie_opens_until_the_token_is_another(visitor: Visitor) -> None:
    given = cookie(visitor)
    assert visitor.status(Cookie=f"theme=dark; {given}") == 200
    until, _, proof = given.partition("=")[2].partition(".")
    for forged in (f"{int(until) + 1}.{proof}", f"1.{proof}", f"x.{proof}", "9" * 400 + f".{proof}", until, ""):
        assert visitor.status(Cookie=f"{COOKIE}={forged}") == 401
    visitor.token_file.write_text("another one that is long enough\n")
    assert visitor.status(Cookie=given) == 401


def test_a_cookie_is_over_one_day(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    given = cookie(visitor)
    now = int(given.partition("=")[2].partition(".")[0])
    monkeypatch.setattr("agent.web.door.boottime", lambda: now + 1.0)
    assert visitor.status(Cookie=given) == 401


@pytest.mark.parametrize("body", [b"", b"token=", b"token=wrong", b"a=b&" * 9, b"\xff\xfe", b"token=a&token=b"])
def test_what_is_no_token_is_told_on_the_page(body: bytes, visitor: Visitor) -> None:
    answer = visitor.ask("/sign-in", "POST", body)
    assert isinstance(answer, Answer)
    assert (answer.status, b'role="alert"' in answer.body) == (403, True)
    assert b'role="alert"' not in Files().read("sign-in.html")


def test_who_types_too_much_is_told_on_the_page_to_wait(visitor: Visitor) -> None:
    assert [visitor.status("/sign-in", "POST", b"token=wrong") for _ in range(6)] == [403] * 5 + [429]
    answer = visitor.ask("/sign-in", "POST", f"token={TOKEN}".encode())
    assert isinstance(answer, Answer)
    assert (answer.status, b"wait a minute" in answer.body) == (429, True)


def test_cookies_that_are_none() -> None:
    assert cookie_of("") == cookie_of("a=b") == cookie_of("\x00=;;,") == ""


def test_an_address_that_is_wrong_too_often_waits_and_the_others_do_not() -> None:
    clock = HandClock()
    tries = Tries(clock)
    for _ in range(5):
        assert tries.wait_s("a") == 0
        tries.wrong("a")
    assert tries.wait_s("a") == 60
    assert tries.wait_s("b") == 0
    clock.advance(59)
    assert tries.wait_s("a") == 1
    clock.advance(1)
    assert tries.wait_s("a") == 0


def test_all_together_are_not_wrong_for_ever() -> None:
    tries = Tries(HandClock())
    for number in range(50):
        assert tries.wait_s(str(number)) == 0
        tries.wrong(str(number))
    assert tries.wait_s("another") == 60


def test_a_network_is_one_address() -> None:
    assert network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9%eth0") == "2001:0db8:0001:0002"
