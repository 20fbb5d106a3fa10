"""The supplier as the agent sees it: questions and acts go out as HTTP, outcomes come back (contract section 3)."""

import json
import logging
from collections.abc import Mapping
from threading import Lock
from typing import Any
from urllib.parse import quote

from agent.answers import Outcome, Undelivered
from agent.clock import Clock
from agent.config.settings import SupplierSettings
from agent.connection import Connection
from agent.effects import Act, ActName
from agent.secret_files import UnusableFile, read_secret
from agent.supplier.exchange import Answer, Exchanger, Unusable
from agent.supplier.line import Broken
from agent.supplier.reading import malformed, read_active, read_grant, read_status, told
from agent.supplier.watching import Request, Watcher
from agent.tls import Tls

__all__ = ["Supplier", "Unusable"]

log = logging.getLogger(__name__)


class Supplier:
    """Carries questions and acts to the supplier, from any number of threads, each in at most `request_timeout_s`.

    `station_id` stands in the paths; `slots` are the station's slot numbers. Files that cannot be used are a reason why
    there is no exchange, and are read again for the next. Raises Unusable when the URL cannot be used.
    """

    def __init__(
        self, settings: SupplierSettings, station_id: str, slots: frozenset[int], clock: Clock | None = None
    ) -> None:
        self._station = f"/stations/{_segment(station_id)}"
        self._slots = slots
        self._token_file = settings.token_file
        files = (settings.ca_file, settings.client_cert_file, settings.client_key_file)
        self._exchanger = Exchanger(settings.url, Tls(*files, alpn=["http/1.1"]), settings.request_timeout_s)
        self._clock = clock or Clock()
        self._lock = Lock()
        self._watchers: list[Watcher] = []
        self._connection = Connection(reachable=False, since=None)
        self._tried: float | None = None
        self._trouble = ""

    def ask(self, card: str) -> Outcome:
        """Which session of `card` is active? Delivered without `active`: none is."""
        answer = self._exchanged(self._question(card, fresh=False))
        if isinstance(answer, Undelivered):
            return answer
        return read_active(answer, card, self._slots, self._clock.now().wall)

    def look(self, card: str) -> Outcome:
        """As `ask`, for somebody who does not know whether the URL is right: a web page is a malformed answer."""
        answer = self._exchanged(self._question(card, fresh=True))
        if isinstance(answer, Undelivered):
            return answer
        if answer.body.lstrip()[:1] == b"<":
            return malformed(answer, self._clock.now().wall, "it is a web page")
        return read_active(answer, card, self._slots, self._clock.now().wall)

    def deliver(self, act: Act, *, repeated: bool) -> Outcome:
        """Do `act` at the supplier. A repeat goes over a new connection: the old one may be what failed.

        Raises ValueError if the act lacks the id that its URL needs.
        """
        answer = self._exchanged(self._request(act, fresh=repeated))
        if isinstance(answer, Undelivered):
            return answer
        read = read_grant if act.name is ActName.ACQUIRE else read_status
        return read(answer, act.card, self._clock.now().wall)

    def probe(self) -> None:
        """Find out whether the supplier can be reached, without asking it anything."""
        try:
            self._exchanger.probe()
        except Broken as broken:
            self._note(str(broken))
        else:
            self._note()

    def connection(self) -> Connection:
        """How the last exchange went: an HTTP answer of any kind counts as reachable. Before the first: since None."""
        with self._lock:
            return self._connection

    def tried(self) -> float | None:
        """When the last exchange or probe was over, CLOCK_BOOTTIME seconds; None before the first."""
        with self._lock:
            return self._tried

    def close(self) -> None:
        """Close all connections and cut what is under way (it ends as Undelivered). Idempotent."""
        self._exchanger.close()

    def watch(self, watcher: Watcher) -> None:
        """Let `watcher` see every exchange. Before the first one."""
        self._watchers.append(watcher)

    def _question(self, card: str, *, fresh: bool) -> Request:
        path = f"{self._station}/session/{_segment(card)}"
        return Request(name="ask", method="GET", path=path, card=card, fresh=fresh)

    def _request(self, act: Act, *, fresh: bool) -> Request:
        method, path, body = self._line(act)
        return Request(
            name=str(act.name),
            method=method,
            path=path,
            card=act.card,
            body=body,
            key=act.key,
            slot=act.slot,
            fresh=fresh,
        )

    def _line(self, act: Act) -> tuple[str, str, Mapping[str, Any] | None]:
        slot = f"{self._station}/slot/{act.slot}"
        match act.name:
            case ActName.ACQUIRE:
                return "POST", self._station, {"card": act.card}
            case ActName.LEDS:
                return "POST", f"{self._station}/leds/{_segment(act.light)}", act.body
            case ActName.SUPPORT:
                return "POST", f"{self._station}/support", act.body
            case ActName.LOCK | ActName.UNLOCK:
                return "PUT", f"{slot}/{act.name}", None
            case ActName.START | ActName.END | ActName.PAY:
                return "PUT", f"/sessions/{_segment(act.session)}/{act.name}", None

    def _exchanged(self, request: Request) -> Answer | Undelivered:
        """The answer. What breaks a connection may name what came over it, and that may be the card."""
        for watcher in self._watchers:
            watcher.leaves(request)
        answer = self._sent(request)
        for watcher in self._watchers:
            if isinstance(answer, Undelivered):
                watcher.is_over(request, None, answer.reason)
            else:
                watcher.is_over(request, answer, "")
        return answer

    def _sent(self, request: Request) -> Answer | Undelivered:
        until = self._exchanger.deadline()
        body = None if request.body is None else json.dumps(dict(request.body)).encode("ascii")
        key = {"Idempotency-Key": request.key} if request.key else {}
        try:
            headers = {**_HEADERS, **key, **self._authorization(), **({} if body is None else _JSON)}
            answer = self._exchanger.exchange(
                request.method, request.path, headers, body, until=until, fresh=request.fresh
            )
        except Broken as broken:
            reason = told(str(broken), request.card)
            self._note(reason)
            return Undelivered(reason=reason, connected=broken.connected)
        self._note()
        return answer

    def _authorization(self) -> dict[str, str]:
        """The token is read for each request, so a new one counts without a restart. Raises Broken."""
        if not self._token_file:
            return {}
        try:
            token = read_secret(self._token_file, "token_file").strip()
        except UnusableFile as error:
            raise Broken(str(error), connected=False) from error
        if not token.isascii() or not token.isprintable() or not token:
            raise Broken(f"token_file {self._token_file} must hold printable ASCII, the token", connected=False)
        return {"Authorization": f"Bearer {token}"}

    def _note(self, trouble: str = "") -> None:
        """How an exchange went; only a change is logged."""
        reachable = not trouble
        with self._lock:
            self._tried = self._clock.now().boottime
            if self._connection.since is None or reachable != self._connection.reachable:
                self._connection = Connection(reachable, self._clock.now().wall)
            before, self._trouble = self._trouble, trouble
        if trouble and trouble != before:
            log.warning("The supplier is out of reach: %s", trouble)
        if before and not trouble:
            log.info("The supplier is reached again.")


_HEADERS = {"Accept": "application/json, application/problem+json"}
_JSON = {"Content-Type": "application/json"}


def _segment(value: str) -> str:
    """One path segment, percent-encoded. Raises ValueError for what no segment can carry: it would be another URL."""
    if value in ("", ".", ".."):
        raise ValueError(f"{value!r} cannot stand in a URL: give the call its id.")
    return quote(value, safe="")
