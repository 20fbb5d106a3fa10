"""The control socket of a station, at which somebody talks nonsense."""

import json
import random
import select
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from support.fuzz.mutate import as_json
from support.fuzz.station import ARGUMENTS, LARGEST_ANSWER, Room, opened_by
from support.mqtt import eventually

from agent.commands import Commands
from agent.control import LINE_LIMIT, SOCKET, Control, Notice
from agent.desk import Desk
from agent.facts import DiagnosticsAsked
from hardware.sockets import at_path

TALES = ("status", "check", "watch", "owed-list")
LOOK_S = 0.002
PATIENCE = 5_000
ODDS = 0.02


class ControlSocket:
    """A caller sends one line, and more than one if the dice will."""

    def __init__(self, folder: Path, life: ExitStack) -> None:
        self._room = Room(folder, life)
        lane = self._room.lane
        desk = Desk(lane.facts.happen)
        lane.road._answered = desk.answered
        notice = Notice()
        commands = Commands(desk, lane.journal.aside_now)
        control = Control(folder / "run", lambda: {"slots": []}, notice, commands.carry_out)
        control.start()
        life.callback(control.stop)
        self._path = folder / "run" / SOCKET
        self._server = control._server

    def feed(self, dice: random.Random) -> None:
        """One call, answered by a line of JSON, or hung up on if it was too long."""
        room = self._room
        room.occupy()
        name = dice.choice((*ARGUMENTS, *TALES))
        args: Any = dice.choice(ARGUMENTS.get(name, ({},)))
        said = as_json({"command": name, "args": args}, dice) + b"\n" * (dice.random() < 0.9)
        charging = room.charging
        answer, moved = self._call(said)
        if len(said) < LINE_LIMIT:
            self._check(said, answer)
        wanted = asked_for(said.partition(b"\n")[0], charging=charging)
        assert all(move[:2] in wanted for move in moved), f"{moved} by {said[:500]!r}"
        if dice.random() < ODDS:
            room.lane.happens(DiagnosticsAsked)
            room.time_passes()
        room.deliver()

    def _call(self, said: bytes) -> tuple[bytes, set[Any]]:
        answer, moved = b"", set()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            at_path(self._path, line.connect)
            try:
                line.sendall(said)
                line.shutdown(socket.SHUT_WR)
                for _ in range(PATIENCE):
                    moved |= self._room.settle()
                    if select.select([line], [], [], LOOK_S)[0]:
                        more = line.recv(65536)
                        answer += more
                        if not more:
                            break
                else:
                    raise AssertionError(f"no end of the answer to {said[:500]!r}")
            except (BrokenPipeError, ConnectionResetError):
                pass  # it may hang up on what is too long
        moved |= self._room.settle()
        assert eventually(lambda: self._server._room._value == self._server._room._initial_value), "a caller stays"
        return answer, moved

    def _check(self, said: bytes, answer: bytes) -> None:
        assert len(answer) <= LARGEST_ANSWER
        try:
            command = json.loads(said.partition(b"\n")[0])["command"]
        except (ValueError, TypeError, KeyError, RecursionError):
            command = ""
        if command != "watch":
            assert isinstance(json.loads(answer), dict), f"{answer[:500]!r} to {said[:500]!r}"


def asked_for(line: bytes, *, charging: bool) -> set[Any]:
    """The moves that a line asks for, by a reading of the test's own."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return set()
    if not isinstance(found, dict):
        return set()
    return opened_by(str(found.get("command")), found.get("args"), charging=charging)
