"""What an HTTP server takes and gives: requests, answers in one piece, streams, raw bytes, problems."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.utils import formatdate
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import unquote

import msgspec

PROBLEM = "application/problem+json"
MAX_REASON = 200
"""Characters of what is wrong with a request."""

Shape = TypeVar("Shape")


class HttpError(Exception):
    """A request is answered with this problem; handlers raise it from anywhere."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.answer = problem(status, detail, headers=headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a handler gets. `params` are the path's parts, decoded; `stopping` is set when the server stops.

    `client` is the address from which it came.
    """

    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: "Message[str, str]"
    body: bytes
    stopping: threading.Event
    client: str = ""

    def json(self, shape: type[Shape]) -> Shape:
        """The body in this shape, a msgspec.Struct for example. Raises HttpError if it is no JSON or not in shape."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (ValueError, RecursionError) as error:
            reason = str(error)[:MAX_REASON]
            raise HttpError(HTTPStatus.BAD_REQUEST, f"The body does not do: {reason}.") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer in one piece."""

    status: int = 200
    body: bytes = b""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """An answer without an end of its own. `chunks` get the server's `stopping` and must end when it is set."""

    chunks: Callable[[threading.Event], Iterable[bytes]]
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """Bytes for the connection as they are, which is closed after them: none at all is a dropped connection.

    Only a server that misbehaves sends them.
    """

    chunks: Callable[[threading.Event], Iterable[bytes]] = field(default=lambda _: ())


Reply = Answer | Stream | Raw
Handler = Callable[[Request], Reply]


class Route:
    """Calls `handler` for a method and a path like `/stations/{stationId}`; a `{name}` takes one non-empty segment."""

    def __init__(self, method: str, pattern: str, handler: Handler) -> None:
        self.method = method
        self.handler = handler
        self.pattern = pattern
        self._segments = pattern.split("/")

    def match(self, path: str) -> dict[str, str] | None:
        """The path's parameters, percent-decoded, or None if this is another path."""
        found = path.split("/")
        if len(found) != len(self._segments):
            return None
        params = {}
        for wanted, segment in zip(self._segments, found, strict=True):
            value = unquote(segment)
            if wanted.startswith("{") and value:
                params[wanted[1:-1]] = value
            elif wanted != value:
                return None
        return params


def json_answer(value: object, status: int = 200) -> Answer:
    """`value` as JSON."""
    return Answer(status=status, body=json.dumps(value).encode(), content_type="application/json")


def problem(status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> Answer:
    """Problem details (RFC 9457)."""
    value = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Answer(status=status, body=json.dumps(value).encode(), content_type=PROBLEM, headers=headers or {})


def rendered(
    answer: Answer, *, keep: bool = False, head_only: bool = False, also: Mapping[str, str] | None = None
) -> bytes:
    """An answer as it goes over the wire; `keep`: the connection stays; `also`: headers, unless it has them itself."""
    headers = {**(also or {}), "Content-Length": str(len(answer.body)), **answer.headers}
    if answer.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        del headers["Content-Length"]  # RFC 9110 section 8.6
    if answer.content_type:
        headers["Content-Type"] = answer.content_type
    return head(answer.status, headers, keep=keep) + (b"" if head_only else answer.body)


def head(status: int, headers: Mapping[str, str], *, keep: bool) -> bytes:
    """Status line and headers; `keep`: the connection stays."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Date: {formatdate(usegmt=True)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append(f"Connection: {'keep-alive' if keep else 'close'}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
