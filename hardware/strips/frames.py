"""What the agent and the lights process say to each other: few messages, each of a size that is known beforehand.

A message is a header (magic, version, kind, length of the body in bytes; network order) and its body:

- `HELLO` pin, pixels: the strip that is meant. First, and once.
- `FRAME` three bytes a pixel, red, green, blue, for every pixel of the strip.
- `DONE` nothing: answers a hello or a frame that is on the strip.
- `FAILED` a sentence in UTF-8: answers one that is not, with what to do.
"""

from collections.abc import Sequence
from enum import IntEnum
from struct import Struct

from hardware.parts import Rgb

STRIP_PINS = (12, 13, 18, 19, 21)
"""BCM lines that can clock a strip: the two PWM channels, and PCM data out; the SPI line is the card reader's."""
PIXELS_AT_MOST = 1000
REASON_AT_MOST = 500
"""Bytes of a `FAILED`; a longer sentence is cut."""

_MAGIC = b"SL"
_VERSION = 1
_HEADER = Struct("!2sBBH")
_HELLO = Struct("!BH")
_CHANNELS = 3


class FrameError(ValueError):
    """What came is no message, or not one that may come now: hang up."""


class Kind(IntEnum):
    """What a message is."""

    HELLO = 1
    FRAME = 2
    DONE = 3
    FAILED = 4


_BODY_AT_MOST = {
    Kind.HELLO: _HELLO.size,
    Kind.FRAME: _CHANNELS * PIXELS_AT_MOST,
    Kind.DONE: 0,
    Kind.FAILED: REASON_AT_MOST,
}

Message = tuple[Kind, bytes]


def hello(pin: int, pixels: int) -> bytes:
    """Name the strip: its BCM pin and how many pixels it has."""
    return _message(Kind.HELLO, _HELLO.pack(pin, pixels))


def frame(pixels: Sequence[Rgb]) -> bytes:
    """One colour for each pixel of the strip."""
    return _message(Kind.FRAME, bytes(channel for pixel in pixels for channel in pixel))


def done() -> bytes:
    """It is on the strip."""
    return _message(Kind.DONE, b"")


def failed(reason: str) -> bytes:
    """It is not on the strip."""
    return _message(Kind.FAILED, reason.encode()[:REASON_AT_MOST])


def strip_of(body: bytes) -> tuple[int, int]:
    """Pin and pixels of a hello's body. Raises FrameError for a strip that cannot be."""
    if len(body) != _HELLO.size:
        raise FrameError(f"a hello of {len(body)} bytes")
    pin, pixels = _HELLO.unpack(body)
    if pin not in STRIP_PINS or not 1 <= pixels <= PIXELS_AT_MOST:
        raise FrameError(f"a strip of {pixels} pixels on GPIO{pin}")
    return pin, pixels


def pixels_of(body: bytes, count: int) -> list[Rgb]:
    """The colours of a frame's body for a strip of `count` pixels. Raises FrameError for any other number."""
    if len(body) != _CHANNELS * count:
        raise FrameError(f"a frame of {len(body)} bytes for {count} pixels")
    return list(zip(body[0::3], body[1::3], body[2::3], strict=True))


class Incoming:
    """Puts bytes, as they arrive, together to messages. It never keeps more than one message and what came with it."""

    def __init__(self) -> None:
        self._bytes = b""

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are complete now. Raises FrameError for what is none, as soon as that shows."""
        self._bytes += data
        messages: list[Message] = []
        while len(self._bytes) >= _HEADER.size:
            kind, length = _read_header(self._bytes)
            end = _HEADER.size + length
            if len(self._bytes) < end:
                break
            messages.append((kind, self._bytes[_HEADER.size : end]))
            self._bytes = self._bytes[end:]
        return messages


def _message(kind: Kind, body: bytes) -> bytes:
    return _HEADER.pack(_MAGIC, _VERSION, kind, len(body)) + body


def _read_header(data: bytes) -> tuple[Kind, int]:
    magic, version, number, length = _HEADER.unpack_from(data)
    if magic != _MAGIC or version != _VERSION:
        raise FrameError("no message of this version")
    if number not in _BODY_AT_MOST or length > _BODY_AT_MOST[Kind(number)]:
        raise FrameError(f"a message of kind {number} and {length} bytes")
    return Kind(number), length
