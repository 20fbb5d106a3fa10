"""What the page asks for, the same on a real station and on a simulated one. Everything is read-only here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from agent.control import ControlError
from agent.http.feed import Feed
from agent.http.messages import Answer, HttpError, Reply, Request, Route, Stream, json_answer
from agent.web.files import Files

HISTORY = "history"
NO_HISTORY: Mapping[str, Any] = {"slots": {}, "faults": []}
MOST_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """What the page shows. `about` does not change; `state` is the agent's own word and may raise ControlError."""

    about: Mapping[str, Any]
    state: Callable[[], Mapping[str, Any]]
    feed: Feed
    files: Files


def page_routes(views: Views) -> list[Route]:
    """The page, its files and its JSON."""
    return [
        Route("GET", "/", views.files.index),
        Route("GET", "/page/{name}", views.files.named),
        Route("GET", "/api/page", lambda _: json_answer(views.about)),
        Route("GET", "/api/state", lambda _: _state(views.state)),
        Route("GET", "/api/conversation", lambda _: _conversation(views.feed)),
        Route("GET", "/api/history", lambda _: json_answer(views.feed.latest(HISTORY) or NO_HISTORY)),
        Route("GET", "/api/events", lambda asked: _events(views.feed, asked)),
    ]


def _state(state: Callable[[], Mapping[str, Any]]) -> Reply:
    """The agent's own word; 503 while it is dead."""
    try:
        return json_answer(state())
    except ControlError as error:
        raise HttpError(HTTPStatus.SERVICE_UNAVAILABLE, str(error), {"Retry-After": "1"}) from error


def _conversation(feed: Feed) -> Reply:
    steps = b",".join(step.body for step in feed.numbered())
    return Answer(body=b'{"steps":[%s]}' % steps, content_type="application/json")


def _events(feed: Feed, asked: Request) -> Reply:
    """Server-sent events; a browser that comes back says which step it has seen last."""
    if feed.full:
        raise HttpError(HTTPStatus.SERVICE_UNAVAILABLE, "Too many look on already: close another page.")
    last = asked.headers.get("Last-Event-ID", "")
    seen = int(last) if last.isascii() and last.isdigit() and len(last) <= MOST_DIGITS else 0
    return Stream(chunks=lambda stopping: feed.read(stopping, seen), content_type="text/event-stream")
