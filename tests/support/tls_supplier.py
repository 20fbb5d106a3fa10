"""A supplier behind TLS that says yes to everything; its certificate can be changed while it runs."""

import ssl
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from typing import Any, Self

VERSIONS = {"1.1": "TLSv1_1", "1.2": "TLSv1_2", "1.3": "TLSv1_3"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        """Done."""
        self._answer()

    def do_GET(self) -> None:
        """No session."""
        self._answer()

    def _answer(self) -> None:
        assert isinstance(self.server, TlsSupplier)
        self.server.asked.append((self.headers["Idempotency-Key"], self.headers["Authorization"]))
        body = b'{"session":null}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's own name
        """Nothing."""


class TlsSupplier(ThreadingHTTPServer):
    """On a free port of 127.0.0.1, without TLS until `secure`; a context manager.

    `asked`: key and authorization of each request. `connections` and `open`: those made so far, and those that stand.
    """

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str | None, str | None]] = []
        self.connections = 0
        self.open = 0
        self._context: ssl.SSLContext | None = None
        self._thread = threading.Thread(target=self.serve_forever, args=[0.02])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    @property
    def url(self) -> str:
        """Of its API."""
        return f"https://127.0.0.1:{self.server_port}/api/v2"

    def secure(self, certificate: Path, key: Path, clients: Path | None = None, newest: str = "1.3") -> None:
        """Serve with this from the next connection on; `clients`: the CA of which clients need a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        if clients:
            context.load_verify_locations(clients)
            context.verify_mode = ssl.CERT_REQUIRED
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            version = ssl.TLSVersion[VERSIONS[newest]]
            context.minimum_version = min(version, ssl.TLSVersion.TLSv1_2)
            context.maximum_version = version
        if newest == "1.1":
            context.set_ciphers("ALL:@SECLEVEL=0")
        self._context = context

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the connection's own thread."""
        self.connections += 1
        self.open += 1
        plain: socket = request
        plain.settimeout(10)
        try:
            if self._context is None:
                super().finish_request(plain, client_address)
                return
            with self._context.wrap_socket(plain, server_side=True) as line:
                super().finish_request(line, client_address)
        except OSError:
            return  # no TLS: nobody is served
        finally:
            self.open -= 1

    def shutdown_request(self, request: Any) -> None:
        """The line is closed already; this is about the plain socket, which TLS has taken over."""
        self.close_request(request)
