"""The agent's own word on the station, as it comes over its control socket."""

import contextlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agent.clock import boottime
from agent.control import ControlError, ask, ask_once

LOOK_S = 0.1
READY_S = 30.0
STOP_S = 10.0


class AgentNotReady(Exception):
    """The agent does not come up; the message says where to look."""


class Follower:
    """Passes on what the agent tells a page, through as many lives of it as there are. Thread `agent-follower`.

    `told` gets the name and the data of every event; `answers` is told whether the agent does.
    """

    def __init__(
        self, runtime: Path, told: Callable[[str, Any], None], answers: Callable[[bool], None] = lambda _: None
    ) -> None:
        self._runtime = runtime
        self._told = told
        self._answers = answers
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="agent-follower", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Follow no further; the agent has been stopped before, so nobody is listened to any more."""
        self._stopping.set()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            with contextlib.suppress(ControlError):  # between two lives of the agent there is nothing to tell
                self._follow()

    def _follow(self) -> None:
        first = True
        try:
            for told in ask(self._runtime, "page", timeout_s=None):
                if first:
                    self._answers(True)
                    first = False
                self._told(told["event"], told["data"])
        finally:
            if not first:
                self._answers(False)


def await_agent(runtime: Path, stop: threading.Event, clock: Callable[[], float] = boottime) -> bool:
    """Wait until a tap would work: the agent answers and has found its broker. False: `stop` was set before.

    Raises AgentNotReady after `READY_S` seconds.
    """
    until = clock() + READY_S
    while not stop.wait(LOOK_S / 2):
        if _is_ready(runtime):
            return True
        if clock() > until:
            raise AgentNotReady(f"The agent was not ready within {READY_S:g} s; its last lines above say why.")
    return False


def _is_ready(runtime: Path) -> bool:
    try:
        state: Mapping[str, Any] = ask_once(runtime, "status")
    except ControlError:
        return False
    return bool(state["broker"]["reachable"])
