"""A station installed in a virtual machine, and what one does there."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from support.mqtt import Listener, eventually
from support.virtual import Virtual

from agent.workflow.inbox import CARD_SCANNED

LOCK, SENSOR = 17, 27
"""The lines of slot 1, at which the machine has a bolt (guest/)."""
CONFIG = """
[station]
id = "ST-42"
[reader]
poll_interval_ms = 500
[lights]
kind = "none"
[supplier]
url = "{supplier}"
insecure = true
request_timeout_s = 60.0
driver_wait_s = 30.0
[mqtt]
host = "{host}"
port = {port}
tls = false
insecure = true
remote_cards = true
[[slots]]
number = 1
lights = [8, 15]
[slots.lock]
kind = "solenoid"
pin = {lock}
sensor_pin = {sensor}
move_timeout_ms = 10000
"""
CHIP = "/sys/devices/platform/gpio-sim.0/gpiochip0"
TRACE = "/sys/kernel/tracing/trace"
WAIT_S = 600.0
"""Longer than anything takes there, whatever else this machine does."""


class Site:
    """The machine, and what one does there."""

    def __init__(self, machine: Virtual, listener: Listener) -> None:
        self.machine = machine
        self._listener = listener
        self._lines = int(machine.run("sh", "-c", "cat /sys/class/gpio/gpiochip*/base"))

    def tap(self, card: str) -> None:
        """Tap a card, by the inbox: there is no reader."""
        event = {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": "test",
            "type": CARD_SCANNED,
            "time": datetime.now(UTC).isoformat(),
            "data": {"card": card},
        }
        self._listener.publish("stations/ST-42/inbox", json.dumps(event).encode())

    def slot(self) -> dict[str, Any]:
        """The station's slot, by its own word; empty while there is none."""
        ended, said = self.machine.ended("station-agent", "status", "--json")
        slot: dict[str, Any] = json.loads(said)["slots"][0] if ended == 0 else {}
        return slot

    def waits(self, status: str) -> dict[str, Any]:
        """Wait until an agent runs and its slot is like this; gives the slot."""
        seen: list[dict[str, Any]] = []

        def is_so() -> bool:
            if self.shows("ActiveState") != "active":
                return False
            seen.append(self.slot())
            return seen[-1].get("status") == status

        assert eventually(is_so, WAIT_S), f"{seen[-1:]}\n{self.said(60)}"
        return seen[-1]

    def session(self, card: str) -> dict[str, Any]:
        """A session of this card, started unless one is under way."""
        if self.slot().get("status") != "charging":
            self.tap(card)
        session: dict[str, Any] = self.waits("charging")["session"]
        return session

    def shows(self, name: str) -> str:
        """A property of the agent's unit."""
        return self.machine.run("systemctl", "show", f"--property={name}", "--value", "station-agent").strip()

    def said(self, lines: int) -> str:
        """The last lines of the agent's log."""
        return self.machine.run("journalctl", "-n", str(lines), "--no-pager", check=False)

    def level(self, pin: int) -> str:
        """The level of a line on the chip, 0 or 1."""
        return self.machine.run("cat", f"{CHIP}/sim_gpio{pin}/value").strip()

    def forget_edges(self) -> None:
        """Let what the kernel has noted of its lines begin here."""
        self.machine.run("sh", "-c", f": >{TRACE}")

    def driven(self, pin: int) -> list[str]:
        """What the kernel was asked of a line since then: `out`, `in`, `set 0`, `set 1`."""
        number = self._lines + pin
        found = []
        for line in self.machine.run("cat", TRACE).splitlines():
            _, _, told = line.partition(": gpio_")
            kind, _, what = told.partition(f": {number} ")
            if what and not what.startswith("get"):
                found.append(what.split(" (")[0] if kind == "direction" else what)
        return found
