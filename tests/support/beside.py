"""What a simulated station needs beside it, in a process of its own: a world, a supplier and a broker.

Started inside the network namespace of a machine whose station it serves. A line of JSON on standard input is one thing
to do, and each gets one line of JSON in answer. It outlives the machine: what it saw is a witness of its own.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import msgspec
from support.mqtt import Listener, Mosquitto

from agent.config import load
from agent.config.places import WORLD
from agent.simulator.supplier import Books
from agent.simulator.supplier_server import SupplierServer
from hardware.emulated.world import World
from hardware.emulated.world_server import WorldServer


class Beside:
    """Serves the station of `config`, whose state is in `state`, until its `with` block ends.

    `broker` and `supplier` are their ports; 0 takes a free one. The supplier knows the first `slots` slots.
    """

    def __init__(self, config: Path, state: Path, *, broker: int, supplier: int, slots: int | None) -> None:
        self._life = ExitStack()
        loaded = load(config)
        self._wiring = loaded.wiring
        self._topics = f"stations/{loaded.station.id}"
        self._state = state
        self._ports = broker, supplier
        self._slots = [slot.number for slot in self._wiring.slots][:slots]
        self.bolts: list[list[str]] = []
        """Where the bolts were, one row for each change."""
        self.powered: list[list[int]] = []
        """Which lines were high, one row for each change."""
        self.calls: list[dict[str, Any]] = []
        """Every call to the supplier; the books themselves keep the last few hundred."""

    def __enter__(self) -> Self:
        folder = Path(self._life.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        self.broker = Mosquitto(folder)
        self.broker.port, port = self._ports
        self._life.callback(self.broker.kill)
        self.broker.start()
        self.listener = self._life.enter_context(
            Listener(self.broker.port, f"{self._topics}/#", "back-office/#", kept_as="beside")
        )
        self.books = Books(self._slots)
        self._life.callback(self.books.subscribe(lambda entry: self.calls.append(msgspec.to_builtins(entry))))
        self.supplier = SupplierServer(self.books, f"127.0.0.1:{port}")
        self._life.callback(self.supplier.stop)
        self.supplier.start()
        self.world = World(self._wiring, folder / "world.json", travel_s=0.05)
        self._saw(self.world.snapshot())
        self._life.callback(self.world.subscribe(self._saw))
        self._serve_world()
        self._life.callback(self._end_world)
        return self

    def __exit__(self, *exc: object) -> None:
        self._life.close()

    def _serve_world(self) -> None:
        self._server = WorldServer(self.world, self._state / WORLD)
        (self._state / WORLD).chmod(0o666)  # whoever the agent there is

    def _end_world(self) -> None:
        self._server.close()

    def _saw(self, snapshot: dict[str, Any]) -> None:
        bolts = [slot["bolt"] for slot in snapshot["slots"]]
        if [bolts] != self.bolts[-1:]:
            self.bolts.append(bolts)
        powered = [int(pin) for pin, level in snapshot["lines"].items() if level]
        if [powered] != self.powered[-1:]:
            self.powered.append(powered)

    def do(self, what: str, *arguments: str) -> Any:
        """One thing; those that only look answer with what they saw, all others with where supplier and broker are."""
        looks: dict[str, Callable[[], Any]] = {
            "bolts": lambda: self.bolts,
            "powered": lambda: self.powered,
            "supplier": lambda: {**self.books.view(), "calls": self.calls},
            "world": self.world.snapshot,
            "heard": self._heard,
        }
        if what in looks:
            return looks[what]()
        doers: dict[str, Callable[..., None]] = {
            "where": lambda: None,
            "place": self.world.place,
            "remove": self.world.remove,
            "dark": self._dark,
            "fault": self._fault,
            "mend": self._mend,
            "publish": self._publish,
        }
        doers[what](*arguments)
        return {"supplier": self.supplier.url, "port": self.broker.port}

    def _heard(self) -> list[list[str]]:
        """Topic below the station's, and payload, of what came in, in order."""
        return [[heard.topic.removeprefix(f"{self._topics}/"), heard.payload.decode()] for heard in self.listener.heard]

    def _dark(self) -> None:
        """The machine has no power: no card is seen, every line goes low, the strip goes dark.

        What its agent said last, and nobody has read yet, never reached a wire.
        """
        self._end_world()
        snapshot = self.world.snapshot()
        for card in snapshot["cards"]:
            self.world.remove(card)
        for pin in snapshot["lines"]:
            self.world.set_line(int(pin), None)
        self.world.show([(0, 0, 0)] * len(snapshot["strip"]["pixels"]), 0.0)
        self._serve_world()

    def _fault(self, name: str, settings: str = "{}") -> None:
        """Break the supplier, as its faults are named, or the broker: `broker-down`."""
        if name == "broker-down":
            self.broker.kill()
        else:
            self.supplier.inject(name, json.loads(settings))

    def _mend(self, name: str) -> None:
        if name == "broker-down":
            self.broker.start()
        else:
            self.supplier.clear(name)

    def _publish(self, below: str, payload: str, reply_topic: str = "") -> None:
        """Send the station something; returns when the broker has it."""
        topic = f"{self._topics}/{below}"
        self.listener.publish(topic, payload.encode(), reply_topic=reply_topic, correlation=reply_topic.encode())


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("state", type=Path)
    parser.add_argument("--broker", type=int, default=0)
    parser.add_argument("--supplier", type=int, default=0)
    parser.add_argument("--slots", type=int)
    with Beside(**vars(parser.parse_args())) as beside:
        for line in sys.stdin:
            sys.stdout.write(json.dumps(beside.do(*json.loads(line))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
