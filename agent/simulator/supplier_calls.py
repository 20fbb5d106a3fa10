"""Reads requests to the simulated supplier as `config/supplier-api.yaml` describes them; what does not fit is a 4xx."""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from agent.http.messages import HttpError, Request
from agent.simulator.records import Call

CARD = r"^([0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{20})\Z"
STATION = r"^[A-Za-z0-9._-]{1,64}\Z"
SLOT = r"^[1-9][0-9]{0,9}\Z"
KEY = r"^[!-~]{1,255}\Z"
SESSION = r"^(?!\.{1,2}\Z)(?s:.{1,128})\Z"
MAX_SLOT = 2**31 - 1

Colour = Literal["blue", "white", "red"]


class _Acquire(msgspec.Struct):
    card: Annotated[str, Meta(pattern=CARD)]


class _On(msgspec.Struct, tag_field="action", tag="on"):
    color: Colour


class _Flicker(msgspec.Struct, tag_field="action", tag="flicker"):
    color: Colour
    duration: Annotated[float, Meta(ge=1, le=60000, multiple_of=1)]  # an integer of JSON Schema, which is also 1.0


class _Off(msgspec.Struct, tag_field="action", tag="off"):
    pass


class _Support(msgspec.Struct):
    error: dict[str, Any]


_Light = _On | _Flicker | _Off

PATHS: Mapping[str, tuple[str, str]] = {
    "ask": ("GET", "/stations/{stationId}/session/{cardId}"),
    "acquire": ("POST", "/stations/{stationId}"),
    "leds": ("POST", "/stations/{stationId}/leds/{light}"),
    "lock": ("PUT", "/stations/{stationId}/slot/{slotNumber}/lock"),
    "unlock": ("PUT", "/stations/{stationId}/slot/{slotNumber}/unlock"),
    "support": ("POST", "/stations/{stationId}/support"),
    "start": ("PUT", "/sessions/{sessionId}/start"),
    "end": ("PUT", "/sessions/{sessionId}/end"),
    "pay": ("PUT", "/sessions/{sessionId}/pay"),
}


def read_call(name: str, request: Request) -> Call:
    """The request as a call of this name. Raises HttpError."""
    params = request.params
    light = params.get("light", "")
    return Call(
        name=name,
        method=request.method,
        path=request.path,
        key="" if name == "ask" else _key(request),
        station=_fitting(params["stationId"], STATION, "station") if "stationId" in params else "",
        slot=_slot(params.get("slotNumber", light)),
        session=_fitting(params["sessionId"], SESSION, "session") if "sessionId" in params else "",
        light=light,
        **_BODIES.get(name, _no_body)(request),
    )


def _no_body(_request: Request) -> dict[str, Any]:
    return {}


def _asked_card(request: Request) -> dict[str, Any]:
    return {"card": _fitting(request.params["cardId"], CARD, "card")}


def _card_body(request: Request) -> dict[str, Any]:
    asked = request.json(_Acquire)
    return {"card": asked.card, "body": msgspec.to_builtins(asked)}


def _light_body(request: Request) -> dict[str, Any]:
    light: _Light = request.json(_Light)  # type: ignore[arg-type]  # msgspec takes a union where a type is asked for
    shown = msgspec.to_builtins(light)
    return {"body": shown | {"duration": int(light.duration)} if isinstance(light, _Flicker) else shown}


def _error_body(request: Request) -> dict[str, Any]:
    return {"body": msgspec.to_builtins(request.json(_Support))}


_BODIES: Mapping[str, Callable[[Request], dict[str, Any]]] = {
    "ask": _asked_card,
    "acquire": _card_body,
    "leds": _light_body,
    "support": _error_body,
}


def _key(request: Request) -> str:
    key = str(request.headers.get("Idempotency-Key", "")).strip()
    if not re.match(KEY, key):
        raise HttpError(HTTPStatus.BAD_REQUEST, "Every act needs an Idempotency-Key of 1 to 255 visible characters.")
    return key


def _slot(text: str) -> int:
    if text in ("", "main"):
        return 0
    number = int(_fitting(text, SLOT, "slot"))
    if number > MAX_SLOT:
        raise HttpError(HTTPStatus.NOT_FOUND, "There is no such slot.")
    return number


def _fitting(value: str, pattern: str, what: str) -> str:
    if not re.match(pattern, value):
        raise HttpError(HTTPStatus.NOT_FOUND, f"There is no such {what}.")
    return value
