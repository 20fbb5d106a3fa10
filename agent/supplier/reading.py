"""Reads the supplier's answers: an HTTP answer becomes one outcome (contract section 3). Pure.

What the supplier says is outside input: it is bounded here, and the card that was asked for is masked in whatever text
comes back, because problems are shown on `errors` and in logs.
"""

import re
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from agent.answers import ActiveSession, Delivered, Grant, Outcome, Problem, Refused, Rejected, Undelivered
from agent.supplier.exchange import MAX_BODY, Answer

RETRIED = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
SUCCESS, REDIRECT, CLIENT_ERROR, SERVER_ERROR = 2, 3, 4, 5
MAX_RETRY_AFTER_S = 600.0
MAX_TEXT = 1024
"""Characters of a problem's text that are kept."""

BETWEEN = r"(?:[-:. _]|%3A|%2D|%20|0x|,|\\x)*"
"""What people put between the bytes of a UID."""

Shape = TypeVar("Shape")

_SessionId = Annotated[str, Meta(min_length=1, max_length=128)]
# An integer of JSON Schema, which is also 1.0.
_SlotNumber = Annotated[float, Meta(ge=1, le=2**31 - 1, multiple_of=1)]


class _Session(msgspec.Struct, rename="camel"):
    id: _SessionId
    card: str
    slot_number: _SlotNumber


class _ActiveAnswer(msgspec.Struct):
    session: _Session | None


class _MadeSession(msgspec.Struct):
    id: _SessionId | None = None


class _Slot(msgspec.Struct):
    number: _SlotNumber


class _GrantAnswer(msgspec.Struct):
    slot: _Slot
    session: _MadeSession | None = None


def read_active(answer: Answer, card: str, slots: frozenset[int], now: float) -> Outcome:
    """The answer to GET session for `card` at a station with `slots`; `now` is Unix time in seconds."""
    if answer.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND):
        return Delivered(status=answer.status)
    outcome = _settled(answer, card, now, about_card=True, body_counts=True)
    if not isinstance(outcome, Delivered):
        return outcome
    try:
        return Delivered(status=answer.status, active=_active(answer.body, card, slots))
    except ValueError as error:
        return malformed(answer, now, str(error))


def read_grant(answer: Answer, card: str, now: float) -> Outcome:
    """The answer to acquire for `card`. Whether the station has the slot that it names is for the workflow to say."""
    outcome = _settled(answer, card, now, about_card=True, body_counts=True)
    if not isinstance(outcome, Delivered):
        return outcome
    try:
        return Delivered(status=answer.status, grant=_grant(answer.body))
    except ValueError as error:
        return malformed(answer, now, str(error))


def read_status(answer: Answer, card: str, now: float) -> Outcome:
    """The answer to every other act: its status counts, its body only tells why it was refused."""
    return _settled(answer, card, now, about_card=False, body_counts=False)


def _settled(answer: Answer, card: str, now: float, *, about_card: bool, body_counts: bool) -> Outcome:
    """What the status alone decides. `about_card`: a 403 refuses the card, not the station."""
    status, family = answer.status, answer.status // 100
    if status == HTTPStatus.UNAUTHORIZED or (status == HTTPStatus.FORBIDDEN and not about_card):
        return Rejected(problem=_problem(answer, card))
    if status in RETRIED or family == SERVER_ERROR:
        return Undelivered(reason=f"the supplier answered {status}", retry_after_s=_retry_after_s(answer, now))
    if family not in (SUCCESS, CLIENT_ERROR):
        return malformed(answer, now, "redirects are not followed" if family == REDIRECT else "no such status is known")
    if body_counts and answer.broken:
        return Undelivered(reason=told(answer.broken, card))
    if body_counts and answer.too_long:
        return malformed(answer, now, f"it is over {MAX_BODY // 1024} KiB")
    return Delivered(status=status) if family == SUCCESS else Refused(problem=_problem(answer, card))


def _active(body: bytes, card: str, slots: frozenset[int]) -> ActiveSession | None:
    session = _decoded(body, _ActiveAnswer).session
    if session is None:
        return None
    if session.card.upper() != card.upper():
        raise ValueError("it names the session of another card")
    if session.slot_number not in slots:
        raise ValueError(f"it names slot {session.slot_number:.0f}, which this station does not have")
    return ActiveSession(id=_usable(session.id), card=card, slot=int(session.slot_number))


def _grant(body: bytes) -> Grant:
    given = _decoded(body, _GrantAnswer)
    made = given.session.id if given.session else None
    return Grant(slot=int(given.slot.number), session="" if made is None else _usable(made))


def _usable(session: str) -> str:
    if session in (".", ".."):
        raise ValueError(f"its session id {session} cannot stand in a URL")
    return session


def _decoded(body: bytes, shape: type[Shape]) -> Shape:
    """`body` in this shape. Raises ValueError, also for arrays nested beyond reason."""
    try:
        return msgspec.json.decode(body, type=shape)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def malformed(answer: Answer, now: float, why: str) -> Undelivered:
    """An answer that cannot be used, and `why` not; `now` is Unix time in seconds."""
    reason = f"the supplier's answer {answer.status} cannot be used: {why}"
    problem = Problem(status=HTTPStatus.BAD_GATEWAY, title="Malformed Answer", detail=_bounded(reason))
    return Undelivered(reason=reason, retry_after_s=_retry_after_s(answer, now), malformed=problem)


def _problem(answer: Answer, card: str) -> Problem:
    """Problem details (RFC 9457) of a JSON object, or else the text as it stands."""
    text = answer.body.decode(errors="replace")
    try:
        said = _decoded(answer.body, dict[str, object])
    except ValueError:
        said = {}
    known = {name: value for name in ("title", "detail", "type") if isinstance(value := said.get(name), str)}
    if "title" not in known and "detail" not in known:
        known["detail"] = text
    return Problem(
        status=answer.status,
        title=told(known.get("title", ""), card),
        detail=told(known.get("detail", ""), card),
        type=told(known.get("type", "about:blank"), card),
    )


def told(text: str, card: str) -> str:
    """What the supplier wrote, as it may be shown: bounded, and `card` masked in every spelling that comes to mind.

    Masked first: a card that the bound cuts in two would be recognised no more.
    """
    return _bounded(_spellings(card).sub(f"..{card[-4:]}", text) if card else text)


def _bounded(text: str) -> str:
    return text.strip()[:MAX_TEXT]


def _spellings(card: str) -> re.Pattern[str]:
    """A UID in either case, its bytes apart or not, its characters percent-encoded (RFC 3986 section 2.1) or not."""
    octets = [card[place : place + 2] for place in range(0, len(card), 2)]
    return re.compile(BETWEEN.join("".join(map(_digit, octet)) for octet in octets), re.IGNORECASE)


def _digit(digit: str) -> str:
    codes = {ord(each) for each in (digit.upper(), digit.lower())}
    return f"(?:{re.escape(digit)}|{'|'.join(f'%{code:02X}' for code in sorted(codes))})"


def _retry_after_s(answer: Answer, now: float) -> float | None:
    """Seconds that Retry-After asks for (RFC 9110 section 10.2.3), at most ten minutes.

    A date is counted from the answer's own Date, because the station's clock may be unset.
    """
    value = answer.retry_after.strip()
    if value.isascii() and value.isdigit():
        return min(MAX_RETRY_AFTER_S, float(value))
    asked = _unix_time(value)
    if asked is None:
        return None
    sent = _unix_time(answer.date)
    return min(MAX_RETRY_AFTER_S, max(0.0, asked - (now if sent is None else sent)))


def _unix_time(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None
