"""One connection of an HTTP server: requests are read whole, then handled and answered, one after the other."""

import io
import logging
import ssl
import threading
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

from agent.http.limits import Incoming, Limits, TooLarge
from agent.http.messages import (
    MAX_REASON,
    Answer,
    HttpError,
    Raw,
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

MAX_LINE = 65536

_log = logging.getLogger(__name__)


class Serving(ThreadingHTTPServer):
    """What a conversation needs of its server. `misbehaves`: handlers may send bytes that are no HTTP."""

    routes: Sequence[Route]
    headers: Mapping[str, str]
    limits: Limits
    misbehaves: bool
    stopping: threading.Event

    def crowded(self) -> bool:
        """Whether places are rare: a caller that was answered then leaves its own."""
        return False


class Conversation(BaseHTTPRequestHandler):
    """Reads, routes and answers; what goes wrong with a caller ends its conversation and nothing else."""

    server: Serving
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        """With a bound for what comes in; a TLS handshake has the time of a request. Raises OSError."""
        if isinstance(self.request, ssl.SSLSocket):
            self.request.settimeout(self.server.limits.request_s)
            self.request.do_handshake()
        super().setup()
        self._incoming = Incoming(self.connection, self.server.limits)
        self.rfile = io.BufferedReader(self._incoming)

    def handle_one_request(self) -> None:
        """Read, handle and answer one, or end the conversation."""
        self.command = ""
        self._incoming.next_request()
        try:
            self.raw_requestline = self.rfile.readline(MAX_LINE + 1)
            if len(self.raw_requestline) > MAX_LINE:
                self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)
            elif not self.raw_requestline:
                self.close_connection = True
            elif self.parse_request():
                self._send(self._handled())
        except TooLarge as error:
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, str(error))
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
                return self._answered(route, self._request(path, params, query, body))
            allowed.append(route.method)
        if allowed:
            raise HttpError(
                HTTPStatus.METHOD_NOT_ALLOWED, f"Only {', '.join(allowed)} here.", {"Allow": ", ".join(allowed)}
            )
        raise HttpError(HTTPStatus.NOT_FOUND, "There is nothing at this path.")

    def _request(self, path: str, params: Mapping[str, str], query: str, body: bytes) -> Request:
        return Request(
            method=self.command,
            path=path,
            params=params,
            query=dict(parse_qsl(query)),
            headers=self.headers,
            body=body,
            stopping=self.server.stopping,
            client=str(self.client_address[0]),
        )

    def _answered(self, route: Route, request: Request) -> Reply:
        reply = route.handler(request)
        if isinstance(reply, Raw) and not self.server.misbehaves:
            raise TypeError("this server sends nothing but HTTP")
        return reply

    def _send(self, reply: Reply) -> None:
        self.connection.settimeout(self.server.limits.answer_s)
        self.close_connection = self.close_connection or self.server.crowded()
        if isinstance(reply, Answer):
            head_only = self.command == "HEAD"
            keep = not self.close_connection
            self.wfile.write(rendered(reply, keep=keep, head_only=head_only, also=self.server.headers))
            return
        self.close_connection = True
        if isinstance(reply, Stream):
            headers = {**self.server.headers, "Content-Type": reply.content_type, "Cache-Control": "no-store"}
            self.wfile.write(head(HTTPStatus.OK, headers, keep=False))
        for chunk in reply.chunks(self.server.stopping):
            self.wfile.write(chunk)
