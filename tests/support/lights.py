"""Strips that remember, and the lights process's server in a thread of the test."""

import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hardware.parts import LightsFailure, PartMissing, Rgb
from hardware.sockets import at_path
from hardware.strips import frames
from hardware.strips.door import listen_at
from hardware.strips.frames import Kind
from hardware.strips.server import LightsServer

RED: Rgb = (255, 0, 0)
HELLO = frames.hello(18, 3)
LIT = frames.frame([RED] * 3)
DONE = (Kind.DONE, b"")


class Shelf:
    """Hands out one strip at a time, and keeps what was done to all of them."""

    def __init__(self) -> None:
        self.opened: list[tuple[int, int]] = []
        self.shown: list[list[Rgb]] = []
        self.lit = False
        self.lent = 0
        self.missing = ""
        self.broken = ""

    def open(self, pin: int, pixels: int) -> "ShelfStrip":
        if self.missing:
            raise PartMissing(self.missing)
        assert self.lent == 0, "the strip before is still open"
        self.lent += 1
        self.opened.append((pin, pixels))
        return ShelfStrip(self)


class ShelfStrip:
    """One that was handed out."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def show(self, frame: Sequence[Rgb]) -> None:
        if self._shelf.broken:
            raise LightsFailure(self._shelf.broken)
        self._shelf.shown.append(list(frame))
        self._shelf.lit = any(any(pixel) for pixel in frame)

    def close(self) -> None:
        self._shelf.lit = False
        self._shelf.lent -= 1


@contextmanager
def served(shelf: Shelf, path: Path, users: frozenset[int] | None = None) -> Iterator[LightsServer]:
    """The server over `shelf` at `path`, until the end of the block."""
    allowed = frozenset({os.geteuid()}) if users is None else users
    server = LightsServer(listen_at(path, "station-agent"), allowed, shelf.open)
    thread = threading.Thread(target=server.run, name="lights-server")
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(10)
        path.unlink(missing_ok=True)


class Caller:
    """Somebody at the socket."""

    def __init__(self, path: Path) -> None:
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.line.settimeout(10)
        at_path(path, self.line.connect)

    def ask(self, message: bytes) -> tuple[Kind, bytes]:
        self.line.sendall(message)
        incoming = frames.Incoming()
        while not (answers := incoming.feed(self.line.recv(4096))):
            pass
        return answers[0]

    def is_sent_away(self) -> bool:
        try:
            return self.line.recv(4096) == b""
        except ConnectionError:
            return True

    def say_and_leave(self, said: bytes) -> None:
        """Say all of it, and wait until the other side is done with it."""
        try:
            self.line.sendall(said)
            self.line.shutdown(socket.SHUT_WR)
            while self.line.recv(4096):
                pass
        except OSError:
            pass
        finally:
            self.line.close()
