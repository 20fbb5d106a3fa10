"""`station-agent simulate` as a process of its own, and somebody who uses it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import requests
from support.mqtt import eventually, free_port

from agent.config.places import config_file

CARD = "04A1B2C3D4E5F6"
OTHER = "04A1B211223344"
TAPPED_S = 0.3
QUICK = """
[reader]
poll_interval_ms = 20
[policy]
retap_guard_s = 0.01
[mqtt]
port = {port}
"""


class Simulation:
    """One simulated station in `folder`, as often started as you like; a context manager that leaves nothing behind."""

    def __init__(self, folder: Path, *, measured: bool = True) -> None:
        """`measured`: its coverage counts, which it writes to files when it ends."""
        self.measured = measured
        self.folder = folder
        self.state_dir = folder / "state"
        self.config = folder / "simulated.toml"
        quick = QUICK.format(port=free_port())
        self.config.write_text(config_file("simulated.toml").read_text(encoding="utf-8") + quick, encoding="utf-8")
        self.out: list[str] = []
        self.lines: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._readers: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.process.terminate()
            self.ended()

    # Its process.

    @property
    def process(self) -> "subprocess.Popen[str]":
        """The running simulation."""
        assert self._process is not None
        return self._process

    def launch(self, *arguments: str) -> Self:
        """Start it, and wait for nothing."""
        command = [sys.executable, "-m", "agent", "simulate", "--listen", "127.0.0.1:0"]
        process = self._process = subprocess.Popen(
            [*command, "--config", str(self.config), "--state", str(self.state_dir), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if self.measured or "COV" not in name},
            start_new_session=True,
        )
        self.out.clear()
        self._readers = [
            threading.Thread(target=self.out.extend, args=[process.stdout], name="simulation-out"),
            threading.Thread(target=self.lines.extend, args=[process.stderr], name="simulation-lines"),
        ]
        for reader in self._readers:
            reader.start()
        return self

    def start(self, *arguments: str) -> Self:
        """Start it and wait until it is ready."""
        self.launch(*arguments)
        assert eventually(lambda: bool(self.out) or self.process.poll() is not None, 40), self.lines
        assert self.out, self.lines
        return self

    def ended(self, deadline_s: float = 20.0) -> int:
        """Wait for its end; gives the exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        status = self.process.wait(deadline_s)
        for reader in self._readers:
            reader.join(deadline_s)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()
        return status

    def type(self, line: str) -> None:
        """Type a line into its terminal."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def children(self) -> dict[str, int]:
        """Its agent and broker by name, and their process ids."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                command = (folder / "cmdline").read_text().split("\0")
            except (OSError, IndexError):
                continue
            if parent == self.process.pid:
                found["agent" if "run" in command else "broker"] = int(folder.name)
        return found

    def kill_agent(self) -> None:
        """kill -9 of the agent; returns when another one is at work."""
        dead = self.children()["agent"]
        os.kill(dead, signal.SIGKILL)
        self.wait(lambda: self.children().get("agent", dead) != dead and self.answers())

    # Its JSON API.

    @property
    def url(self) -> str:
        """Where its API is."""
        return self.out[0].split()[1]

    @property
    def broker_port(self) -> int:
        """Where its broker is."""
        return int(self.out[0].rpartition(":")[2])

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request."""
        return requests.request(method, f"{self.url}{path}", timeout=15, **options)

    def get(self, path: str) -> Any:
        """What stands at `path`."""
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def answers(self) -> bool:
        """Whether its agent is at work."""
        return self.ask("GET", "/api/state").status_code == 200

    def slot(self, number: int = 1) -> dict[str, Any]:
        """One slot of the station."""
        state = self.ask("GET", "/api/state").json()
        return next((slot for slot in state.get("slots", []) if slot["number"] == number), {"status": "dead"})

    def owed(self) -> bool:
        """Whether anybody is owed anything."""
        return bool(self.get("/api/state")["owed"]["oldest"])

    def settled(self) -> bool:
        """Whether slot 1 is free and nobody is owed anything."""
        return self.slot()["status"] == "free" and not self.owed()

    def calls(self, name: str) -> list[dict[str, Any]]:
        """The supplier's calls of this name."""
        return [call for call in self.get("/api/supplier")["calls"] if call["name"] == name]

    def tap(self, card: str = CARD) -> None:
        """Tap a card, and wait until the station knows that it has gone."""
        seen = len(self.lines)
        answer = self.ask("POST", "/api/reader/taps", json={"uid": card, "held_ms": 150})
        assert answer.status_code == 202, answer.text
        self.wait(lambda: any(f"card ..{card[-4:]} left" in line for line in self.lines[seen:]))

    def fault(self, name: str, on: bool) -> None:
        """Break something, or mend it."""
        answer = self.ask("PUT" if on else "DELETE", f"/api/faults/{name}")
        assert answer.status_code == 204, answer.text

    def wait(self, condition: Callable[[], object], deadline_s: float = 15.0) -> None:
        """Wait for a condition; fails the test with everything known."""
        if not eventually(lambda: bool(condition()), deadline_s):
            raise AssertionError("".join(self.lines[-60:]) + json.dumps(self.ask("GET", "/api/state").json(), indent=1))
