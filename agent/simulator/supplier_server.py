"""The simulated supplier on HTTP, under `/api/v2`, with everything that can go wrong with a supplier."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from threading import Event, RLock
from typing import Any

from agent.http.messages import PROBLEM, Answer, Raw, Reply, Request, Route, json_answer, problem, rendered
from agent.http.server import Manners, Server
from agent.simulator.dealings import NO_SLOTS
from agent.simulator.records import Call, Entry, Said
from agent.simulator.supplier import Books
from agent.simulator.supplier_calls import PATHS, read_call
from agent.simulator.supplier_faults import (
    DOWN,
    ERRORS,
    LOST,
    MALFORMED,
    SLOW,
    TRICKLE,
    Errors,
    Faults,
    Malformed,
    Refusal,
    Slow,
    Trickle,
)

BASE = "/api/v2"
TOO_LONG = 65 * 1024
NOBODYS_CARD = "DEADBEEF"
NOBODYS_SLOT = 99


class SupplierServer:
    """Serves `books` on `listen` (HOST:PORT; port 0 takes a free one, which stays the same). Raises CannotListen.

    Threads are called `supplier-sim-http...`.
    """

    def __init__(self, books: Books, listen: str) -> None:
        self.books = books
        routes = [Route(method, f"{BASE}{path}", partial(self._handle, name)) for name, (method, path) in PATHS.items()]
        self._server = Server(routes, listen, "supplier-sim", Manners(misbehaves=True))
        self._faults = Faults()
        self._lock = RLock()
        self._wanted = False

    @property
    def port(self) -> int:
        """The port, known after the first start."""
        return self._server.port

    @property
    def url(self) -> str:
        """What `[supplier] url` should be."""
        return f"http://{self._server.address}{BASE}"

    def start(self) -> None:
        """Listen, unless the supplier is down. Raises CannotListen."""
        with self._lock:
            self._wanted = True
            if DOWN not in self._faults.names():
                self._up()

    def stop(self) -> None:
        """Close everything. Idempotent."""
        with self._lock:
            self._wanted = False
            self._down()

    def inject(self, name: str, settings: Mapping[str, Any] | None = None) -> None:
        """Let `name` go wrong from now on (names and settings: `supplier_faults`). Raises FaultError."""
        with self._lock:
            self._faults.set(name, settings or {})
            if name == DOWN:
                self._down()

    def clear(self, name: str) -> None:
        """Let `name` be well again. Raises FaultError, and CannotListen if somebody took the port meanwhile."""
        with self._lock:
            self._faults.clear(name)
            if name == DOWN and self._wanted:
                self._up()

    def faults(self) -> list[str]:
        """What is wrong now, by name."""
        return self._faults.names()

    def answer_after(self, seconds: float) -> None:
        """Every answer waits so long from now on; what is asked is done at once all the same."""
        self._faults.answer_after(seconds)

    def _up(self) -> None:
        self._faults.open()
        self._server.start()

    def _down(self) -> None:
        self._faults.close()
        self._server.stop()

    def _handle(self, name: str, request: Request) -> Reply:
        reply = self._dealt_with(name, request)
        self._faults.pace()
        return reply

    def _dealt_with(self, name: str, request: Request) -> Reply:
        call = read_call(name, request)
        malformed = self._faults.take(MALFORMED, name)
        variant = malformed.variant if isinstance(malformed, Malformed) else ""
        instead = self._instead(call, variant)
        if instead is not None:
            self.books.note(call, instead.status)
            return instead
        lost = self._faults.take(LOST, name) is not None
        refusal = self._faults.take(f"{name}-refused", name)
        refuse = refusal.status if isinstance(refusal, Refusal) else 0
        answer = _answer(self.books.handle(call, refuse=refuse, answered=not lost))
        slow = self._faults.take(SLOW, name)
        if isinstance(slow, Slow):
            self._faults.delay(slow.seconds)
        if lost:
            return Raw()
        trickle = self._faults.take(TRICKLE, name)
        spoilt = _spoilt(call, answer, variant)
        return Raw(chunks=partial(_drops, spoilt, trickle.interval_s)) if isinstance(trickle, Trickle) else spoilt

    def _instead(self, call: Call, variant: str) -> Answer | None:
        """What is answered without doing anything."""
        errors = self._faults.take(ERRORS, call.name)
        if isinstance(errors, Errors):
            headers = {} if errors.retry_after_s is None else {"Retry-After": str(errors.retry_after_s)}
            return problem(errors.status, "The simulated supplier was told to fail.", headers=headers)
        if variant == "redirect":
            return Answer(status=HTTPStatus.TEMPORARY_REDIRECT, headers={"Location": call.path})
        if variant == "text-no-slots" and call.name == "acquire":
            return Answer(status=HTTPStatus.BAD_REQUEST, body=f"{NO_SLOTS}\n".encode(), content_type="text/plain")
        return None


def serve_supplier(
    listen: str,
    state: Path | None,
    slots: Sequence[int],
    *,
    stop: Event,
    ready: Callable[[str], None],
    called: Callable[[Entry], None],
) -> None:
    """Only the simulated supplier, until `stop`. `ready` gets its URL, `called` each call that it answered.

    Raises CannotListen and BooksUnreadable.
    """
    books = Books(slots, path=state)
    books.subscribe(called)
    server = SupplierServer(books, listen)
    server.start()
    try:
        ready(server.url)
        stop.wait()
    finally:
        server.stop()


def _answer(said: Said) -> Answer:
    if said.text:
        return Answer(status=said.status, body=said.text.encode(), content_type="text/plain")
    if said.body is None:
        return Answer(status=said.status)
    kind = PROBLEM if said.status >= HTTPStatus.BAD_REQUEST else "application/json"
    return Answer(status=said.status, body=json.dumps(said.body).encode(), content_type=kind)


def _spoilt(call: Call, answer: Answer, variant: str) -> Answer:
    match variant:
        case "not-json":
            return Answer(body=b"<html>It works!</html>", content_type="text/html")
        case "too-long":
            return Answer(body=answer.body.ljust(TOO_LONG), content_type="application/json")
        case "wrong-card":
            return json_answer({"session": {"id": "S-0", "card": NOBODYS_CARD, "slotNumber": max(1, call.slot)}})
        case "foreign-slot":
            session = {"id": "S-0", "card": call.card, "slotNumber": NOBODYS_SLOT}
            return json_answer({"slot": {"number": NOBODYS_SLOT}, "session": session})
        case _:
            return answer


def _drops(answer: Answer, interval_s: float, stopping: Event) -> Iterable[bytes]:
    """The answer byte by byte."""
    for byte in rendered(answer):
        if stopping.wait(interval_s):
            return
        yield bytes([byte])
