"""Servers that do on each connection what a script says: slow, broken, greedy, silent."""

import contextlib
import itertools
import socket
import threading
from collections.abc import Callable

from agent.clock import boottime
from agent.effects import Act, ActName

CARD = "04A1B2C3D4E5F6"
START = Act(name=ActName.START, key="k", lane="S", session="S")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n" + b'{"session":null}'
TIMEOUT_S = 0.5
PATIENCE_S = 5.0
LATE_S = 3.0
"""How late a busy machine may be; what is tested would take PATIENCE_S, or for ever."""
Script = Callable[[socket.socket], object]


class Scripted:
    """A TCP server: connection n runs script n (the last one again and again), after reading nothing by itself.

    Its kernel takes little that nobody reads.
    """

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.port: int = self._socket.getsockname()[1]
        self.connections = 0
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def url(self, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}/api/v2"

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._accepting.join(PATIENCE_S)
        for thread in self._threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.settimeout(PATIENCE_S)
            script = self._scripts[min(self.connections, len(self._scripts) - 1)]
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=[script, connection])
            self._threads.append(thread)
            thread.start()

    def _serve(self, script: Script, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            script(connection)


def request(connection: socket.socket) -> bytes:
    """Read one request without a body. Raises OSError when there is none."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        more = connection.recv(4096)
        if not more:
            raise ConnectionError("no request")
        head += more
    return head


def answers(*answers: bytes) -> Script:
    """One answer to each request, then the connection closes."""

    def script(connection: socket.socket) -> None:
        for answer in answers:
            request(connection)
            connection.sendall(answer)

    return script


def keeps(answer: bytes) -> Script:
    """The same answer for ever."""

    def script(connection: socket.socket) -> None:
        while True:
            request(connection)
            connection.sendall(answer)

    return script


def drip(prefix: bytes, forever: bytes) -> Script:
    """The prefix at once, then one byte every 50 ms for ever."""

    def script(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(prefix)
        pause = threading.Event()
        for byte in itertools.cycle(forever):
            pause.wait(0.05)
            connection.sendall(bytes([byte]))

    return script


def silent(connection: socket.socket) -> None:
    connection.settimeout(None)
    while connection.recv(4096):
        pass


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = boottime() + PATIENCE_S
    pause = threading.Event()
    while not condition():
        assert boottime() < deadline, "it did not happen in time"
        pause.wait(0.005)
