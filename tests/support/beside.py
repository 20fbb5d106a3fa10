"""What a simulated station needs beside it, in a process of its own: a world, a supplier and a broker.

Started inside the network namespace of a machine whose station it serves. A line of JSON on standard input is one thing
to do, and each gets one line of JSON in answer.
"""

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from support.mqtt import Mosquitto

from agent.config import load
from agent.config.places import WORLD
from agent.simulator.supplier import Books
from agent.simulator.supplier_server import SupplierServer
from hardware.emulated.world import World
from hardware.emulated.world_server import WorldServer


class Beside:
    """Serves the station of `config`, whose state is in `state`, until its `with` block ends."""

    def __init__(self, config: Path, state: Path) -> None:
        self._life = ExitStack()
        self._wiring = load(config).wiring
        self._state = state
        self.bolts: list[list[str]] = []
        """Where the bolts were, one row for each change."""

    def __enter__(self) -> Self:
        folder = Path(self._life.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        self.broker = Mosquitto(folder)
        self._life.callback(self.broker.kill)
        self.broker.start()
        self.books = Books([slot.number for slot in self._wiring.slots])
        self.supplier = SupplierServer(self.books, "127.0.0.1:0")
        self._life.callback(self.supplier.stop)
        self.supplier.start()
        self.world = World(self._wiring, folder / "world.json", travel_s=0.05)
        self._saw(self.world.snapshot())
        self._life.callback(self.world.subscribe(self._saw))
        self._life.enter_context(WorldServer(self.world, self._state / WORLD))
        (self._state / WORLD).chmod(0o666)  # whoever the agent there is
        return self

    def __exit__(self, *exc: object) -> None:
        self._life.close()

    def _saw(self, snapshot: dict[str, Any]) -> None:
        bolts = [slot["bolt"] for slot in snapshot["slots"]]
        if [bolts] != self.bolts[-1:]:
            self.bolts.append(bolts)

    def do(self, what: str, *arguments: str) -> Any:
        """One thing: `where`, `place CARD`, `remove CARD`, `bolts` or `supplier`."""
        if what == "place":
            self.world.place(*arguments)
        elif what == "remove":
            self.world.remove(*arguments)
        elif what == "bolts":
            return self.bolts
        elif what == "supplier":
            return self.books.view()
        return {"supplier": self.supplier.url, "port": self.broker.port}


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("state", type=Path)
    options = parser.parse_args()
    with Beside(options.config, options.state) as beside:
        for line in sys.stdin:
            sys.stdout.write(json.dumps(beside.do(*json.loads(line))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
