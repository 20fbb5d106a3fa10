"""What only a simulated station's page has, as JSON: what is really there, and hands to touch it with."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.http.messages import Answer, HttpError, Reply, Request, Route, json_answer
from agent.report import masked
from agent.simulator.hands import HELD_MS, BadCard, CardLies, FaultStays, Hands, UnknownFault, uid_of
from agent.simulator.records import Standing
from agent.simulator.supplier import Books
from hardware.emulated.world import World, WorldRefused

HELD_MAX_MS = 600_000
DELAY_MAX_MS = 30_000
MOST_DIGITS = 9
Delay = Callable[[float], None]
Kill = Callable[[], bool]

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


class Wait(msgspec.Struct, forbid_unknown_fields=True):
    """`PUT /api/supplier/delay`: how long every answer of the supplier waits, in milliseconds."""

    ms: Annotated[int, Meta(ge=0, le=DELAY_MAX_MS)]


class Api:
    """The handlers of what only a simulated station has, beside what every station page has."""

    def __init__(self, hands: Hands, books: Books, world: World, *, delay: Delay, kill: Kill) -> None:
        """`delay` lets every answer of the supplier wait for so many seconds; `kill` ends the agent at once."""
        self._hands = hands
        self._books = books
        self._world = world
        self._delay = delay
        self._kill = kill

    def routes(self) -> list[Route]:
        """Everything there is."""
        return [
            Route("GET", "/api/supplier", lambda _: json_answer(self._books.view())),
            Route("PUT", "/api/supplier/cards/{uid}", self.card),
            Route("PUT", "/api/supplier/delay", self.delay),
            Route("POST", "/api/agent/kill", self.kill),
            Route("GET", "/api/world", lambda _: json_answer(self._world.snapshot())),
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

    def tap(self, asked: Request) -> Reply:
        """Hold a card to the reader for a while; answered when the card is there, not when it is gone."""
        tap = asked.json(Tap)
        done(self._hands.tap, tap.uid, tap.held_ms)
        return json_answer({"card": masked(uid_of(tap.uid)), "held_ms": tap.held_ms}, HTTPStatus.ACCEPTED)

    def card(self, asked: Request) -> Reply:
        """What a card counts as at the supplier from now on."""
        standing = asked.json(Card).standing
        return done(lambda: self._books.set_card(uid_of(asked.params["uid"]), standing))

    def delay(self, asked: Request) -> Reply:
        """How long every answer of the supplier waits from now on; what it is asked for is done at once."""
        milliseconds = asked.json(Wait).ms
        return done(lambda: self._delay(milliseconds / 1000))

    def kill(self, asked: Request) -> Reply:  # noqa: ARG002  every handler gets its request
        """End the agent as a power cut does; it is started again."""
        if not self._kill():
            raise HttpError(HTTPStatus.CONFLICT, "The agent is dead already: it is being started again.")
        return Answer(status=HTTPStatus.NO_CONTENT)


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
