"""A station whose power is cut again and again while drivers come and go, and what that did to anybody."""

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from support.disk import Disk
from support.installed import PATIENCE_S, Station
from support.mqtt import eventually
from support.witness import Acknowledged, Witness, owed_by, trapped

CARDS = ("04A1B2C3D4E5F6", "04A1B211223344")
OTHER_SLOT = 3
"""A slot that the supplier never names, for what comes by MQTT."""
HELD_S = 0.15
"""How long a card is held to the reader: several polls."""
WITHIN_S = 1.6
"""The power goes within this time from a driver's coming; a start or an end takes about half of it."""
ANSWER_S = 0.05
"""How long the supplier takes over an answer: a cut while one is under way should be no rarity."""
FAULTED = "com.ev-power-supplier.charging-station.faulted.v1"
BACK_OFFICE = "back-office/1"


class Cuts:
    """Cuts of one station, drawn by `seed`; nobody is in it at first."""

    def __init__(self, station: Station, disk: Disk, seed: int) -> None:
        self._station = station
        self._disk = disk
        self._random = random.Random(seed)
        self._numbers = count(1)
        self._acknowledged = Acknowledged()
        self._in_service = True
        self.trapped: list[str] = []
        self.lost: list[str] = []
        station.beside.ask("fault", "supplier-slow", json.dumps({"seconds": ANSWER_S}))

    def cut(self) -> None:
        """Let drivers and messages come, cut the power in their midst, switch it on again, and look what is there."""
        number = next(self._numbers)
        agent = agent_of(self._station)
        cards = self._random.sample(CARDS, self._random.randint(1, len(CARDS)))
        wanted = self._random.random() < 0.5
        agenda: list[tuple[float, Callable[[], None]]] = [
            (self._random.uniform(0, WITHIN_S), lambda: self._raise(f"Fault-{number}")),
            (self._random.uniform(0, WITHIN_S), lambda: self._command(f"command-{number}", available=wanted)),
        ]
        comes = 0.0
        for card in cards:
            agenda += [
                (comes, lambda card=card: self._comes(card)),
                (comes + HELD_S, lambda card=card: self._goes(card)),
            ]
            comes += HELD_S + self._random.uniform(0.05, WITHIN_S / 2)
        self._play(agenda, self._random.uniform(0, WITHIN_S))
        freeze(agent)
        self._disk.keep()
        self._station.machine.cut()
        self._station.beside.ask("dark")
        self._disk.cut()
        self._acknowledged.add(owed_by(self._disk.place))
        self._station.machine.boot()
        self._look(f"Fault-{number}", f"command-{number}", wanted)

    def finish(self) -> Witness:
        """Let everybody go; what supplier and broker say then."""
        self._station.beside.ask("mend", "supplier-slow")
        for slot in self._station.state()["slots"]:
            if "session" in slot:
                card = next(card for card in CARDS if slot["session"]["card"].endswith(card[-4:]))
                self._acknowledged.taps[card] += 1
                self._station.end_session(card, slot["number"])
        self._station.settled()
        self._look_at_bolts()
        return Witness(self._station.books(), self._station.beside.ask("heard"))

    def said(self) -> tuple[list[str], list[str]]:
        """Everything that was lost, and everything that was doubled. Ends the story."""
        witness = self.finish()
        return self.lost + witness.lost(self._acknowledged), witness.doubled(self._acknowledged.taps)

    def _play(self, agenda: list[tuple[float, Callable[[], None]]], until: float) -> None:
        """Do what is due until then."""
        began, never = time.monotonic(), threading.Event()
        for at, act in sorted(agenda, key=lambda entry: entry[0]):
            never.wait(max(0.0, began + min(at, until) - time.monotonic()))
            if at >= until:
                return
            act()
        never.wait(max(0.0, began + until - time.monotonic()))

    def _comes(self, card: str) -> None:
        self._acknowledged.taps[card] += 1
        self._station.beside.ask("place", card)

    def _goes(self, card: str) -> None:
        self._station.beside.ask("remove", card)

    def _raise(self, code: str) -> None:
        self._tell(code, cleared=False)
        self._acknowledged.faults.add(code)

    def _tell(self, code: str, *, cleared: bool) -> None:
        """The power electronics say something to the inbox; the broker has it when this returns."""
        error = {"code": code, "title": code, "detail": "It is hot.", "slotNumber": OTHER_SLOT, "cleared": cleared}
        event = {"specversion": "1.0", "id": f"{code}-{cleared}", "source": "urn:power", "type": FAULTED}
        self._station.beside.ask("publish", "inbox", json.dumps({**event, "data": {"error": error}}))

    def _command(self, name: str, *, available: bool) -> None:
        args = {"slotNumber": OTHER_SLOT, "available": available}
        asked = {"id": name, "issuedAt": datetime.now(UTC).isoformat(), "args": args}
        self._station.beside.ask("publish", "commands/availability", json.dumps(asked), BACK_OFFICE)

    def _look(self, fault: str, command: str, wanted: bool) -> None:
        """What is there after a cut: everybody where the books have them, and what came by MQTT done once."""
        self._station.ready()
        self._station.settled()
        self._look_at_bolts()
        if fault in self._acknowledged.faults:
            self._tell(fault, cleared=True)
            self._station.wait(lambda: fault not in self._station.faults())
        self._station.settled()
        heard = self._station.beside.ask("heard")
        if any(command in payload for topic, payload in heard if topic.startswith("commands/")):
            replies = {
                payload for topic, payload in heard if topic == BACK_OFFICE and json.loads(payload)["id"] == command
            }
            self.lost += [f"{command} was answered {sorted(replies)}"] if len(replies) != 1 else []
            self._in_service = wanted if any(json.loads(reply)["ok"] for reply in replies) else self._in_service
        in_service = self._station.slot(OTHER_SLOT)["status"] == "free"
        self.lost += [] if in_service is self._in_service else [f"after {command} the slot is not as was answered"]

    def _look_at_bolts(self) -> None:
        self.trapped += trapped(self._station.books(), self._station.beside.ask("world"), self._station.state())


def agent_of(station: Station) -> int:
    """The agent's process id on the host."""
    wanted = station.agent()
    namespace = Path(f"/proc/{station.machine.leader()}/ns/pid").readlink()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "status").read_text()
            mine = (folder / "ns" / "pid").readlink() == namespace
        except OSError:
            continue
        inner = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[-1]
        if mine and inner == wanted:
            return int(folder.name)
    raise AssertionError(station.told())


def freeze(process: int) -> None:
    """Stop a process wherever it is; returns when none of its threads is in the kernel any more."""
    os.kill(process, signal.SIGSTOP)

    def is_stopped() -> bool:
        threads = Path(f"/proc/{process}/task").iterdir()
        return all((thread / "stat").read_text().rpartition(")")[2].split()[0] == "T" for thread in threads)

    assert eventually(is_stopped, PATIENCE_S), "a thread does not leave the kernel"
