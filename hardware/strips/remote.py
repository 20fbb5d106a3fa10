"""The agent's end of the lights process: a strip that another process drives."""

import socket
from collections.abc import Sequence
from pathlib import Path

from hardware.parts import LightsFailure, PartMissing, Rgb
from hardware.sockets import at_path
from hardware.strips import frames
from hardware.strips.child import Child
from hardware.strips.frames import FrameError, Incoming, Kind

ANSWER_WITHIN_S = 1.0
"""How long a frame may take; 1000 pixels take 30 ms."""
READ_AT_MOST = 4096
BLACK: Rgb = (0, 0, 0)


class RemoteStrip:
    """The pixels on one pin, behind a Unix socket. After a failure the next frame connects again."""

    def __init__(self, path: Path, pin: int, pixels: int, child: Child | None = None) -> None:
        """Connect to `path` and take the strip; `child` is started if nobody listens. Raises PartMissing."""
        self._path = path
        self._pin = pin
        self._pixels = pixels
        self._child = child
        self._closed = False
        self._line: socket.socket | None = self._connect()

    def show(self, frame: Sequence[Rgb]) -> None:
        """See parts.Strip; pixels beyond the frame stay dark."""
        if self._closed:
            raise LightsFailure("the strip is closed: open it again")
        try:
            line = self._line or self._connect()
        except PartMissing as error:
            raise LightsFailure(str(error)) from error
        self._line = None
        try:
            _ask(line, frames.frame([*frame, *[BLACK] * (self._pixels - len(frame))]))
        except (OSError, FrameError) as error:
            line.close()
            raise LightsFailure(f"the lights process took no frame ({error}): see its log") from error
        except LightsFailure:
            line.close()
            raise
        self._line = line

    def close(self) -> None:
        """See parts.Strip; the lights process goes dark when it hears nobody any more."""
        self._closed = True
        if self._line is not None:
            self._line.close()
            self._line = None

    def _connect(self) -> socket.socket:
        line = self._reach()
        try:
            _ask(line, frames.hello(self._pin, self._pixels))
        except (OSError, FrameError) as error:
            line.close()
            raise PartMissing(f"the lights process at {self._path} hung up ({error}): see its log") from error
        except LightsFailure as error:
            line.close()
            raise PartMissing(str(error)) from error
        return line

    def _reach(self) -> socket.socket:
        try:
            return _connected(self._path)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            if self._child is None:
                raise PartMissing(
                    f"no lights process listens at {self._path} ({error}): start station-lights.service, "
                    f"or as root `station-agent lights --socket {self._path}`"
                ) from error
        except OSError as error:
            raise PartMissing(f"the lights process at {self._path} cannot be reached: {error}") from error
        self._child.start()
        try:
            return _connected(self._path)
        except OSError as error:
            raise PartMissing(f"the lights process started here cannot be reached: {error}") from error


def _connected(path: Path) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.settimeout(ANSWER_WITHIN_S)
    try:
        at_path(path, line.connect)
    except OSError:
        line.close()
        raise
    return line


def _ask(line: socket.socket, message: bytes) -> None:
    """Send one message and wait for its answer. Raises LightsFailure for a `FAILED`, OSError and FrameError."""
    line.sendall(message)
    incoming = Incoming()
    while not (answers := incoming.feed(_some(line))):
        pass
    kind, body = answers[0]
    if kind is Kind.FAILED:
        raise LightsFailure(body.decode(errors="replace"))
    if kind is not Kind.DONE:
        raise FrameError(f"a {kind.name.lower()} for an answer")


def _some(line: socket.socket) -> bytes:
    data = line.recv(READ_AT_MOST)
    if not data:
        raise ConnectionError("it hung up")
    return data
