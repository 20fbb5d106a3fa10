"""The lights process: puts frames from a Unix socket on a strip, as root, and can do nothing else.

Who may connect is decided by the socket's folder and mode and, again, by the kernel's word for who it is (SO_PEERCRED,
unix(7)). One agent at a time has the strip. A newer one takes it over once it has named a strip that can be: two agents
are there only when one of them hangs. When an agent goes, however it goes, its strip goes dark.
"""

import logging
import os
import selectors
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

from hardware.clock import boottime
from hardware.parts import LightsFailure, PartMissing, Strip
from hardware.strips import frames
from hardware.strips.frames import FrameError, Incoming, Kind

READ_AT_MOST = 4096
NAMED_WITHIN_S = 1.0
"""How long somebody new may take to name a strip; nobody else is let in meanwhile."""
_PEER = struct.Struct("3i")

logger = logging.getLogger(__name__)

OpenStrip = Callable[[int, int], Strip]
"""From a BCM pin and a number of pixels to the strip. Raises PartMissing."""


class _Guest:
    """One connection. It has the strip if `strip` is set."""

    def __init__(self, line: socket.socket, until: float) -> None:
        self.line = line
        self.until = until
        self.incoming = Incoming()
        self.strip: Strip | None = None
        self.pixels = 0

    def answer(self, message: bytes) -> None:
        """Send without waiting: one that does not take its answers is no agent. Raises OSError."""
        self.line.sendall(message)


class LightsServer:
    """Serves one strip at a time at `listener`, from the thread that calls `run`."""

    def __init__(
        self,
        listener: socket.socket,
        users: frozenset[int],
        open_strip: OpenStrip,
        clock: Callable[[], float] = boottime,
    ) -> None:
        """`users`: the ids of those who may connect. The listener is closed by `run`."""
        self._listener = listener
        self._listener.setblocking(False)
        self._users = users
        self._open_strip = open_strip
        self._clock = clock
        self._host: _Guest | None = None
        self._newcomer: _Guest | None = None
        self._refused: set[int] = set()
        self._missing = ""
        self._stopping = False
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._selector = selectors.DefaultSelector()
        for one in (listener, self._bell):
            self._selector.register(one, selectors.EVENT_READ)

    def stop(self) -> None:
        """Let `run` end; a signal handler may call it."""
        self._stopping = True
        os.eventfd_write(self._bell, 1)

    def end_with(self, pipe: int) -> None:
        """Let `run` end when the other end of this pipe is closed."""
        self._selector.register(pipe, selectors.EVENT_READ, self.stop)

    def run(self) -> None:
        """Serve until `stop`, then go dark and let go of everything."""
        try:
            while not self._stopping:
                self._step()
        finally:
            for guest in (self._newcomer, self._host):
                if guest is not None:
                    self._part_from(guest)
            self._selector.close()
            self._listener.close()
            os.close(self._bell)

    def _step(self) -> None:
        newcomer = self._newcomer
        patience = None if newcomer is None else max(0.0, newcomer.until - self._clock())
        for key, _ in self._selector.select(patience):
            if key.fileobj is self._listener:
                self._accept()
            elif isinstance(key.data, _Guest):
                self._hear(key.data)
            elif key.data is not None:
                key.data()
        if newcomer is not None and newcomer is self._newcomer and self._clock() >= newcomer.until:
            self._send_away(newcomer, "it named no strip in time")

    def _accept(self) -> None:
        line, _ = self._listener.accept()
        line.setblocking(False)
        process, user, _ = _PEER.unpack(line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
        if user not in self._users:
            line.close()
            if user not in self._refused:
                self._refused.add(user)
                logger.warning("user %d (process %d) may not drive the lights and was sent away", user, process)
            return
        self._newcomer = _Guest(line, self._clock() + NAMED_WITHIN_S)
        self._selector.register(line, selectors.EVENT_READ, self._newcomer)
        self._selector.unregister(self._listener)

    def _hear(self, guest: _Guest) -> None:
        if guest not in (self._host, self._newcomer):
            return  # it lost the strip to a newer one in this very step
        try:
            data = guest.line.recv(READ_AT_MOST)
            for message in guest.incoming.feed(data):
                self._obey(guest, *message)
        except (FrameError, OSError) as error:
            self._send_away(guest, str(error))
            return
        except PartMissing as error:
            self._tell_missing(str(error))
            self._part_from(guest)
            return
        if not data:
            self._part_from(guest)

    def _obey(self, guest: _Guest, kind: Kind, body: bytes) -> None:
        if kind is Kind.HELLO and guest is self._newcomer:
            self._let_in(guest, *frames.strip_of(body))
        elif kind is Kind.FRAME and guest.strip is not None:
            self._show(guest, guest.strip, body)
        else:
            raise FrameError(f"a {kind.name.lower()} out of turn")

    def _let_in(self, guest: _Guest, pin: int, pixels: int) -> None:
        if self._host is not None:
            self._send_away(self._host, "another agent took the strip over")
        try:
            guest.strip, guest.pixels = self._open_strip(pin, pixels), pixels
        except PartMissing as error:
            guest.answer(frames.failed(str(error)))
            raise
        self._host, self._newcomer, self._missing = guest, None, ""
        self._selector.register(self._listener, selectors.EVENT_READ)
        logger.info("an agent has the strip of %d pixels on GPIO%d", pixels, pin)
        guest.answer(frames.done())

    def _tell_missing(self, reason: str) -> None:
        """The agent asks again and again; the log hears each reason once."""
        if reason != self._missing:
            self._missing = reason
            logger.warning("no lights: %s", reason)

    def _show(self, guest: _Guest, strip: Strip, body: bytes) -> None:
        pixels = frames.pixels_of(body, guest.pixels)
        try:
            strip.show(pixels)
        except LightsFailure as error:
            guest.answer(frames.failed(str(error)))
            return
        guest.answer(frames.done())

    def _send_away(self, guest: _Guest, reason: str) -> None:
        logger.warning("an agent was sent away: %s", reason)
        self._part_from(guest)

    def _part_from(self, guest: _Guest) -> None:
        self._selector.unregister(guest.line)
        with suppress(OSError):
            guest.line.shutdown(socket.SHUT_RDWR)
        guest.line.close()
        if guest.strip is not None:
            guest.strip.close()
        if guest is self._host:
            self._host = None
        if guest is self._newcomer:
            self._newcomer = None
            self._selector.register(self._listener, selectors.EVENT_READ)
