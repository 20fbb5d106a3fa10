"""A whole station at the example broker, with TLS and a user of its own, and an operator who commands it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.bench import CARD
from support.bench_config import wiring
from support.mqtt import eventually
from support.station_broker import PASSWORD, StationBroker, Visitor

from agent.cli import main
from agent.control import ControlError, ask_once
from agent.simulator.supplier import Books
from agent.simulator.supplier_server import SupplierServer
from hardware.emulated.world import World
from hardware.emulated.world_server import WorldServer

STATION = "ST-1"
CONFIG = """
[station]
id = "{station}"
state_dir = "{state}"
[hardware]
kind = "simulated"
[supplier]
url = "{url}"
[policy]
retap_guard_s = 0.01
[mqtt]
port = {port}
tls = true
ca_file = "{ca}"
username = "{station}"
password_file = "{password}"
[[slots]]
number = 1
lights = [8, 15]
[slots.lock]
pin = 17
sensor_pin = 27
[[slots]]
number = 2
lights = [16, 23]
[slots.lock]
pin = 22
sensor_pin = 23
"""


class Site:
    """The station, its broker, and the operator's desk."""

    def __init__(self, folder: Path, life: ExitStack) -> None:
        (folder / "broker").mkdir()
        (folder / "state").mkdir()
        self.folder = folder
        self.broker = StationBroker(folder / "broker")
        self.broker.start()
        life.callback(self.broker.kill)
        self.supplier = SupplierServer(Books((1, 2)), "127.0.0.1:0")
        self.supplier.start()
        life.callback(self.supplier.stop)
        self.world = World(wiring(), folder / "world.json", travel_s=0.05)
        life.enter_context(WorldServer(self.world, folder / "state" / "world.sock"))
        for user in (STATION, "operator"):
            (folder / user).write_text(PASSWORD.format(user=user), encoding="utf-8")
        config = folder / "station.toml"
        text = CONFIG.format(
            station=STATION,
            state=folder / "state",
            url=self.supplier.url,
            port=self.broker.port,
            ca=self.broker.ca,
            password=folder / STATION,
        )
        config.write_text(text, encoding="utf-8")
        agent = subprocess.Popen(
            [sys.executable, "-m", "agent", "run", "--config", str(config)],
            env={**os.environ, "RUNTIME_DIRECTORY": str(folder / "run")},
            stderr=subprocess.DEVNULL,
        )
        life.callback(agent.wait, 15)
        life.callback(agent.send_signal, signal.SIGTERM)
        assert eventually(self.reachable, 40)

    def state(self) -> dict[str, Any]:
        """What the agent says of itself."""
        try:
            return ask_once(self.folder / "run", "status")
        except ControlError:
            return {}

    def reachable(self) -> bool:
        """Whether the agent has its broker."""
        return bool(self.state().get("broker", {}).get("reachable"))

    def status(self, slot: int) -> str:
        """What a slot is doing."""
        return str(self.state()["slots"][slot - 1]["status"])

    def command(self, *words: str) -> Result:
        """The operator's tool."""
        whom = ["--broker", f"mqtts://127.0.0.1:{self.broker.office_port}", "--username", "operator"]
        files = ["--password-file", str(self.folder / "operator"), "--ca-file", str(self.broker.ca)]
        return CliRunner().invoke(main, ["command", STATION, *words, *whom, *files])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as life:
        yield Site(tmp_path, life)


def test_a_stale_unlock_is_refused_a_good_one_done_and_a_repeated_one_answered_again(site: Site) -> None:
    site.world.place(CARD)
    assert eventually(lambda: site.status(1) == "charging")
    session = site.state()["slots"][0]["session"]["id"]
    with Visitor(site.broker, site.broker.office_port, "operator") as operator:
        operator.subscribe(f"stations/{STATION}/replies/#", f"stations/{STATION}/events/#")
        issued = (datetime.now(UTC) - timedelta(seconds=31)).isoformat()
        stale = {"id": "c-1", "issuedAt": issued, "args": {"slotNumber": 1, "force": True}}
        assert operator.publish(f"stations/{STATION}/commands/unlock", json.dumps(stale).encode()) == 0
        assert eventually(lambda: any("/replies" in topic for topic, _ in operator.heard))
        (reply,) = [json.loads(payload) for topic, payload in operator.heard if "/replies" in topic]
        assert (reply["id"], reply["ok"], reply["problem"]["title"]) == ("c-1", False, "Stale")
        assert site.world.snapshot()["slots"][0]["bolt"] == "locked"

        first = site.command("end", session, "--id", "c-2")
        assert (first.exit_code, json.loads(first.output)) == (0, {"slotNumber": 1, "seen": "unlocked"})
        again = site.command("end", session, "--id", "c-2")
        assert again.output == first.output
        good = site.command("unlock", "2")
        assert json.loads(good.output) == {"slotNumber": 2, "seen": "unlocked"}
        assert eventually(lambda: sum("session-ended" in topic for topic, _ in operator.heard) == 1)


def test_a_station_cannot_command_itself_and_a_wrong_operator_is_told_so(site: Site) -> None:
    with Visitor(site.broker, site.broker.port, STATION, client_id="other") as impostor:
        assert impostor.publish(f"stations/{STATION}/commands/unlock") == 135
    assert eventually(site.reachable)
    (site.folder / "operator").write_text("wrong", encoding="utf-8")
    refused = site.command("ping")
    assert refused.exit_code == 1
    assert "the broker refused you" in refused.stderr
