"""How world and chips speak: a Unix stream socket, one JSON object a line, both ways.

World to chips: the whole view at once, again after every change: `{"cards": [uid], "closed": [pin], "faults": [name],
"high": [pin]}`.
Chips to world: `{"line": [pin, 0 | 1 | null]}` for an output, `{"frame": "rrggbb..."}` for what the strip shows.
"""

import json
import socket
from collections.abc import Sequence
from typing import Any

from hardware.emulated.world import View
from hardware.parts import Rgb

LINE_AT_MOST = 64 * 1024
PINS = range(54)
LEVELS = (0, 1, None)


class WireError(Exception):
    """The other end sent what it never should; the connection is of no use any more."""


def stream() -> socket.socket:
    """A Unix stream socket."""
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)


def encode(message: dict[str, Any]) -> bytes:
    """One line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


class Incoming:
    """Cuts what arrives into messages."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The messages that are complete with `data`. Raises WireError."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if any(len(line) > LINE_AT_MOST for line in (*lines, self._rest)):
            raise WireError(f"a line of more than {LINE_AT_MOST} bytes")
        return [_decode(line) for line in lines]


def _decode(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise WireError(f"a line that is no JSON: {error}") from error
    if not isinstance(message, dict):
        raise WireError("a line that is no JSON object")
    return message


def view_of(message: dict[str, Any]) -> View:
    """The view in a message. Raises WireError."""
    try:
        cards = tuple(str(uid) for uid in message["cards"])
        closed = tuple(int(pin) for pin in message["closed"])
        faults = tuple(str(name) for name in message["faults"])
        high = tuple(int(pin) for pin in message["high"])
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(f"a message that is no view: {error!r}") from error
    return View(cards, closed, faults, high)


def line_of(message: dict[str, Any]) -> tuple[int, int | None]:
    """Pin and level in a `line` message. Raises WireError."""
    match message["line"]:
        case [int(pin), level] if pin in PINS and level in LEVELS:
            return pin, level
    raise WireError("a message that names no line and level")


def frame_message(pixels: Sequence[Rgb], at: float) -> dict[str, Any]:
    """A `frame` message; `at` is when the strip took it (CLOCK_BOOTTIME seconds, the same in every process)."""
    return {"frame": bytes(channel for pixel in pixels for channel in pixel).hex(), "at": at}


def frame_of(message: dict[str, Any]) -> tuple[tuple[Rgb, ...], float]:
    """The pixels in a `frame` message, and when the strip took them. Raises WireError."""
    try:
        channels = bytes.fromhex(message["frame"])
        pixels = tuple(
            (red, green, blue) for red, green, blue in zip(channels[::3], channels[1::3], channels[2::3], strict=True)
        )
        return pixels, float(message["at"])
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(f"a message that holds no frame: {error}") from error
