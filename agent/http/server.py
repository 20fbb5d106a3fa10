"""A small HTTP server: routes by method and path, JSON in and out, problems (RFC 9457), streams.

One that may also misbehaves on request: it drops connections, writes bytes of its caller's own and stops in the middle
of both.
"""

import contextlib
import logging
import socket
import socketserver
import ssl
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.http.conversation import Conversation, Serving
from agent.http.limits import Limits
from agent.http.messages import Route

STOP_S = 5.0
ACCEPT_AGAIN_S = 0.05

_log = logging.getLogger(__name__)


class CannotListen(Exception):
    """The address cannot be listened on; the message says which to try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a server behaves. `headers` go out with every answer, unless it has others of the same names.

    `tls` gives the context for the next connection, and may raise OSError; without it this is plain HTTP. `misbehaves`:
    handlers may send bytes that are no HTTP, as a simulated supplier does.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    tls: Callable[[], ssl.SSLContext] | None = None
    misbehaves: bool = False


def parse_listen(listen: str) -> tuple[str, int]:
    """`HOST:PORT`, with IPv6 hosts in brackets, as host and port. Raises CannotListen."""
    host, _, port = listen.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:  # noqa: PLR2004  # the last port
        raise CannotListen(f"{listen!r} is no address to listen on: give HOST:PORT, for example 127.0.0.1:8080.")
    return host.removeprefix("[").removesuffix("]"), int(port)


def try_address(listen: str) -> None:
    """Listen there for a moment: whoever is about to throw something away learns first that it cannot. CannotListen."""
    probe = Server((), listen, "probe")
    probe.start()
    probe.stop()


class Server:
    """Serves `routes` on `listen` (HOST:PORT, port 0 takes a free one) from `start` to `stop`, as often as you like.

    The port stays the same once it is known. Threads are called `{name}-http...`.
    """

    def __init__(self, routes: Sequence[Route], listen: str, name: str, manners: Manners | None = None) -> None:
        self.host, self.port = parse_listen(listen)
        self._routes = routes
        self._name = name
        self._manners = manners or Manners()
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Where it listens, as HOST:PORT."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def start(self) -> None:
        """Listen, unless it does already. Raises CannotListen."""
        if self._listener is not None:
            return
        try:
            self._listener = _Listener((self.host, self.port), self._routes, self._name, self._manners)
        except (OSError, UnicodeError) as error:
            raise CannotListen(f"Cannot listen on {self.address}: {error}; give another one, or port 0.") from error
        self.port = self._listener.server_address[1]
        self._thread = threading.Thread(target=self._listener.accept, name=f"{self._name}-http", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the listener and every connection, and wait for their threads. Idempotent."""
        if self._listener is None or self._thread is None:
            return
        self._listener.end_accepting()
        self._thread.join(STOP_S)
        self._listener.server_close()
        self._listener.end_conversations()
        self._listener = self._thread = None


class _Listener(Serving):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], routes: Sequence[Route], name: str, manners: Manners) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.routes = routes
        self.headers = manners.headers
        self.limits = manners.limits
        self.misbehaves = manners.misbehaves
        self.stopping = threading.Event()
        self._tls = manners.tls
        self._complaint = ""
        self._name = name
        self._lock = threading.Lock()
        self._open: dict[threading.Thread, socket.socket] = {}
        super().__init__(address, Conversation)

    def crowded(self) -> bool:
        """See Serving."""
        with self._lock:
            return 2 * len(self._open) > self.limits.connections

    def get_request(self) -> tuple[socket.socket, Any]:
        """One connection; its handshake is made in the thread of its conversation. Raises OSError."""
        connection, address = super().get_request()
        if self._tls is None:
            return connection, address
        try:
            secured = self._tls().wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        except OSError as error:
            connection.close()
            self._complain(str(error))
            raise
        self._complaint = ""
        return secured, address

    def _complain(self, sentence: str) -> None:
        """The same complaint once, not for every caller."""
        if sentence != self._complaint:
            _log.warning("%s: nobody can be answered over TLS: %s", self._name, sentence)
        self._complaint = sentence

    def server_bind(self) -> None:
        """Without HTTPServer's look-up of the host's name, which may take long."""
        socketserver.TCPServer.server_bind(self)

    def accept(self) -> None:
        """Without serve_forever's polling: `end_accepting` wakes it."""
        while not self.stopping.is_set():
            try:
                connection, address = self.get_request()
            except OSError as error:
                _log.debug("no connection was accepted: %s", error)
                self.stopping.wait(ACCEPT_AGAIN_S)
            else:
                self.process_request(connection, address)

    def end_accepting(self) -> None:
        self.stopping.set()
        self.socket.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:  # as socketserver has it
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name=f"{self._name}-http-{client_address[1]}",
            daemon=True,
        )
        with self._lock:
            crowded = len(self._open) >= self.limits.connections
            if not crowded:
                self._open[thread] = request
        if crowded:
            self.shutdown_request(request)
            return
        try:
            thread.start()
        except RuntimeError as error:  # the machine has no more of them
            _log.warning("a caller was hung up on: %s", error)
            with self._lock:
                del self._open[thread]
            self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:  # as socketserver has it
        with self._lock:
            self._open.pop(threading.current_thread(), None)
            super().shutdown_request(request)

    def handle_error(self, _request: Any, client_address: Any) -> None:  # as socketserver has it
        error = sys.exception()
        if isinstance(error, OSError):  # no handshake came about
            _log.debug("no conversation with %s: %s", client_address, error)
        else:
            _log.error("the conversation with %s failed", client_address, exc_info=error)

    def end_conversations(self) -> None:
        with self._lock:
            threads = list(self._open)
            for connection in self._open.values():
                with contextlib.suppress(OSError):  # the client may have gone already
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)  # TLS would forget what its thread still uses
        for thread in threads:
            if thread is not threading.current_thread():  # a handler may stop its own server
                thread.join(STOP_S)
