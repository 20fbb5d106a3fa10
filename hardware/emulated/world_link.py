"""The chips' end of the world: knows what the world last said, and tells it what the chips do."""

import logging
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hardware.clock import boottime
from hardware.emulated.cards import Field, ReaderFault
from hardware.emulated.wire import Incoming, WireError, encode, frame_message, stream, view_of
from hardware.emulated.world import View
from hardware.parts import PartMissing, Rgb
from hardware.sockets import at_path

ANSWER_WITHIN_S = 5.0
READ_AT_MOST = 64 * 1024

logger = logging.getLogger(__name__)


class WorldLink:
    """Keeps a mirror of the world (`field`, `closed`, `fault`), so that no chip access waits for another process.

    Its thread is named "world". `lost` is called there, once, when the world went away unasked.
    """

    def __init__(self, path: Path, lost: Callable[[], None], *, answer_within_s: float = ANSWER_WITHIN_S) -> None:
        """Connect and wait for the first view. Raises PartMissing."""
        self.field = Field()
        self._lost = lost
        self._view = View()
        self._watchers: list[Callable[[], None]] = []
        self._sending = threading.Lock()
        self._closing = threading.Event()
        self._incoming = Incoming()
        self._socket = _connect(path, answer_within_s)
        try:
            self._await_view()
        except (OSError, WireError) as error:
            self._socket.close()
            raise PartMissing(f"the world at {path} does not answer ({error}): {_START}") from error
        self._thread = threading.Thread(target=self._run, name="world", daemon=True)
        self._thread.start()

    def drive(self, pin: int, level: int | None) -> None:
        """Tell the world an output's level; None: it was let go of. Raises OSError when the world is gone."""
        self._send({"line": [pin, level]})

    def show(self, pixels: Sequence[Rgb]) -> None:
        """Tell the world what the strip shows. Raises OSError when the world is gone."""
        self._send(frame_message(pixels, boottime()))

    def closed(self, pin: int) -> bool:
        """Whether a contact pulls this pin to ground."""
        return pin in self._view.closed

    def high(self) -> frozenset[int]:
        """The outputs that the world has high."""
        return frozenset(self._view.high)

    def fault(self, name: str) -> bool:
        """Whether this fault is switched on."""
        return name in self._view.faults

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` in the link's thread after every view."""
        self._watchers.append(changed)

    def close(self) -> None:
        """Leave the world as it is. Idempotent."""
        self._closing.set()
        self._hang_up()
        self._thread.join()
        self._socket.close()

    def _await_view(self) -> None:
        while not self._receive():
            pass

    def _receive(self) -> bool:
        """Take in what arrived; whether a view was in it. Raises OSError and WireError."""
        data = self._socket.recv(READ_AT_MOST)
        if not data:
            raise ConnectionError("it hung up")
        messages = self._incoming.feed(data)
        for message in messages[-1:]:
            self._mirror(view_of(message))
        return bool(messages)

    def _mirror(self, view: View) -> None:
        self._view = view
        present = set(self.field.uids())
        for uid in present - set(view.cards):
            self.field.remove(uid)
        for uid in sorted(set(view.cards) - present):
            self._place(uid)
        fault = next((fault for fault in ReaderFault if fault.value in view.faults), None)
        if fault is not self.field.fault:
            self.field.fault = fault

    def _place(self, uid: str) -> None:
        try:
            self.field.place(uid)
        except ValueError as error:
            raise WireError(str(error)) from error

    def _run(self) -> None:
        try:
            while True:
                self._next()
        except (OSError, WireError) as error:
            if not self._closing.is_set():
                logger.warning("the world is gone: %s", error)
                self._hang_up()
                self._lost()

    def _next(self) -> None:
        try:
            self._receive()
        except TimeoutError:
            return
        for changed in list(self._watchers):
            changed()

    def _send(self, message: dict[str, Any]) -> None:
        with self._sending:
            try:
                self._socket.sendall(encode(message))
            except OSError:
                # Half a line may have left: nothing sensible can follow it.
                self._hang_up()
                raise

    def _hang_up(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            logger.debug("the world had hung up already")


_START = "start one with `station-agent simulate`"


def _connect(path: Path, timeout_s: float) -> socket.socket:
    connection = stream()
    connection.settimeout(timeout_s)
    try:
        at_path(path, connection.connect)
    except OSError as error:
        connection.close()
        raise PartMissing(f"no world is served at {path} ({error}): {_START}") from error
    return connection
