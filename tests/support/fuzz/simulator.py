"""The simulated station's JSON API: whole connections of bytes, from the request line on."""

import random
import re
import socket
from contextlib import ExitStack
from pathlib import Path

from support.bench import wiring
from support.fuzz.mutate import ODD_TEXTS, as_json, bytes_of, mutated, text_of
from support.owing import CARD

from agent.http.feed import Feed
from agent.http.server import _Conversation, _Listener
from agent.simulator.api import Api
from agent.simulator.hands import Hands
from hardware.emulated.world import World

LARGEST_ANSWER = 64 * 1024
PATIENCE_S = 2
"""An answer that a socket does not hold is far too large: nobody takes it here before it is said."""
MOST_CARDS = 10
PATHS = (
    "GET /api/state",
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
BODIES = ({"uid": CARD, "held_ms": 60_000}, {"standing": "blocked"}, {"standing": "good"}, {})
ANSWERED = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Za-z -]+\r\n")


class Conversation(_Conversation):
    """One that is not patient."""

    timeout = PATIENCE_S


class SimulatorApi:
    """Each connection says what it has to say, hangs up, and reads what it is answered."""

    def __init__(self, folder: Path, life: ExitStack) -> None:
        (folder / "tapping").mkdir()
        self._world, feed = World(wiring()), Feed()
        life.callback(feed.close)
        hands = Hands(self._world, {}, lambda _: None, folder / "tapping")
        life.callback(hands.close)
        api = Api(
            hands,
            feed,
            state=lambda: {"slots": []},
            supplier=lambda: {"calls": []},
            world=self._world.snapshot,
            set_card=lambda *_: None,
        )
        self._hands = hands
        self._listener = _Listener(("127.0.0.1", 0), api.routes(), "fuzz")
        life.callback(self._listener.server_close)

    def feed(self, dice: random.Random) -> None:
        """One connection; every answer on it has a bound, and none is a failure of the simulator's."""
        said = b"".join(request(dice) for _ in range(dice.choice((1, 1, 3))))
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


def is_old(said: bytes) -> bool:
    """Whether this may pass for a request of HTTP/0.9, whose answers have no head."""
    return b"HTTP/1" not in said.split(b"\n")[0]


def request(dice: random.Random) -> bytes:
    """A request, or what is left of one."""
    line = mutated(dice.choice(PATHS), text_of, dice) if dice.random() < 0.5 else dice.choice(PATHS)
    body = as_json(dice.choice(BODIES), dice)
    length = str(len(body)) if dice.random() < 0.9 else dice.choice(("-1", "9" * 30, "٣", "", "70000", "1e3"))
    head = {"Host": "127.0.0.1", "Content-Length": length}
    if dice.random() < 0.2:
        name = dice.choice(("Host", "Origin", "Transfer-Encoding", "Expect", "Connection", "X" * 70_000))
        head[name] = dice.choice(("100-continue", "chunked", "http://[", "evil.example", "::1", *ODD_TEXTS))
    lines = [f"{line} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    whole = "\r\n".join(lines).encode("utf-8", "surrogatepass") + body
    return mutated(whole, bytes_of, dice) if dice.random() < 0.3 else whole
