"""A supplier that answers anything: what is read of it, and what a connection bears."""

import random
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from support.fuzz.mutate import ODD_TEXTS, as_json, bytes_of, mutated, text_of
from support.owing import CARD

from agent.answers import Delivered, Outcome, Problem, Refused, Rejected, Undelivered
from agent.config.settings import SupplierSettings
from agent.effects import Act, ActName
from agent.supplier import Supplier
from agent.supplier.line import Line

SLOTS = frozenset({1, 2})
LONGEST_TEXT = 1200
"""Characters of anything the supplier said that is kept (reading.MAX_TEXT and a few of ours)."""
MAX_RETRY_S = 600.0
BODIES: tuple[Any, ...] = (
    {"session": {"id": "S-1001", "card": CARD, "slotNumber": 1}},
    {"session": None},
    {"slot": {"number": 2}, "session": {"id": "S-1001"}},
    {"slot": {"number": 1}},
    {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "No charging slots available"},
    {"title": f"Unknown card {CARD}", "detail": f"{CARD.lower()} or 04:a1:b2:c3:d4:e5:f6 is none of ours"},
)
STATUSES = (
    200,
    200,
    200,
    201,
    204,
    301,
    302,
    400,
    401,
    402,
    403,
    404,
    409,
    410,
    418,
    422,
    425,
    429,
    500,
    503,
    100,
    999,
)
DATES = ("Sat, 28 Nov 2026 07:00:00 GMT", "Saturday, 28-Nov-26 07:00:00 GMT", "Sat Nov 28 07:00:00 2026", "120", "0")
ACTS = tuple(ActName)


class SupplierHttp:
    """One exchange, whose answer is bytes that may be HTTP. Each has a socket pair of its own."""

    def __init__(self, folder: Path, life: ExitStack) -> None:
        del folder
        settings = SupplierSettings(url="http://127.0.0.1:9/api", request_timeout_s=5.0)
        self._supplier = Supplier(settings, "ST-42", SLOTS)
        life.callback(self._supplier.close)
        self._supplier._exchanger._dialler.dial = self._dial  # type: ignore[method-assign]
        self._answer = b""
        self._ends: list[socket.socket] = []

    def _dial(self, until: float) -> Line:
        del until
        ours, theirs = socket.socketpair()
        self._ends.append(theirs)
        theirs.settimeout(0)
        try:
            sent = theirs.send(self._answer)
        except BlockingIOError:
            sent = 0
        del sent  # as much of it as the socket takes
        theirs.shutdown(socket.SHUT_WR)
        return Line(ours)

    def feed(self, dice: random.Random) -> None:
        """One answer to one question or act."""
        self._answer = answer_of(dice)
        act = Act(name=dice.choice(ACTS), key="k", lane="l", session="S-1001", slot=1, card=CARD, light="1", body={})
        try:
            if dice.random() < 0.4:
                check(self._supplier.ask(CARD))
            else:
                check(self._supplier.deliver(act, repeated=dice.random() < 0.5))
        finally:
            for end in self._ends:
                end.close()
            self._ends.clear()
            self._supplier._exchanger._kept.close()


def answer_of(dice: random.Random) -> bytes:
    """An HTTP answer, or what is left of one."""
    body = as_json(dice.choice(BODIES), dice)
    status = dice.choice(STATUSES)
    length = str(len(body)) if dice.random() < 0.8 else dice.choice(("-1", "1e3", "9" * 30, "", "+5", "0x10", "5, 5"))
    head = {"Content-Type": "application/json", "Content-Length": length, "Date": dice.choice(DATES)}
    if dice.random() < 0.4:
        head["Retry-After"] = mutated(dice.choice(DATES), text_of, dice)
    if dice.random() < 0.1:
        head.pop("Content-Length")
        head["Transfer-Encoding"] = "chunked"
        size = dice.choice((f"{len(body):x}", "-1", "fffffffffffffffff", CARD, "", "zz"))
        body = f"{size}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    if dice.random() < 0.1:
        name = dice.choice(("Set-Cookie", "Location", "Content-Encoding", "Connection", "X" * 70_000, "a b"))
        head[name] = dice.choice(("gzip", "a=b; expires=x", "http://evil/", "close", *ODD_TEXTS[4:8]))
    lines = [f"HTTP/1.1 {status} OK", *(f"{name}: {value}" for name, value in head.items())]
    if dice.random() < 0.03:
        lines += [f"X-{number}: y" for number in range(dice.choice((101, 5000)))]
    whole = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + body
    return mutated(whole, bytes_of, dice) if dice.random() < 0.3 else whole


def check(outcome: Outcome) -> None:
    """What is kept of an answer has a bound, and names no card."""
    match outcome:
        case Delivered(active=active, grant=grant):
            names = [each for each in (active and active.id, grant and grant.session) if each]
            assert all(1 <= len(name) <= 128 and name not in (".", "..") for name in names)
            assert active is None or (active.card == CARD and active.slot in SLOTS)
            assert grant is None or 1 <= grant.slot < 2**31
        case Undelivered(reason=reason, retry_after_s=after, malformed=malformed):
            assert after is None or 0 <= after <= MAX_RETRY_S
            told(reason)
            told_problem(malformed)
        case Refused(problem=problem) | Rejected(problem=problem):
            told_problem(problem)


def told_problem(problem: Problem | None) -> None:
    """All of it can be written down as JSON."""
    if problem is not None:
        for text in (problem.title, problem.detail, problem.type):
            told(text)


def told(text: str) -> None:
    """Bounded, encodable, and no card."""
    assert len(text) <= LONGEST_TEXT, f"{len(text)} characters"
    text.encode()
    plain = text.upper().replace(":", "").replace("%3A", "")
    assert CARD not in plain, f"a card in clear: {text[:300]!r}"
