"""Strips that remember, and the lights process's server in a thread of the test."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hardware.parts import LightsFailure, PartMissing, Rgb
from hardware.strips.door import listen_at
from hardware.strips.server import LightsServer


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
