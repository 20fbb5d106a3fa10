"""The two doors of the hardware: the lights process's socket, and the bus of the card reader."""

import random
import socket
from contextlib import ExitStack, suppress
from pathlib import Path

from support.emulated_reader import LIES, Lie, LyingBus, ReaderBench
from support.fuzz.mutate import bytes_of, mutated
from support.lights import DONE, HELLO, LIT, RED, Caller, Shelf, served

from hardware.parts import OneCard, ReaderFailure, SeveralCards
from hardware.strips import frames
from hardware.strips.frames import REASON_AT_MOST, Incoming

UIDS = ("DEADBEEF", "04A1B2C3D4E5F6", "04A1B2C3D4E5F6010203")
POLL_S, MOST_POLL_S, MOST_REVIVE_S = 0.05, 0.1, 0.2
LARGEST_ANSWER = 50 * (REASON_AT_MOST + 10)


class LightsSocket:
    """Somebody talks nonsense beside nobody, or instead of the agent; afterwards the agent is let in as ever."""

    def __init__(self, folder: Path, life: ExitStack) -> None:
        self._shelf = Shelf()
        self._path = folder / "socket"
        life.enter_context(served(self._shelf, self._path))

    def feed(self, dice: random.Random) -> None:
        """One connection of bytes; whatever lights up is a whole frame for the strip that was named."""
        said = b"".join(mutated(dice.choice((HELLO, LIT, LIT, big(dice))), bytes_of, dice) for _ in range(3))
        if dice.random() < 0.3:
            said = HELLO + said
        caller = Caller(self._path)
        answer = converse(caller, said)
        assert len(answer) <= LARGEST_ANSWER
        Incoming().feed(answer)
        if dice.random() < 0.05:
            agent = Caller(self._path)
            assert agent.ask(HELLO) == agent.ask(LIT) == DONE
            agent.line.close()
        assert all(len(frame) == self._shelf.opened[-1][1] for frame in self._shelf.shown[-1:])
        self._shelf.shown.clear()
        del self._shelf.opened[:-1]


def big(dice: random.Random) -> bytes:
    """A frame of any length there can be."""
    return frames.frame([RED] * dice.randrange(frames.PIXELS_AT_MOST + 2))


def converse(caller: Caller, said: bytes) -> bytes:
    """Say all of it, hang up, and gather what comes back."""
    answer = b""
    with caller.line:
        try:
            caller.line.sendall(said)
            caller.line.shutdown(socket.SHUT_WR)
            while more := caller.line.recv(4096):
                answer += more
        except (BrokenPipeError, ConnectionResetError):
            return answer
    return answer


class ReaderBus:
    """One input is one transfer that is answered with a lie; no UID is seen that is not there."""

    def __init__(self, folder: Path, life: ExitStack) -> None:
        del folder, life
        self._bench = ReaderBench()
        self._dice = random.Random(0)
        self._share = 0.0
        self._bus = LyingBus(self._bench.chip, self._lie)
        self._reader = self._bench.opened(self._bus)
        self._lies = list(LIES.values())
        self._told = 0
        self._lately: set[str] = set()

    def _lie(self, _number: int) -> Lie | None:
        if self._dice.random() >= self._share:
            return None
        self._told += 1
        return self._dice.choice(self._lies)

    def feed(self, dice: random.Random) -> None:
        """Poll until it was lied to at least once."""
        self._dice, self._bus._dice, self._told = dice, dice, 0
        self._share = dice.choice((0.02, 0.2, 1.0))
        there = dice.sample(UIDS, dice.randrange(3))
        for uid in there:
            self._bench.field.place(uid)
        while not self._told:
            self._bench.clock.nap(POLL_S)
            self._poll(set(there))
        for uid in there:
            self._bench.field.remove(uid)
        self._share = 0.0

    def _poll(self, there: set[str]) -> None:
        began = self._bench.clock.now
        try:
            seen = self._reader.poll()
        except ReaderFailure:
            began = self._bench.clock.now
            with suppress(ReaderFailure):
                self._reader.revive()
            assert self._bench.clock.now - began <= MOST_REVIVE_S
            return
        assert self._bench.clock.now - began <= MOST_POLL_S
        uids = {seen.uid} if isinstance(seen, OneCard) else seen.uids if isinstance(seen, SeveralCards) else set()
        assert uids <= there | self._lately, f"{uids} were never there"
        self._lately = set(there)
