"""Connections to the supplier that keep to a deadline at every step: look-up, connecting, TLS, writing and reading."""

import contextlib
import io
import socket
import ssl
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from threading import Lock, Thread
from typing import TYPE_CHECKING
from weakref import WeakSet

from agent.clock import boottime
from agent.secret_files import UnusableFile
from agent.tls import Tls
from agent.tls.handshake import secured

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_RECEIVED = 256 * 1024
"""Bytes that may come within one exchange, headers and framing included; requests alone knows no such limit."""

Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
STOPPING = "the station is stopping"
AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, Address]


class Broken(Exception):
    """No answer came. `connected`: a connection had been made, so the supplier may have seen the request."""

    def __init__(self, reason: str, *, connected: bool) -> None:
        super().__init__(reason)
        self.connected = connected


class Line:
    """A connected socket as urllib3 uses one, bound to a deadline and a number of bytes that each exchange sets.

    `ended`: the other end said that nothing more will come.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._until = 0.0
        self._may_receive = 0
        self.ended = False

    def begin(self, until: float) -> None:
        """The next exchange may last until then (CLOCK_BOOTTIME seconds)."""
        self._until = until
        self._may_receive = MAX_RECEIVED

    def sendall(self, data: bytes) -> None:
        """Raises OSError, also when the time is over."""
        rest = memoryview(data)
        while rest:
            self._sock.settimeout(left(self._until))
            rest = rest[self._sock.send(rest) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What comes in, as a file that raises OSError when the time is over or too much came."""
        return io.BufferedReader(_Incoming(self, self._sock.makefile("rb", buffering=0)))

    def receive_into(self, file: io.RawIOBase, buffer: "WriteableBuffer") -> int | None:
        """One read from the socket's `file`."""
        if self._may_receive <= 0:
            raise OSError(f"more than {MAX_RECEIVED // 1024} KiB came")
        self._sock.settimeout(left(self._until))
        count = file.readinto(buffer)
        self._may_receive -= count or 0
        self.ended = count == 0
        return count

    def settimeout(self, _timeout: float | None) -> None:
        """Nothing: urllib3 asks for a time-out of every single read, but here the deadline rules."""

    def fileno(self) -> int:
        """The socket's, to be polled."""
        return self._sock.fileno()

    def cut(self) -> None:
        """End what another thread is doing on this line."""
        _cut(self._sock)

    def close(self) -> None:
        """Idempotent."""
        self._sock.close()


class _Incoming(io.RawIOBase):
    """The reading side of a line."""

    def __init__(self, line: Line, file: io.RawIOBase) -> None:
        self._line = line
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        return self._line.receive_into(self._file, buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class Dialler:
    """Makes connections to one server; with `tls`, TLS ones."""

    def __init__(self, host: str, port: int, tls: Tls | None) -> None:
        self.host = host
        self.port = port
        self._tls = tls
        self._names = _Names(host, port)
        self._lock = Lock()
        self._lines: WeakSet[Line] = WeakSet()  # an answer under way holds its line, even after urllib3 closed it
        self._making: WeakSet[socket.socket] = WeakSet()
        self._closed = False

    def dial(self, until: float) -> Line:
        """A new line, made until then (CLOCK_BOOTTIME seconds). Raises Broken."""
        line = Line(self._connect(until) if self._tls is None else self._secure(self._tls, until))
        with self._lock:
            if not self._closed:
                self._lines.add(line)
                return line
        line.close()
        raise Broken(f"the connection to the supplier is closed, for {STOPPING}", connected=False)

    def close(self) -> None:
        """Cut every line, also those that are being made, and make no more. Idempotent."""
        with self._lock:
            self._closed = True
            for line in self._lines:
                line.cut()
            for sock in self._making:
                _cut(sock)
        self._names.close()

    def _connect(self, until: float) -> socket.socket:
        """The first address that takes a connection; each gets its share of the time, so none starves the next."""
        problem = "its name has no address"
        try:
            addresses = self._names.look_up(until)
            for position, info in enumerate(addresses):
                share = left(until) / (len(addresses) - position)
                try:
                    return self._reach(info, share)
                except OSError as error:
                    problem = said(error)
        except (OSError, UnicodeError) as error:
            problem = said(error)
        raise Broken(f"no connection to the supplier at {self.host}:{self.port}: {problem}", connected=False)

    def _reach(self, info: AddressInfo, timeout_s: float) -> socket.socket:
        family, kind, protocol, _, address = info
        sock = socket.socket(family, kind, protocol)
        try:
            self._note(sock)
            sock.settimeout(timeout_s)
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            sock.close()
            raise
        return sock

    def _note(self, sock: socket.socket) -> None:
        """From now on `close` cuts it. Raises OSError once that has come."""
        with self._lock:
            if self._closed:
                raise OSError(STOPPING)
            self._making.add(sock)

    def _secure(self, tls: Tls, until: float) -> socket.socket:
        def shake(line: ssl.SSLSocket) -> None:
            self._note(line)
            line.settimeout(left(until))
            line.do_handshake()

        try:
            return secured(tls, lambda: self._connect(until), self.host, shake)
        except UnusableFile as error:
            raise Broken(f"no TLS with the supplier: {error}", connected=False) from error
        except (OSError, ValueError) as error:
            raise Broken(f"no TLS with the supplier at {self.host}: {said(error)}", connected=True) from error


class _Names:
    """Looks up a host name beside the caller, for getaddrinfo knows no time-out. Callers share one look-up."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._lock = Lock()
        self._running: Future[Sequence[AddressInfo]] | None = None

    def look_up(self, until: float) -> Sequence[AddressInfo]:
        """What getaddrinfo answers. Raises OSError (unknown, or no time left) and UnicodeError (no name at all)."""
        with self._lock:
            if self._running is None:
                self._running = Future()
                # A daemon, because a look-up that hangs cannot be ended and must not hold up the process.
                Thread(target=self._work, args=[self._running], name="supplier-names", daemon=True).start()
            running = self._running
        return running.result(left(until))

    def close(self) -> None:
        """Nobody waits for a look-up any more; later ones end as usual."""
        with self._lock:
            if self._running is not None:
                self._running.set_exception(OSError(STOPPING))
                self._running = None

    def _work(self, future: Future[Sequence[AddressInfo]]) -> None:
        with contextlib.suppress(InvalidStateError):  # `close` was faster
            try:
                found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            except (OSError, UnicodeError) as error:
                self._finish(future)
                future.set_exception(error)
            else:
                self._finish(future)
                future.set_result(found)

    def _finish(self, future: Future[Sequence[AddressInfo]]) -> None:
        with self._lock:
            if self._running is future:
                self._running = None


def said(error: BaseException) -> str:
    """What an error says for people; some say nothing but their name."""
    return str(error) or type(error).__name__


def left(until: float) -> float:
    """Seconds until then. Raises TimeoutError when there are none."""
    left = until - boottime()
    if left <= 0:
        raise TimeoutError("the time for the whole exchange is over")
    return left


def _cut(sock: socket.socket) -> None:
    """End what another thread does on it, be it connecting; SSLSocket.shutdown would pull its TLS object away."""
    with contextlib.suppress(OSError):  # the other end may have been faster
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
