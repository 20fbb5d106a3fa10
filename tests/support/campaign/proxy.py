"""The network between the station and the others: a TCP proxy that can be down, drop, stall or cut in mid-answer."""

import select
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Self

CHUNK = 4096
LOOK_S = 0.02
PATIENCE_S = 2.0
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: close(2) sends a reset (socket(7))."""


class Weather(Enum):
    """What the network does."""

    FINE = auto()
    DOWN = auto()  # nobody listens: connection refused
    DROP = auto()  # every connection is reset at once
    STALL = auto()  # connections come about, and nothing passes
    CUT = auto()  # reset after so many bytes of an answer


@dataclass(slots=True, eq=False)
class _End:
    """One end of a connection. `answers`: it is the far one's; `passed`: bytes that came from here."""

    line: socket.socket
    answers: bool
    passed: int = 0
    over: bool = False


class Proxy:
    """Listens on a port of its own and passes everything on to `target()`, one thread for all; a context manager."""

    def __init__(self, name: str, target: Callable[[], int]) -> None:
        self._target = target
        self._weather = Weather.FINE
        self._cut_after = 0
        self._listener: socket.socket | None = _listening(0)
        self.port: int = self._listener.getsockname()[1]
        self._others: dict[_End, _End] = {}
        self._lock = threading.Lock()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"proxy-{name}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        self._thread.join(PATIENCE_S + 1)

    def behave(self, weather: Weather, cut_after: int = 0) -> None:
        """From now on the network does this."""
        with self._lock:
            self._weather, self._cut_after = weather, cut_after

    def _run(self) -> None:
        while not self._closing:
            with self._lock:
                weather = self._weather
            self._listen(weather is not Weather.DOWN)
            if weather in (Weather.DOWN, Weather.DROP):
                self._reset_all()
            if weather is Weather.STALL or not self._step():
                threading.Event().wait(LOOK_S)
        self._listen(False)
        self._reset_all()

    def _listen(self, wanted: bool) -> None:
        if wanted and self._listener is None:
            with suppress(OSError):  # somebody has the port for a moment
                self._listener = _listening(self.port)
        elif not wanted and self._listener is not None:
            self._listener.close()
            self._listener = None

    def _step(self) -> bool:
        """Pass on what has come; False if there was nothing to wait on."""
        ends = {end.line: end for end in self._others if not end.over}
        waited_on = [*ends, *([self._listener] if self._listener else [])]
        if not waited_on:
            return False
        ready, _, _ = select.select(waited_on, [], [], LOOK_S)
        for line in ready:
            end = ends.get(line)
            if end is None:
                self._accept()
            elif end in self._others:
                self._pass_on(end)
        return True

    def _accept(self) -> None:
        assert self._listener is not None
        near, _ = self._listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self._target()), timeout=PATIENCE_S)
        except OSError:
            _reset(near)
            return
        for line in (near, far):
            line.settimeout(PATIENCE_S)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        here, there = _End(near, answers=False), _End(far, answers=True)
        self._others[here], self._others[there] = there, here

    def _pass_on(self, end: _End) -> None:
        other = self._others[end]
        try:
            chunk = end.line.recv(CHUNK)
            if not chunk:
                end.over = True
                other.line.shutdown(socket.SHUT_WR)
            elif end.answers and self._weather is Weather.CUT:
                other.line.sendall(chunk[: max(0, self._cut_after - end.passed)])
                end.passed += len(chunk)
            else:
                other.line.sendall(chunk)
        except OSError:
            self._reset_pair(end)
            return
        if self._weather is Weather.CUT and end.passed > self._cut_after:
            self._reset_pair(end)
        elif end.over and other.over:
            for line in self._take_out(end):
                line.close()

    def _take_out(self, end: _End) -> tuple[socket.socket, socket.socket]:
        other = self._others.pop(end)
        del self._others[other]
        return end.line, other.line

    def _reset_pair(self, end: _End) -> None:
        for line in self._take_out(end):
            _reset(line)

    def _reset_all(self) -> None:
        while self._others:
            self._reset_pair(next(iter(self._others)))


def _listening(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port), backlog=64)


def _reset(line: socket.socket) -> None:
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    line.close()
