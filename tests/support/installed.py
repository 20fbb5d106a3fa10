"""A station that is installed on a machine of its own, with its surroundings, and what one can see and do there."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.machine import Machine, Surroundings

from agent.control import ControlError, ask

STATE = "/var/lib/station-agent"
WORLD = "/srv/world"
"""Where the world listens: outside of the folder whose disk is cut, filled or taken away."""
PORTS = ("--broker", "1883", "--supplier", "8000")
CONFIG = """
[station]
id = "ST-42"
[hardware]
kind = "simulated"
[reader]
poll_interval_ms = 20
[policy]
retap_guard_s = 0.01
[supplier]
url = "http://127.0.0.1:8000/api/v2"
[mqtt]
port = 1883
[[slots]]
number = 1
lights = [8, 15]
[slots.lock]
kind = "solenoid"
pin = 17
sensor_pin = 27
[[slots]]
number = 2
lights = [16, 23]
[slots.lock]
kind = "motor"
lock_pin = 22
unlock_pin = 5
pulse_ms = 100
sensor_pin = 23
"""
"""A bolt that power holds locked, and one that stays where it is without."""
PATIENCE_S = 40.0
LOOK_S = 0.02
CALM = 5
"""How often in a row nothing may be owed until that counts: the agent says so a moment after it happens."""
AT_REST = frozenset({"off", "red", "blue"})
AT_WORK = frozenset({"starting", "ending"})


class NotThere(Exception):
    """The station says nothing now."""


class Station:
    """The service on `machine`, by its own word, its unit's, and that of what is beside it."""

    def __init__(self, machine: Machine, beside: Surroundings) -> None:
        self.machine = machine
        self.beside = beside

    # What one can see.

    def state(self) -> dict[str, Any]:
        """What the agent says of itself. Raises NotThere."""
        folder = Path("/proc", str(self.machine.leader()), "root", "run", "station-agent")
        try:
            return next(ask(folder, "status"))
        except (ControlError, StopIteration, OSError) as error:
            raise NotThere(str(error)) from error

    def slot(self, number: int) -> dict[str, Any]:
        """One slot, as the agent says."""
        return next(slot for slot in self.state()["slots"] if slot["number"] == number)

    def statuses(self) -> list[str]:
        """What each slot is doing."""
        return [slot["status"] for slot in self.state()["slots"]]

    def faults(self) -> list[str]:
        """The codes of the faults raised now."""
        return sorted(fault["code"] for fault in self.state()["faults"])

    def bolts(self) -> list[str]:
        """Where each bolt really is."""
        return [slot["bolt"] for slot in self.beside.ask("world")["slots"]]

    def books(self) -> dict[str, Any]:
        """The supplier's books."""
        books: dict[str, Any] = self.beside.ask("supplier")
        return books

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events of one name that came to the broker, each id once, as QoS 1 may deliver one again."""
        heard = [json.loads(payload) for topic, payload in self.beside.ask("heard") if topic == f"events/{name}"]
        return list({event["id"]: event for event in heard}.values())

    def unit(self, key: str) -> str:
        """What systemd says of the agent's unit."""
        return self.machine.run("systemctl", "show", f"--property={key}", "--value", "station-agent").strip()

    def log(self) -> str:
        """The agent's log since the machine has booted."""
        return self.machine.run("journalctl", "--unit=station-agent", "--output=cat", "--no-pager", "--boot")

    def told(self) -> str:
        """Everything known, for whoever reads a failed test."""
        try:
            state = json.dumps(self.state(), indent=1)
        except NotThere as error:
            state = str(error)
        log = self.machine.run(
            "journalctl", "--unit=station-agent", "--unit=station-release", "--lines=80", "--no-pager", check=False
        )
        calls = [f"{call['status']} {call['method']} {call['path']}" for call in self.books()["calls"][-30:]]
        heard = [f"{topic} {payload}" for topic, payload in self.beside.ask("heard") if topic != "state"][-30:]
        return "\n".join([log, *calls, *heard, state, json.dumps(self.beside.ask("world"))])

    # Waiting.

    def wait(self, condition: Callable[[], object], deadline_s: float = PATIENCE_S) -> None:
        """Wait for a condition; fails the test with everything known. An agent that says nothing has not met it."""
        until = time.monotonic() + deadline_s
        while not self._holds(condition):
            assert time.monotonic() < until, self.told()
            threading.Event().wait(LOOK_S)

    def _holds(self, condition: Callable[[], object]) -> bool:
        try:
            return bool(condition())
        except NotThere:
            return False

    def ready(self) -> None:
        """Wait until an agent runs, and its broker hears it."""
        self.wait(lambda: self.state()["broker"]["reachable"])

    def settled(self) -> None:
        """Wait until nobody is owed anything, no slot is at work, and no light says anything in passing."""
        calm = 0

        def is_calm() -> bool:
            nonlocal calm
            calm = calm + 1 if self._rests() else 0
            return calm > CALM

        self.wait(is_calm)

    def _rests(self) -> bool:
        state = self.state()
        lights = {state["mainLight"], *(slot["light"] for slot in state["slots"])}
        owed = state["owed"]["supplier"] or state["owed"]["broker"] or not state["broker"]["reachable"]
        return not owed and lights <= AT_REST and not AT_WORK & set(self.statuses())

    # What one can do.

    def tap(self, card: str, until: Callable[[], object]) -> None:
        """Hold a card to the reader until something has come of it, and take it away; returns when that was seen."""
        said = f"card ..{card[-4:]} left"
        before = self.log().count(said)
        self.beside.ask("place", card)
        self.wait(until)
        self.beside.ask("remove", card)
        self.wait(lambda: self.log().count(said) > before)

    def start_session(self, card: str, number: int) -> dict[str, Any]:
        """Tap a card, which gets this slot; gives the session when its start was delivered."""
        self.tap(card, lambda: self.slot(number)["status"] == "charging")
        self.settled()
        session: dict[str, Any] = self.slot(number)["session"]
        return session

    def end_session(self, card: str, number: int) -> None:
        """Tap a card whose vehicle stands there; it has been let go then."""
        self.tap(card, lambda: self.slot(number)["status"] == "free")
        self.wait(lambda: self.bolts()[number - 1] == "unlocked")

    def agent(self) -> str:
        """The agent's process id in there."""
        return self.unit("MainPID")
