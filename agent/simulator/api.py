"""The simulated station as JSON, on loopback: what it is, what happens, and hands to touch it with."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from agent.control import ControlError
from agent.http.feed import Feed
from agent.http.local import local_only
from agent.http.messages import Answer, HttpError, Reply, Request, Route, Stream, json_answer
from agent.report import masked
from agent.simulator.hands import HELD_MS, BadCard, CardLies, FaultStays, Hands, UnknownFault, uid_of
from agent.simulator.records import Standing
from hardware.emulated.world import WorldRefused

HELD_MAX_MS = 600_000
MOST_DIGITS = 9
SetCard = Callable[[str, Standing], None]
View = Callable[[], Mapping[str, Any]]

STATUSES: Mapping[type[Exception], HTTPStatus] = {
    BadCard: HTTPStatus.BAD_REQUEST,
    UnknownFault: HTTPStatus.NOT_FOUND,
    CardLies: HTTPStatus.CONFLICT,
    WorldRefused: HTTPStatus.CONFLICT,
    FaultStays: HTTPStatus.CONFLICT,
}


class Tap(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /api/reader/taps`: a card held to the reader for `held_ms` milliseconds."""

    uid: str
    held_ms: Annotated[int, Meta(ge=1, le=HELD_MAX_MS)] = HELD_MS


class Card(msgspec.Struct, forbid_unknown_fields=True):
    """`PUT /api/supplier/cards/{uid}`: what the card counts as from now on."""

    standing: Standing


class Api:
    """The handlers of the simulated station's JSON API. `state` is the agent's own word and may raise ControlError."""

    def __init__(
        self, hands: Hands, feed: Feed, *, state: View, supplier: View, world: View, set_card: SetCard
    ) -> None:
        self._hands = hands
        self._feed = feed
        self._state = state
        self._supplier = supplier
        self._world = world
        self._set_card = set_card

    def routes(self) -> list[Route]:
        """Everything there is."""
        routes = [
            Route("GET", "/api/state", self.state),
            Route("GET", "/api/events", self.events),
            Route("GET", "/api/supplier", lambda _: json_answer(self._supplier())),
            Route("PUT", "/api/supplier/cards/{uid}", self.card),
            Route("GET", "/api/world", lambda _: json_answer(self._world())),
            Route("GET", "/api/faults", lambda _: json_answer(self._hands.faults)),
            Route("POST", "/api/reader/taps", self.tap),
            Route("PUT", "/api/reader/cards/{uid}", lambda asked: done(self._hands.hold, asked.params["uid"])),
            Route("DELETE", "/api/reader/cards/{uid}", lambda asked: done(self._hands.remove, asked.params["uid"])),
            Route("PUT", "/api/vehicles/{slot}", lambda asked: done(self._hands.drive, slot_of(asked), True)),
            Route("DELETE", "/api/vehicles/{slot}", lambda asked: done(self._hands.drive, slot_of(asked), False)),
            Route("PUT", "/api/faults/{name}", lambda asked: done(self._hands.set_fault, asked.params["name"], True)),
            Route(
                "DELETE", "/api/faults/{name}", lambda asked: done(self._hands.set_fault, asked.params["name"], False)
            ),
        ]
        return [local_only(route) for route in routes]

    def state(self, asked: Request) -> Reply:  # noqa: ARG002  every handler gets its request
        """The agent's own word; 503 while it is dead."""
        try:
            return json_answer(self._state())
        except ControlError as error:
            raise HttpError(HTTPStatus.SERVICE_UNAVAILABLE, str(error), {"Retry-After": "1"}) from error

    def events(self, asked: Request) -> Reply:  # noqa: ARG002  every handler gets its request
        """Server-sent events: `state`, `world`, `call`, `line`."""
        return Stream(chunks=self._feed.read, content_type="text/event-stream")

    def tap(self, asked: Request) -> Reply:
        """Hold a card to the reader for a while; answered when the card is there, not when it is gone."""
        tap = asked.json(Tap)
        done(self._hands.tap, tap.uid, tap.held_ms)
        return json_answer({"card": masked(uid_of(tap.uid)), "held_ms": tap.held_ms}, HTTPStatus.ACCEPTED)

    def card(self, asked: Request) -> Reply:
        """What a card counts as at the supplier from now on."""
        standing = asked.json(Card).standing
        return done(lambda: self._set_card(uid_of(asked.params["uid"]), standing))


def slot_of(asked: Request) -> int:
    """The slot in the path. Raises HttpError for what no slot could be called."""
    number = asked.params["slot"]
    if not number.isdecimal() or len(number) > MOST_DIGITS:
        raise HttpError(HTTPStatus.NOT_FOUND, "a slot is a number: see /api/world for those that there are")
    return int(number)


def done(act: Callable[..., None], *arguments: object) -> Reply:
    """Do it; what cannot be done is a problem."""
    try:
        act(*arguments)
    except tuple(STATUSES) as error:
        status = next(status for kind, status in STATUSES.items() if isinstance(error, kind))
        raise HttpError(status, str(error)) from error
    return Answer(status=HTTPStatus.NO_CONTENT)
