"""The world's door: lets one agent's chips in, shows them the world and does to it what they do."""

import logging
import os
import selectors
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hardware.emulated.wire import Incoming, WireError, encode, frame_of, line_of, stream
from hardware.emulated.world import View, World, WorldRefused, encode_view
from hardware.sockets import at_path

READ_AT_MOST = 64 * 1024
READS_AT_LAST = 8

logger = logging.getLogger(__name__)


class _Agent:
    """One connection, never waited for: what it does not read yet waits here, at most one view of it.

    One that has gone is still listened to: what it last did to its lines waits in the socket.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.incoming = Incoming()
        self.shown: View | None = None
        self.unsent = b""
        self.gone = False

    def show(self, view: View) -> None:
        """Send as much as goes without waiting: the rest of the last view, then this one."""
        try:
            self._flush()
            if not self.unsent and view != self.shown:
                self.unsent, self.shown = encode(encode_view(view)), view
                self._flush()
        except BlockingIOError:
            return
        except OSError:
            self.unsent, self.gone = b"", True

    def _flush(self) -> None:
        if self.unsent:
            self.unsent = self.unsent[self.connection.send(self.unsent) :]


class WorldServer:
    """Serves `world` at a Unix socket from a thread named "world-server", which also lets the world's time pass.

    Only one agent is connected at a time: a new connection takes the place of the old, which is closed.
    """

    def __init__(self, world: World, path: Path) -> None:
        """Listen at `path`. Raises WorldRefused if another world does, or if there can be no socket."""
        self._world = world
        self._path = path
        self._agent: _Agent | None = None
        self._closing = threading.Event()
        self._listener = _listen(path)
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._unsubscribe = world.subscribe(self._ring)
        self._thread = threading.Thread(target=self._run, name="world-server", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Send the agent away, stop listening and remove the socket. Idempotent."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._unsubscribe()
        os.eventfd_write(self._bell, 1)
        self._thread.join()
        self._drop_agent()
        self._selector.close()
        self._listener.close()
        os.close(self._bell)
        self._path.unlink(missing_ok=True)

    def _ring(self, snapshot: dict[str, Any]) -> None:
        del snapshot
        os.eventfd_write(self._bell, 1)

    def _run(self) -> None:
        while not self._closing.is_set():
            wait = self._world.step()
            self._show()
            for key, _ in self._selector.select(wait):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj == self._bell:
                    os.eventfd_read(self._bell)
                elif self._agent is not None and key.fileobj is self._agent.connection:
                    self._receive(self._agent)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setblocking(False)
        if self._agent is not None:
            logger.warning("another agent came: the one before is sent away")
            self._hear_out(self._agent)
        self._drop_agent()
        self._agent = _Agent(connection)
        self._selector.register(connection, selectors.EVENT_READ)

    def _hear_out(self, agent: _Agent) -> None:
        # Killed, it may have left its last words in the socket when its successor is at the door already.
        for _ in range(READS_AT_LAST):
            if self._agent is agent:
                self._receive(agent)

    def _receive(self, agent: _Agent) -> None:
        try:
            data = agent.connection.recv(READ_AT_MOST)
            messages = agent.incoming.feed(data)
            for message in messages:
                self._do(message)
        except BlockingIOError:
            return
        except (OSError, WireError) as error:
            logger.warning("the agent is sent away: %s", error)
            data = b""
        if not data:
            self._drop_agent()

    def _do(self, message: dict[str, Any]) -> None:
        if "line" in message:
            self._world.set_line(*line_of(message))
        elif "frame" in message:
            self._world.show(*frame_of(message))
        else:
            raise WireError("a message that is neither line nor frame")

    def _show(self) -> None:
        agent = self._agent
        if agent is None:
            return
        if not agent.gone:
            agent.show(self._world.view())
        waiting = selectors.EVENT_WRITE if agent.unsent else 0
        self._selector.modify(agent.connection, selectors.EVENT_READ | waiting)

    def _drop_agent(self) -> None:
        if self._agent is not None:
            self._selector.unregister(self._agent.connection)
            self._agent.connection.close()
            self._agent = None


def _listen(path: Path) -> socket.socket:
    listener = stream()
    try:
        _remove_leftover(path)
        # The mode a socket has before bind is the mode its name gets: nobody else can slip in between.
        os.fchmod(listener.fileno(), 0o600)
        at_path(path, listener.bind)
        listener.listen()
    except OSError as error:
        listener.close()
        raise WorldRefused(f"no world can be served at {path} ({error}): choose another --state folder") from error
    except WorldRefused:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def _remove_leftover(path: Path) -> None:
    """A socket that nobody answers at is what a killed world left."""
    with stream() as probe:
        try:
            at_path(path, probe.connect)
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            path.unlink()
            return
    raise WorldRefused(f"a world is served at {path} already: stop that simulation first")
