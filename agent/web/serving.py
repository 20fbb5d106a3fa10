"""Serves the station page of a real station: read-only, bounded, and never in the station's way."""

import logging
import math
import ssl
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from agent.config.address import host_and_port, is_loopback
from agent.config.settings import Config, WebSettings
from agent.http.feed import Feed
from agent.http.limits import Limits
from agent.http.local import local_only
from agent.http.messages import Route
from agent.http.server import CannotListen, Manners, Server
from agent.tls import ServerTls
from agent.tls.names import names_in
from agent.web.about import about
from agent.web.door import Door
from agent.web.files import Files
from agent.web.headers import HEADERS
from agent.web.routes import Views, page_routes

AGAIN_S = 10.0
"""How soon an address that is taken is tried again."""
LIMITS = Limits(connections=32, idle_s=20.0, request_s=10.0, answer_s=10.0, request_size=96 * 1024)

log = logging.getLogger(__name__)


class StationPage:
    """The server and its address; the thread `web` calls `step`."""

    def __init__(self, config: Config, feed: Feed, state: Callable[[], Mapping[str, Any]]) -> None:
        self._feed = feed
        views = Views(about=about(config, simulated=False), state=state, feed=feed, files=Files())
        self._server = server_of(config.web, page_routes(views), views.files)
        self._secured = not is_loopback(host_and_port(config.web.listen)[0])
        self._complained = False

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"{'https' if self._secured else 'http'}://{self._server.address}/"

    def step(self) -> float:
        """Begin to serve; the station goes on without its page if somebody has its address, which is tried again."""
        try:
            self._server.start()
        except CannotListen as error:
            if not self._complained:
                log.warning("no station page: %s", error)
            self._complained = True
            return AGAIN_S
        log.info("the station page is at %s", self.url)
        return math.inf

    def stop(self) -> None:
        """Hang up on everybody. Idempotent."""
        self._feed.close()
        self._server.stop()


def server_of(web: WebSettings, routes: list[Route], files: Files) -> Server:
    """For this machine only, or over TLS for whoever knows the token."""
    if is_loopback(host_and_port(web.listen)[0]):
        return Server(
            [local_only(route) for route in routes], web.listen, "web", Manners(headers=HEADERS, limits=LIMITS)
        )
    tls = ServerTls(web.cert_file, web.key_file)
    door = Door(web.token_file, Names(tls, web.cert_file), files)
    return Server(door.routes(routes), web.listen, "web", Manners(headers=HEADERS, limits=LIMITS, tls=tls.context))


class Names:
    """The host names of the certificate that is served now. Any thread."""

    def __init__(self, tls: ServerTls, cert_file: str) -> None:
        self._tls = tls
        self._cert_file = cert_file
        self._lock = Lock()
        self._of: ssl.SSLContext | None = None
        self._names: frozenset[str] = frozenset()

    def __call__(self) -> frozenset[str]:
        """None while the certificate cannot be used."""
        with self._lock:
            try:
                context = self._tls.context()
                if context is not self._of:
                    self._of, self._names = context, names_in(context, self._cert_file)
            except OSError as error:
                log.debug("the certificate's names cannot be read: %s", error)
            return self._names
