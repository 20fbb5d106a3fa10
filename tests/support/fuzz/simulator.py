"""The station page and the simulated station's JSON API: whole connections of bytes, from the request line on."""

import random
import re
import socket
from contextlib import ExitStack
from pathlib import Path

from support.bench_config import wiring
from support.fuzz.mutate import ODD_TEXTS, as_json, bytes_of, mutated, text_of
from support.owing import CARD

from agent.http.conversation import Conversation
from agent.http.feed import Feed
from agent.http.limits import Limits
from agent.http.local import local_only
from agent.http.messages import Route
from agent.http.server import Manners, _Listener
from agent.simulator.api import Api
from agent.simulator.hands import Hands
from agent.simulator.supplier import Books
from agent.web.door import Door
from agent.web.files import Files
from agent.web.routes import Views, page_routes
from hardware.emulated.world import World

LARGEST_ANSWER = 64 * 1024
PATIENCE_S = 2
"""An answer that a socket does not hold is far too large: nobody takes it here before it is said."""
MOST_CARDS = 10
NAMES = (
    *("Host", "Origin", "Transfer-Encoding", "Expect", "Connection", "Last-Event-ID", "If-None-Match", "Authorization"),
    *("Cookie", "X" * 70_000),
)
PAGE_PATHS = (
    "GET /",
    "GET /page/sign-in.html",
    "GET /page/%2e%2e/files.py",
    "GET /api/page",
    "GET /api/state",
    "GET /api/conversation",
    "GET /api/history",
    "GET /api/events",
    "GET /sign-in",
    "POST /sign-in",
)
PATHS = (
    *PAGE_PATHS,
    "POST /api/agent/kill",
    "PUT /api/supplier/delay",
    "GET /api/supplier",
    f"PUT /api/supplier/cards/{CARD}",
    "GET /api/world",
    "GET /api/faults",
    "POST /api/reader/taps",
    f"PUT /api/reader/cards/{CARD}",
    f"DELETE /api/reader/cards/{CARD}",
    "PUT /api/vehicles/1",
    "DELETE /api/vehicles/1",
    "PUT /api/faults/reader-absent",
    "DELETE /api/faults/lock-jammed-1",
)
BODIES = ({"uid": CARD, "held_ms": 60_000}, {"standing": "blocked"}, {"standing": "good"}, {"ms": 100}, {})
ANSWERED = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Za-z -]+\r\n")


LIMITS = Limits(idle_s=PATIENCE_S, request_s=PATIENCE_S, answer_s=PATIENCE_S)


class PageFiles:
    """What every page has, of a station that does nothing."""

    def __init__(self, life: ExitStack) -> None:
        feed = Feed()
        feed.close()
        state = {"stationId": "ST-42", "slots": []}
        views = Views(about=state, state=lambda: state, feed=feed, files=Files())
        self.routes = page_routes(views)
        life.callback(feed.close)


class SimulatorApi:
    """Each connection says what it has to say, hangs up, and reads what it is answered."""

    paths: tuple[str, ...] = PATHS

    def __init__(self, folder: Path, life: ExitStack) -> None:
        (folder / "tapping").mkdir()
        self._world = World(wiring())
        self._hands = Hands(self._world, {}, lambda _: None, folder / "tapping")
        life.callback(self._hands.close)
        self._listener = _Listener(("127.0.0.1", 0), self._routes(folder, life), "fuzz", Manners(limits=LIMITS))
        life.callback(self._listener.server_close)

    def _routes(self, folder: Path, life: ExitStack) -> list[Route]:
        del folder
        api = Api(self._hands, Books([1, 2]), self._world, delay=lambda _: None, kill=lambda: False)
        return [local_only(route) for route in PageFiles(life).routes + api.routes()]

    def feed(self, dice: random.Random) -> None:
        """One connection; every answer on it has a bound, and none is a failure of the simulator's."""
        said = b"".join(request(dice, self.paths) for _ in range(dice.choice((1, 1, 3))))
        answer = self._conversed(said)
        assert len(answer) <= LARGEST_ANSWER
        if answer and not is_old(said):
            assert answer.startswith(b"HTTP/1."), f"{answer[:200]!r} to {said[:500]!r}"
        statuses = [int(status) for status in ANSWERED.findall(answer)]
        assert 500 not in statuses, f"{answer[:500]!r} to {said[:500]!r}"
        assert len(self._world.view().cards) <= MOST_CARDS
        for card in self._world.view().cards:
            self._hands.remove(card)

    def _conversed(self, said: bytes) -> bytes:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            try:
                ours.send(said)
            except BlockingIOError:
                return b""
            ours.shutdown(socket.SHUT_WR)
            Conversation(theirs, ("127.0.0.1", 1), self._listener)
            theirs.close()
            answer = b""
            try:
                while more := ours.recv(65536):
                    answer += more
            except ConnectionResetError:
                return answer  # it did not read all of it
            return answer


class StationPage(SimulatorApi):
    """The page of a real station that others may reach, to somebody who does not know its token."""

    paths = PAGE_PATHS

    def _routes(self, folder: Path, life: ExitStack) -> list[Route]:
        token = folder / "token"
        token.write_text("nobody guesses this\n", encoding="ascii")
        return Door(str(token), frozenset, Files()).routes(PageFiles(life).routes)


def is_old(said: bytes) -> bool:
    """Whether this may pass for a request of HTTP/0.9, whose answers have no head."""
    return b"HTTP/1" not in said.split(b"\n")[0]


def request(dice: random.Random, paths: tuple[str, ...]) -> bytes:
    """A request, or what is left of one."""
    line = mutated(dice.choice(paths), text_of, dice) if dice.random() < 0.5 else dice.choice(paths)
    body = as_json(dice.choice(BODIES), dice)
    length = str(len(body)) if dice.random() < 0.9 else dice.choice(("-1", "9" * 30, "٣", "", "70000", "1e3"))
    head = {"Host": "127.0.0.1", "Content-Length": length}
    if dice.random() < 0.2:
        name = dice.choice(NAMES)
        head[name] = dice.choice(("100-continue", "chunked", "http://[", "evil.example", "::1", *ODD_TEXTS))
    lines = [f"{line} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    whole = "\r\n".join(lines).encode("utf-8", "surrogatepass") + body
    return mutated(whole, bytes_of, dice) if dice.random() < 0.3 else whole
