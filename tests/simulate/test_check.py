"""`station-agent check` beside the agent of a simulated station, and in its world while the agent is away."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.clinic import of
from support.simulation import CARD, Simulation

from hardware.emulated.world import World
from hardware.emulated.world_server import WorldServer
from hardware.wiring import SlotWiring, SolenoidWiring, Wiring

CHECK = [sys.executable, "-m", "agent", "check"]


def check(config: Path, *options: str, answers: str = "") -> "subprocess.CompletedProcess[str]":
    """The command, from a shell that knows nothing of the station's folders."""
    environment = {name: value for name, value in os.environ.items() if name != "RUNTIME_DIRECTORY"}
    command = [*CHECK, "--config", str(config), *options]
    return subprocess.run(
        command, input=answers, capture_output=True, text=True, check=False, timeout=60, env=environment
    )


def findings(config: Path) -> tuple[int, list[dict[str, Any]]]:
    done = check(config, "--json")
    return done.returncode, json.loads(done.stdout)["findings"]


def test_beside_a_running_agent(tmp_path: Path) -> None:
    with Simulation(tmp_path).start() as simulation:
        config = simulation.state_dir / "station.toml"
        simulation.wait(lambda: simulation.get("/api/state")["broker"]["reachable"])
        status, found = findings(config)
        assert status == 0, found
        assert of(found, "agent")[0][0] == of(found, "reader")[0][0] == of(found, "supplier")[0][0] == "ok"
        simulation.tap()
        simulation.wait(lambda: simulation.slot()["status"] == "charging")
        done = check(config)
        assert "ok       slot 1    charging, its sensor shows locked\n" in done.stdout
        assert CARD not in done.stdout
        refused = check(config, "--move", answers="y\ny\ny\n")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "stop it" in refused.stderr
        assert simulation.slot()["lock"]["seen"] == "locked"
        simulation.fault("reader-absent", on=True)
        simulation.wait(lambda: simulation.get("/api/state")["faults"])
        status, found = findings(config)
        assert (status, of(found, "reader")[0][0]) == (1, "failed")


CONFIG = """
[station]
id = "ST-42"
state_dir = "{state}"
[hardware]
kind = "simulated"
[supplier]
url = "http://127.0.0.1:9"
[[slots]]
number = 1
lights = [8, 15]
[slots.lock]
pin = 17
sensor_pin = 27
"""


def test_in_a_world_without_an_agent_every_part_is_tried(tmp_path: Path) -> None:
    state, config = tmp_path / "state", tmp_path / "station.toml"
    state.mkdir()
    config.write_text(CONFIG.format(state=state))
    lock = SolenoidWiring(pin=17, sensor_pin=27)
    world = World(Wiring(kind="simulated", slots=(SlotWiring(number=1, lights=(8, 15), lock=lock),)))
    world.place(CARD)
    shown: list[Any] = []
    world.subscribe(lambda snapshot: shown.append(snapshot["strip"]["pixels"]))
    with WorldServer(world, state / "world.sock"):
        done = check(config, "--local", "--move", answers="y\n" * 8)
    assert done.returncode == 0, done.stdout + done.stderr
    for said in (
        "slot 1    locked and opened again, and its sensor saw it",
        "lights    the main light is red, as you saw",
        "lights    the light of slot 1 is red, as you saw",
        "reader    read card ..E5F6, 7 bytes",
    ):
        assert f"ok       {said}\n" in done.stdout
    assert CARD not in done.stdout + done.stderr
    assert [bool(pixels[0][0]) for pixels in shown].count(True)
    assert world.snapshot()["slots"][0]["bolt"] == "unlocked"
    assert world.snapshot()["strip"]["pixels"] == [[0, 0, 0]] * 24
