"""Keeping one agent running; here a few lines of shell play it."""

import os
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.mqtt import eventually

from agent.simulator import agent_process
from agent.simulator.agent_process import PACKAGES, AgentProcess, ending, environment, program

LIVES = "trap 'echo stopping >&2; exit 0' TERM; echo \"alive $*\" >&2; while :; do sleep 0.02; done"
STUBBORN = "trap '' TERM; echo alive >&2; while :; do sleep 0.02; done"
PYTHONIC = "trap '' XFSZ"
"""As Python has it: writing too much is an error, not the end."""
FAILS = "echo 'no journal' >&2; exit 1"


class Nursery:
    """Agents that are all stopped at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logged: list[str] = []
        self.told: list[str] = []
        self.agents: list[AgentProcess] = []

    def agent(self, script: str) -> AgentProcess:
        command = ["sh", "-c", script, "agent"]
        agent = AgentProcess(self.folder / "c.toml", self.folder / "run", self.logged.append, self.told.append, command)
        self.agents.append(agent)
        return agent

    @property
    def said(self) -> list[str]:
        """What was told beyond each agent's number."""
        return [line for line in self.told if "process" not in line]

    def alive(self, times: int = 1) -> bool:
        return eventually(lambda: len(self.logged) >= times)


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[Nursery]:
    nursery = Nursery(tmp_path)
    yield nursery
    for agent in nursery.agents:
        agent.stop()


def file_limit(agent: AgentProcess) -> int:
    assert agent.pid is not None
    return resource.prlimit(agent.pid, resource.RLIMIT_FSIZE)[0]


def test_an_agent_is_started_with_its_config_and_stopped(nursery: Nursery) -> None:
    agent = nursery.agent(LIVES)
    agent.start()
    assert nursery.alive()
    assert nursery.logged == [f"alive run --config {nursery.folder / 'c.toml'}"]
    pid = agent.pid
    assert pid
    assert os.getsid(pid) == pid, "Ctrl-C does not reach it"
    agent.stop()
    agent.stop()
    assert nursery.logged[1:] == ["stopping"]
    assert nursery.told == [f"the agent is process {pid}"]
    assert agent.pid is None


def test_a_killed_agent_is_started_again_soon(nursery: Nursery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_process, "AGAIN_S", 0.01)
    agent = nursery.agent(LIVES)
    agent.start()
    for time in (1, 2, 3):
        assert nursery.alive(time)
        assert agent.pid is not None
        os.kill(agent.pid, signal.SIGKILL)
    assert nursery.alive(4)
    assert nursery.said == ["the agent has died (SIGKILL); it is started again in 0.01 s"] * 3


def test_one_that_fails_at_once_is_started_more_and_more_rarely(
    nursery: Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_process, "AGAIN_S", 0.01)
    monkeypatch.setattr(agent_process, "AGAIN_MAX_S", 0.05)
    agent = nursery.agent(FAILS)
    agent.start()
    assert nursery.alive(5)
    assert eventually(lambda: len(nursery.said) >= 4)
    waits = [line.rpartition(" in ")[2] for line in nursery.said[:4]]
    assert waits == ["0.02 s", "0.04 s", "0.05 s", "0.05 s"]
    assert nursery.said[0].startswith("the agent has died (status 1)")


def test_stopping_waits_for_no_next_try(nursery: Nursery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_process, "AGAIN_S", 600)
    monkeypatch.setattr(agent_process, "AGAIN_MAX_S", 600)
    agent = nursery.agent(FAILS)
    agent.start()
    assert eventually(lambda: bool(nursery.said))
    agent.stop()
    assert len(nursery.logged) == 1


def test_an_agent_that_was_stopped_before_it_started_never_starts(nursery: Nursery) -> None:
    agent = nursery.agent(LIVES)
    agent.stop()
    agent.start()
    agent.stop()
    assert nursery.logged == []


def test_one_that_does_not_stop_is_killed(nursery: Nursery, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = nursery.agent(STUBBORN)
    agent.start()
    assert nursery.alive()
    with monkeypatch.context() as hurried:
        hurried.setattr(agent_process, "STOP_S", 0.05)
        agent.stop()
    assert nursery.said == ["the agent did not stop within 0.05 s and is killed"]
    assert eventually(lambda: agent.pid is None)


def test_one_that_stands_still_can_be_stopped(nursery: Nursery) -> None:
    agent = nursery.agent(LIVES)
    agent.start()
    assert nursery.alive()
    assert agent.pid is not None
    os.kill(agent.pid, signal.SIGSTOP)
    agent.stop()
    assert nursery.logged[1:] == ["stopping"]


def test_a_full_disk_is_full_for_this_agent_and_the_next_one(nursery: Nursery) -> None:
    agent = nursery.agent(f"{PYTHONIC}; echo x 2>/dev/null >{nursery.folder}/file || echo full >&2; {LIVES}")
    agent.start()
    assert nursery.alive()
    roomy = file_limit(agent)
    agent.fill_disk(True)
    agent.fill_disk(True)
    assert file_limit(agent) == 0
    assert agent.pid is not None
    os.kill(agent.pid, signal.SIGKILL)
    assert nursery.alive(3)
    assert nursery.logged[1] == "full", "from its first instruction on"
    assert file_limit(agent) == 0
    agent.fill_disk(False)
    assert file_limit(agent) == roomy


def test_room_on_the_disk_hurries_the_next_try(nursery: Nursery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_process, "AGAIN_S", 600)
    monkeypatch.setattr(agent_process, "AGAIN_MAX_S", 600)
    agent = nursery.agent(f"{PYTHONIC}; echo x 2>/dev/null >{nursery.folder}/file || exit 1; {LIVES}")
    agent.fill_disk(True)
    agent.start()
    assert eventually(lambda: bool(nursery.said))
    agent.fill_disk(False)
    assert eventually(lambda: any(line.startswith("alive") for line in nursery.logged))


def test_the_agent_knows_nothing_of_the_simulations_own_ties(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("JOURNAL_STREAM", "NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "RUNTIME_DIRECTORY"):
        monkeypatch.setenv(name, "the simulation's")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    given = environment(tmp_path)
    assert "the simulation's" not in given.values()
    assert given["RUNTIME_DIRECTORY"] == str(tmp_path)
    assert given["PYTHONPATH"] == str(PACKAGES)
    monkeypatch.setenv("PYTHONPATH", "more")
    assert environment(tmp_path)["PYTHONPATH"] == f"{PACKAGES}:more"


def test_the_agent_is_this_very_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert (PACKAGES / "agent" / "__main__.py").exists()
    monkeypatch.setattr(sys, "argv", [str(PACKAGES / "agent" / "__main__.py"), "simulate"])
    assert program() == [sys.executable, "-P", "-m", "agent"]
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "station-agent"), "simulate"])
    assert program() == [sys.executable, str(tmp_path / "station-agent")]


def test_endings_in_words() -> None:
    assert ending(-9) == "SIGKILL"
    assert ending(2) == "status 2"
