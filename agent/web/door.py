"""Who may see the page from another machine: whoever knows the token, at an address that is this station's.

The token comes as `Authorization: Bearer` (RFC 6750), or was typed once at the sign-in page, which gives a cookie that
only this page sends back. How often somebody may be wrong is bounded.
"""

import hmac
import secrets
import socket
from collections.abc import Callable
from hashlib import blake2b
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from threading import Lock
from urllib.parse import parse_qs, urlsplit

from agent.clock import boottime
from agent.http.messages import Answer, HttpError, Reply, Request, Route
from agent.secret_files import UnusableFile, read_secret
from agent.tls.names import is_among
from agent.web.files import TYPES, Files

COOKIE = "__Host-station"
"""Only over TLS, for this host and the whole of it (RFC 6265bis, cookie name prefixes)."""
SIGNED_IN_S = 12 * 3600
SHORTEST_TOKEN = 16
TRIES = 5
"""How often one address may be wrong within `TRIES_S` seconds; all together ten times as often."""
TRIES_S = 60.0
ALL = ""
MOST_FIELDS = 4
SIGN_IN = "/sign-in"
PAGE, STYLE = "sign-in.html", "sign-in.css"
SAID_WRONG = b'<p role="alert">This is not the token. <span lang="de">(Das ist nicht der Schl\xc3\xbcssel.)</span></p>'
SAID_WAIT = (
    b'<p role="alert">Too many wrong tokens: wait a minute. <span lang="de">(Bitte eine Minute warten.)</span></p>'
)
HERE_FOR_IT = b"<!-- wrong -->"


class Tries:
    """Counts wrong tokens, by address. `clock` in seconds."""

    def __init__(self, clock: Callable[[], float] = boottime) -> None:
        self._clock = clock
        self._lock = Lock()
        self._wrong: dict[str, list[float]] = {ALL: []}

    def wait_s(self, address: str) -> float:
        """Seconds until this address may try again."""
        with self._lock:
            self._forget()
            own, everybody = self._wrong.get(address, []), self._wrong[ALL]
            since = [times[-most] for times, most in ((own, TRIES), (everybody, 10 * TRIES)) if len(times) >= most]
            return max((moment + TRIES_S - self._clock() for moment in since), default=0.0)

    def wrong(self, address: str) -> None:
        """It was wrong."""
        with self._lock:
            now = self._clock()
            for name in {address, ALL}:
                self._wrong.setdefault(name, []).append(now)

    def _forget(self) -> None:
        since = self._clock() - TRIES_S
        kept = {name: [moment for moment in times if moment > since] for name, times in self._wrong.items()}
        self._wrong = {ALL: [], **{name: times for name, times in kept.items() if times}}


