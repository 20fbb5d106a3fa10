"""The socket through which a running agent is asked."""

import json
import logging
import socket
import stat
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.mqtt import eventually

from agent import control as control_module
from agent.control import CALLERS, SOCKET, Control, ControlError, NoAgent, Notice, ask, ask_once


class Agent:
    """The agent's end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notice = Notice()
        self.state: Mapping[str, Any] = {"n": 0}
        self.control = Control(folder, self._status, self.notice, self._carry_out)
        self.control.start()

    def _status(self) -> Mapping[str, Any]:
        if not self.state:
            raise KeyError("a mistake")
        return self.state

    def _carry_out(self, name: str, args: object) -> Mapping[str, Any]:
        if name != "unlock":
            return {"ok": False, "problem": {"status": 400}}
        return {"ok": True, "result": args}


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    agent = Agent(tmp_path / "run")
    yield agent
    agent.control.stop()


def callers() -> int:
    return sum(thread.name == "control-caller" for thread in threading.enumerate())


def connected(folder: Path) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.settimeout(5)
    line.connect(str(folder / SOCKET))
    return line


def test_status_is_answered_once_to_root_and_its_group(agent: Agent) -> None:
    assert list(ask(agent.folder, "status")) == [{"n": 0}]
    assert ask_once(agent.folder, "status") == {"n": 0}
    assert stat.S_IMODE((agent.folder / SOCKET).stat().st_mode) == 0o660
    assert stat.S_IMODE(agent.folder.stat().st_mode) == 0o750


@pytest.mark.parametrize("line", [b"\n", b"status\n", b"[]\n", b'{"command": "reboot"}\n', b"x" * 65536])
def test_anything_else_is_told_what_can_be_asked(line: bytes, agent: Agent) -> None:
    with connected(agent.folder) as caller:
        caller.sendall(line)
        answer = json.loads(caller.makefile("rb").readline())
    assert answer["ok"] is False
    assert answer["problem"]["status"] == 400


def test_a_command_is_carried_out_with_its_arguments(agent: Agent) -> None:
    assert ask_once(agent.folder, "unlock", args={"slotNumber": 1}) == {"ok": True, "result": {"slotNumber": 1}}


def test_a_watcher_sees_the_latest_and_every_change(agent: Agent) -> None:
    agent.notice.post({"n": 1})
    agent.notice.post({"n": 2})
    watching = ask(agent.folder, "watch")
    assert next(watching) == {"n": 2}
    agent.notice.post({"n": 3})
    assert next(watching) == {"n": 3}
    watching.close()


def test_a_watcher_is_hung_up_on_when_the_agent_stops(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    watching = ask(agent.folder, "watch")
    agent.notice.post({"n": 1})
    assert next(watching) == {"n": 1}
    agent.control.stop()
    assert list(watching) == []
    assert not (tmp_path / SOCKET).exists()
    with pytest.raises(NoAgent, match="start one with `station-agent run`"):
        ask_once(tmp_path, "status")


def test_a_watcher_that_went_away_makes_room_though_nothing_changes(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_module, "LOOK_S", 0.01)
    agent.notice.post({"n": 1})
    watchers = [ask(agent.folder, "watch") for _ in range(CALLERS)]
    for watcher in watchers:
        next(watcher)
    with pytest.raises(ControlError, match="ask again"):
        ask_once(agent.folder, "status")
    for watcher in watchers:
        watcher.close()
    assert eventually(lambda: callers() == 0)
    assert ask_once(agent.folder, "status") == {"n": 0}


def test_who_says_nothing_is_not_waited_for_long(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    assert control_module.CALLER_S == 5.0
    monkeypatch.setattr(control_module, "CALLER_S", 0.02)
    with connected(agent.folder) as caller:
        assert caller.recv(1) == b""
    assert eventually(lambda: callers() == 0)


def test_a_byte_now_and_then_keeps_no_place(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(control_module, "boottime", lambda: now[0])
    with connected(agent.folder) as caller:
        for _ in range(3):
            caller.sendall(b" ")
            now[0] += control_module.CALLER_S / 2
        assert eventually(lambda: callers() == 0)


def test_half_a_character_is_no_line(agent: Agent) -> None:
    with connected(agent.folder) as caller:
        caller.sendall(b'{"command": "unlock", "args": {"slotNumber": "\\ud800"}}\n')
        answer = json.loads(caller.makefile("rb").readline())
    assert answer["ok"] is False


def test_a_mistake_of_ours_is_logged_and_the_next_one_is_answered(
    agent: Agent, caplog: pytest.LogCaptureFixture
) -> None:
    agent.state = {}
    with caplog.at_level(logging.ERROR), pytest.raises(ControlError, match="hung up"):
        ask_once(agent.folder, "status")
    assert eventually(lambda: "KeyError: 'a mistake'" in caplog.text)
    agent.state = {"n": 1}
    assert ask_once(agent.folder, "status") == {"n": 1}


def test_a_socket_that_a_killed_agent_left_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(tmp_path / SOCKET))
    with pytest.raises(NoAgent):
        ask_once(tmp_path, "status")
    agent = Agent(tmp_path)
    assert ask_once(tmp_path, "status") == {"n": 0}
    agent.control.stop()


def test_a_path_may_be_of_any_length(tmp_path: Path) -> None:
    agent = Agent(tmp_path / ("a" * 120))
    assert ask_once(agent.folder, "status") == {"n": 0}
    agent.control.stop()


def test_no_folder_no_agent(tmp_path: Path) -> None:
    with pytest.raises(NoAgent):
        ask_once(tmp_path / "nothing", "status")


def test_where_nobody_can_listen_is_told(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(ControlError, match=r"Nobody can listen on .*/run/control.sock"):
        Control(tmp_path / "run", dict, Notice(), lambda *_: {})


def test_who_may_not_ask_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(control_module, "at_path", forbidden)
    with pytest.raises(ControlError, match="become root"):
        ask_once(tmp_path, "status")


@pytest.mark.parametrize("answer", [b"", b"not json\n", None])
def test_an_agent_that_does_not_answer_well_is_told(answer: bytes | None, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / SOCKET))
        listener.listen()

        def serve() -> None:
            line, _ = listener.accept()
            with line:
                line.recv(100)
                if answer is None:
                    done.wait(10)
                else:
                    line.sendall(answer)

        done = threading.Event()
        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(ControlError, match="ask again"):
            ask_once(tmp_path, "status", timeout_s=0.05)
        done.set()
        thread.join()
