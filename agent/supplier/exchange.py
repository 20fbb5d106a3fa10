"""HTTP exchanges with the supplier, each inside one deadline: look-up, connecting, sending, headers and body together.

This is requests over lines that keep to a deadline. Its own time-outs bound a single read, so a server that sends a
byte now and then would hold its caller for ever.
"""

import logging
from collections.abc import Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass
from http import HTTPStatus
from threading import Lock
from types import ModuleType
from typing import Any
from urllib.parse import SplitResult, urlsplit

from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from agent.clock import boottime
from agent.secret_files import UnusableFile
from agent.supplier.line import Broken, Dialler, Line, left, said
from agent.tls import Tls
from agent.tls.reasons import why
from agent.version import VERSION
from hardware.stand_in import standing_in


def _no_guesses() -> ModuleType:
    """In place of charset_normalizer: 3 MB that guess a text's encoding, and nobody here asks requests for a text."""
    module = ModuleType("charset_normalizer")
    vars(module).update(__version__="3.0.0", detect=lambda _: {"encoding": None})
    return module


# idna's tables (1 MB) are loaded when a host's name needs them, which is seldom
with standing_in({"charset_normalizer": _no_guesses(), "idna": ModuleType("idna")}, ()):
    import requests
    from requests.adapters import HTTPAdapter

MAX_BODY = 64 * 1024
"""Bytes of an answer that are looked at (contract section 3)."""

IDLE_S = 15.0
"""Seconds an idle connection is trusted: routers forget silent ones, and a driver would wait out the time-out."""

MAX_KEPT = 10
"""Idle connections that are kept; what is more is closed."""

DEFAULT_PORTS = {"http": 80, "https": 443}

# Its warnings name the URL, and with it the card. What went wrong is told by Broken and by Answer.broken.
logging.getLogger("urllib3").setLevel(logging.ERROR)


class Unusable(Exception):
    """A supplier setting cannot be used; the message says which and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. `body` holds at most MAX_BODY bytes.

    `too_long`: there was more of it. `broken`: why the body stopped before its end (empty: it did not).
    """

    status: int
    body: bytes = b""
    too_long: bool = False
    broken: str = ""
    retry_after: str = ""
    date: str = ""


class Exchanger:
    """Exchanges with one server, from any number of threads; connections are kept a while and used again.

    `url` is the base of every path. `tls` is used for https. Raises Unusable.
    """

    def __init__(self, url: str, tls: Tls, timeout_s: float) -> None:
        base = _base(url)
        self._base = base.geturl().rstrip("/")
        host = base.netloc.removesuffix(f":{DEFAULT_PORTS[base.scheme]}")
        self._headers = {"Host": host, "User-Agent": f"station-agent/{VERSION}", "Accept-Encoding": "identity"}
        self._tls = tls if base.scheme == "https" else None
        self._dialler = Dialler(base.hostname or "", base.port or DEFAULT_PORTS[base.scheme], self._tls)
        self._timeout_s = timeout_s
        self._lock = Lock()
        self._context: object = None
        self._kept = _Adapter(self._dialler)

    def exchange(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        until: float,
        fresh: bool = False,
    ) -> Answer:
        """Send one request and return its answer, both until then (CLOCK_BOOTTIME seconds): nothing is sent later.

        `path` follows the base and is percent-encoded. `fresh`: over a connection of its own, not a kept one.
        Raises Broken.
        """
        self._heed_files()
        request = requests.PreparedRequest()
        request.prepare(method, self._base + path, {**self._headers, **headers}, data=body)
        with closing(_Adapter(self._dialler)) if fresh else nullcontext(self._kept) as adapter:
            try:
                with adapter.send(request, stream=True, timeout=_time_left(until)) as response:
                    return _read(response)
            except (requests.RequestException, HTTPError) as error:
                root = _root(error)
                raise Broken(f"the connection to the supplier broke: {why(root)}", connected=True) from root

    def deadline(self) -> float:
        """Until when an exchange that begins now may last, CLOCK_BOOTTIME seconds."""
        return boottime() + self._timeout_s

    def probe(self) -> None:
        """Make a connection and hang up: nothing is asked. Raises Broken."""
        until = self.deadline()
        self._heed_files()
        self._dialler.dial(until).close()

    def close(self) -> None:
        """Close every connection and cut what is under way. Idempotent; later exchanges raise Broken."""
        self._dialler.close()
        self._kept.close()

    def _heed_files(self) -> None:
        """Close what was connected under files that have changed since. Raises Broken if those cannot be used now."""
        if self._tls is None:
            return
        try:
            context = self._tls.context()
        except UnusableFile as error:
            self._use(None)
            raise Broken(f"no TLS with the supplier: {error}", connected=False) from error
        self._use(context)

    def _use(self, context: object) -> None:
        with self._lock:
            if context is self._context:
                return
            self._context = context
        self._kept.close()


