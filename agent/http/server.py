"""A small HTTP server: routes by method and path, JSON in and out, problems (RFC 9457), streams.

It also misbehaves on request: it drops connections, writes bytes of its caller's own and stops in the middle of both.
"""

import contextlib
import logging
import socket
import socketserver
import threading
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from agent.http.messages import (
    MAX_REASON,
    Answer,
    HttpError,
    Reply,
    Request,
    Route,
    Stream,
    head,
    problem,
    rendered,
)

MAX_BODY = 64 * 1024
"""Bytes of a request's body."""

MAX_CONNECTIONS = 128
IDLE_S = 60
STOP_S = 5.0
ACCEPT_AGAIN_S = 0.05
MAX_LINE = 65536

_log = logging.getLogger(__name__)


class CannotListen(Exception):
    """The address cannot be listened on; the message says which to try."""


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

    def __init__(self, routes: Sequence[Route], listen: str, name: str) -> None:
        self.host, self.port = parse_listen(listen)
        self._routes = routes
        self._name = name
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
            self._listener = _Listener((self.host, self.port), self._routes, self._name)
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


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], routes: Sequence[Route], name: str) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.routes = routes
        self.stopping = threading.Event()
        self._name = name
        self._lock = threading.Lock()
        self._open: dict[threading.Thread, socket.socket] = {}
        super().__init__(address, _Conversation)

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
            crowded = len(self._open) >= MAX_CONNECTIONS
            if not crowded:
                self._open[thread] = request
        if crowded:
            self.shutdown_request(request)
        else:
            thread.start()

    def shutdown_request(self, request: Any) -> None:  # as socketserver has it
        with self._lock:
            self._open.pop(threading.current_thread(), None)
            super().shutdown_request(request)

    def handle_error(self, _request: Any, client_address: Any) -> None:  # as socketserver has it
        _log.exception("the conversation with %s failed", client_address)

    def end_conversations(self) -> None:
        with self._lock:
            threads = list(self._open)
            for connection in self._open.values():
                with contextlib.suppress(OSError):  # the client may have gone already
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            if thread is not threading.current_thread():  # a handler may stop its own server
                thread.join(STOP_S)


class _Conversation(BaseHTTPRequestHandler):
    """One connection: requests are read whole, then handled and answered, one after the other."""

    server: _Listener
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S

    def handle_one_request(self) -> None:
        self.command = ""
        try:
            self.raw_requestline = self.rfile.readline(MAX_LINE + 1)
            if len(self.raw_requestline) > MAX_LINE:
                self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)
            elif not self.raw_requestline:
                self.close_connection = True
            elif self.parse_request():
                self._send(self._handled())
        except OSError as error:  # the client went away, said nothing for long, or the server stops
            _log.debug("the connection from %s ended: %s", self.client_address, error)
            self.close_connection = True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library turns away, as a problem."""
        self.close_connection = True
        detail = explain or message or HTTPStatus(code).phrase  # which may quote the whole request line
        self._send(problem(code, detail[:MAX_REASON]))

    def _handled(self) -> Reply:
        try:
            return self._guarded(self._body())
        except HttpError as error:
            return error.answer

    def _guarded(self, body: bytes) -> Reply:
        try:
            return self._routed(body)
        except HttpError:
            raise
        except Exception:  # noqa: BLE001  # a handler's mistake is told and must not end the conversation
            _log.exception("%s %s failed", self.command, self.path)
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The server failed; its log says how.")

    def _body(self) -> bytes:
        """The whole body. What cannot be read leaves the connection out of step, so it closes."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise HttpError(HTTPStatus.LENGTH_REQUIRED, "Send a Content-Length; chunked bodies are not taken.")
        if not (length.isascii() and length.isdigit()):
            self.close_connection = True
            raise HttpError(HTTPStatus.BAD_REQUEST, "Content-Length is no number.")
        if len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY:
            self.close_connection = True
            raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body may have {MAX_BODY} bytes.")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionError("the body ended early")
        return body

    def _routed(self, body: bytes) -> Reply:
        path, _, query = self.path.partition("?")
        allowed = []
        for route in self.server.routes:
            params = route.match(path)
            if params is None:
                continue
            if route.method == self.command:
                return route.handler(
                    Request(
                        method=self.command,
                        path=path,
                        params=params,
                        query=dict(parse_qsl(query)),
                        headers=self.headers,
                        body=body,
                        stopping=self.server.stopping,
                    )
                )
            allowed.append(route.method)
        if allowed:
            raise HttpError(
                HTTPStatus.METHOD_NOT_ALLOWED, f"Only {', '.join(allowed)} here.", {"Allow": ", ".join(allowed)}
            )
        raise HttpError(HTTPStatus.NOT_FOUND, "There is nothing at this path.")

    def _send(self, reply: Reply) -> None:
        if isinstance(reply, Answer):
            head_only = self.command == "HEAD"
            self.wfile.write(rendered(reply, keep=not self.close_connection, head_only=head_only))
            return
        self.close_connection = True
        if isinstance(reply, Stream):
            headers = {"Content-Type": reply.content_type, "Cache-Control": "no-store"}
            self.wfile.write(head(HTTPStatus.OK, headers, keep=False))
        for chunk in reply.chunks(self.server.stopping):
            self.wfile.write(chunk)