class Door:
    """Lets requests through to routes; any thread.

    `names` gives what its certificate calls this station; addresses and its name in its own network do, too.
    """

    def __init__(
        self, token_file: str, names: Callable[[], frozenset[str]], files: Files, tries: Tries | None = None
    ) -> None:
        self._token_file = token_file
        self._names = names
        self._own = own_names()
        self._files = files
        self._tries = tries or Tries()
        self._key = secrets.token_bytes(32)

    def routes(self, routes: list[Route]) -> list[Route]:
        """The same for whoever may see them, and the way to sign in."""
        return [
            Route("GET", SIGN_IN, self._here(lambda _: self._sign_in_page(HTTPStatus.OK))),
            Route("POST", SIGN_IN, self._here(self._sign_in)),
            Route("GET", f"/page/{STYLE}", self._here(lambda asked: self._files.sent(STYLE, asked))),
            *(Route(route.method, route.pattern, self._here(self._known(route))) for route in routes),
        ]

    def _here(self, handler: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
        """Nobody else's name may lead here (DNS rebinding), and nobody else's page may ask (CSRF)."""

        def checked(asked: Request) -> Reply:
            host, origin = asked.headers.get("Host", ""), asked.headers.get("Origin")
            if not self._is_ours(host) or origin not in (None, f"https://{host}"):
                raise HttpError(HTTPStatus.FORBIDDEN, "This station is not called so: use its own name or address.")
            return handler(asked)

        return checked

    def _is_ours(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").removesuffix(".")
            return name in self._own or is_among(name, self._names()) or bool(ip_address(name))
        except ValueError:
            return False

    def _known(self, route: Route) -> Callable[[Request], Reply]:
        def checked(asked: Request) -> Reply:
            if self._has_token(asked) or self._has_cookie(asked):
                return route.handler(asked)
            if asked.path == "/":
                return Answer(status=HTTPStatus.SEE_OTHER, headers={"Location": SIGN_IN})
            raise HttpError(HTTPStatus.UNAUTHORIZED, "Sign in, or send the token.", {"WWW-Authenticate": "Bearer"})

        return checked

    def _has_token(self, asked: Request) -> bool:
        scheme, _, given = asked.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self._is_token(given.strip(), asked.client)

    def _is_token(self, given: str, client: str) -> bool:
        """Whether it is the token. Raises HttpError for who was wrong too often."""
        address = network_of(client)
        wait_s = self._tries.wait_s(address)
        if wait_s > 0:
            again = {"Retry-After": str(int(wait_s) + 1)}
            raise HttpError(HTTPStatus.TOO_MANY_REQUESTS, "Too many wrong tokens: wait a minute.", again)
        if hmac.compare_digest(given.encode(), self._token().encode()):
            return True
        self._tries.wrong(address)
        return False

    def _token(self) -> str:
        """Read for each request, so that a new one counts at once. Raises HttpError."""
        try:
            token = read_secret(self._token_file, "token_file").strip()
        except UnusableFile as error:
            raise HttpError(HTTPStatus.SERVICE_UNAVAILABLE, "The station's token cannot be read.") from error
        if len(token) < SHORTEST_TOKEN:
            raise HttpError(HTTPStatus.SERVICE_UNAVAILABLE, f"The token has to have {SHORTEST_TOKEN} characters.")
        return token

    def _sign_in_page(self, status: HTTPStatus, said: bytes = b"") -> Reply:
        """Its form tells where it comes from, which without a referrer browsers do not (Fetch standard, 3.1)."""
        body = self._files.read(PAGE).replace(HERE_FOR_IT, said)
        return Answer(status=status, body=body, content_type=TYPES[".html"], headers={"Referrer-Policy": "same-origin"})

    def _sign_in(self, asked: Request) -> Reply:
        if self._tries.wait_s(network_of(asked.client)) > 0:
            return self._sign_in_page(HTTPStatus.TOO_MANY_REQUESTS, SAID_WAIT)
        if not self._is_token(typed(asked.body), asked.client):
            return self._sign_in_page(HTTPStatus.FORBIDDEN, SAID_WRONG)
        until = int(boottime() + SIGNED_IN_S)
        cookie = f"{COOKIE}={until}.{self._proof(until)}; Path=/; Secure; HttpOnly; SameSite=Strict"
        return Answer(status=HTTPStatus.SEE_OTHER, headers={"Location": "/", "Set-Cookie": cookie})

    def _has_cookie(self, asked: Request) -> bool:
        until, _, proof = cookie_of(asked.headers.get("Cookie", "")).partition(".")
        if not (until.isascii() and until.isdigit() and len(until) < SHORTEST_TOKEN):
            return False
        return int(until) > boottime() and hmac.compare_digest(proof.encode(), self._proof(int(until)).encode())

    def _proof(self, until: int) -> str:
        """Nobody can make one without this process's key, and a new token makes all of them void."""
        return blake2b(f"{until} {self._token()}".encode(), key=self._key, digest_size=32).hexdigest()


def typed(body: bytes) -> str:
    """The token in a form (application/x-www-form-urlencoded); empty if there is none."""
    try:
        form = parse_qs(body.decode("ascii"), max_num_fields=MOST_FIELDS)
    except ValueError:
        return ""
    return form.get("token", [""])[0].strip()


def cookie_of(header: str) -> str:
    """The station's cookie; empty if there is none."""
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def own_names() -> frozenset[str]:
    """What this machine is called in its own network."""
    name = socket.gethostname().lower()
    return frozenset({"localhost", name, f"{name}.local"})


def network_of(client: str) -> str:
    """An address, of IPv6 the network of 64 bits, of which everybody has all."""
    return client if ":" not in client else ":".join(ip_address(client.partition("%")[0]).exploded.split(":")[:4])