class _Adapter(HTTPAdapter):
    """Carries requests to the one server that its dialler knows. It repeats none by itself (max_retries is 0).

    Without a session around it nothing is taken from the environment, no cookie kept and no redirect followed, so no
    exchange changes it, and threads may share it.
    """

    def __init__(self, dialler: Dialler) -> None:
        super().__init__()
        self._dialler = dialler
        self._pool = self._new_pool()

    def get_connection_with_tls_context(self, *_args: object, **_kwargs: object) -> HTTPConnectionPool:
        """The same for http and https: TLS is the dialler's."""
        return self._pool

    def cert_verify(self, *_args: object) -> None:
        """Nothing: the dialler's context does it, and the bundle that requests would look for need not exist."""

    def close(self) -> None:
        """Close what is kept. Like every HTTPAdapter it could be used again."""
        super().close()
        old, self._pool = self._pool, self._new_pool()
        old.close()

    def _new_pool(self) -> "_Pool":
        return _Pool(self._dialler.host, self._dialler.port, maxsize=MAX_KEPT, dialler=self._dialler)


class _Connection(HTTPConnection):
    """A connection of which every exchange, from the look-up to the last byte, keeps to its deadline."""

    _line: Line
    timeout: Any  # seconds: urllib3 sets them anew for each request

    def __init__(self, *args: Any, dialler: Dialler, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._dialler = dialler
        self._used = 0.0

    @property
    def is_connected(self) -> bool:
        """Whether it can be trusted still: used not long ago, neither closed by the other end nor spoken on unasked."""
        return super().is_connected and boottime() - self._used <= IDLE_S

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send a request, if need be over a new line. Raises Broken and OSError."""
        until = boottime() + self.timeout
        if self.sock is None:
            self.sock = self._line = self._dialler.dial(until)
        self._line.begin(until)
        super().request(*args, **kwargs)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3's own differs from http.client's
        """The answer's status and headers. Raises OSError and HTTPException."""
        response = super().getresponse()
        self._used = boottime()
        if self._line.ended:  # http.client takes the end of the connection for the end of the headers
            response.close()
            raise ConnectionError("the answer's headers are cut short")
        if response.status < HTTPStatus.OK:  # a final answer may follow, and would pass for that of the next request
            self.close()
        return response


class _Pool(HTTPConnectionPool):
    """Kept connections: the one used last is taken first, and tested before."""

    ConnectionCls = _Connection


def _base(url: str) -> SplitResult:
    """The URL as requests writes it. Raises Unusable."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in DEFAULT_PORTS and parts.hostname and parts.port != 0
        base = urlsplit(requests.Request("GET", url).prepare().url or "") if usable else None
    except ValueError as error:
        raise Unusable(f"[supplier] url is no URL: {error}.") from error
    if base is None:
        raise Unusable("[supplier] url must be https://HOST/PATH, or http:// for a supplier on this machine.")
    if "@" in base.netloc or base.query or base.fragment:
        raise Unusable("[supplier] url is a base only: no user, no query and no fragment; secrets go to token_file.")
    return base


def _read(response: requests.Response) -> Answer:
    body, broken = b"", ""
    try:
        body = response.raw.read(MAX_BODY + 1)
        if len(body) <= MAX_BODY and response.raw.length_remaining:
            broken = "the supplier's answer ended before its Content-Length"
    except (HTTPError, ValueError) as error:  # ValueError: a chunk of negative length
        broken = f"the supplier's answer broke off: {said(_root(error))}"
    return Answer(
        status=response.status_code,
        body=body[:MAX_BODY],
        too_long=len(body) > MAX_BODY,
        broken=broken,
        retry_after=response.headers.get("Retry-After", ""),
        date=response.headers.get("Date", ""),
    )


def _time_left(until: float) -> float:
    """Seconds. Raises Broken when there are none: whoever comes late must not send what others have repeated."""
    try:
        return left(until)
    except TimeoutError as error:
        raise Broken(f"nothing was sent to the supplier: {error}", connected=False) from error


def _root(error: BaseException) -> BaseException:
    """What happened, without the words of requests and urllib3 around it: they name the URL, and with it the card."""
    while isinstance(error, (requests.RequestException, HTTPError)) and error.__context__ is not None:
        error = error.__context__
    return error
