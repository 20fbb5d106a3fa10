"""`station-agent simulate` as a user meets it: one process started, and everything else seen from outside."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.mqtt import Listener, eventually
from support.page import Onlooker, Page
from support.simulation import CARD, OTHER, Simulation

AGENT = [sys.executable, "-m", "agent"]


@pytest.fixture
def simulation(tmp_path: Path) -> Iterator[Simulation]:
    with Simulation(tmp_path) as simulation:
        yield simulation


def without_time(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key != "time"}


def status(simulation: Simulation, *options: str) -> str:
    command = [*AGENT, "status", "--config", str(simulation.state_dir / "station.toml"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout


def gone(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def test_a_session_from_tap_to_tap_as_everybody_sees_it(simulation: Simulation) -> None:
    taken = socket.socket()
    with taken:
        port = int(simulation.config.read_text().rpartition("port = ")[2])
        taken.bind(("127.0.0.1", port))
        taken.listen()
        simulation.start()
        assert simulation.broker_port > port, "a taken broker port is stepped over"

    onlooker = Onlooker(Page(simulation.url))
    with Listener(simulation.broker_port, "stations/ST-42/#") as listener:
        simulation.tap()
        simulation.wait(lambda: simulation.slot()["status"] == "charging")
        listener.wait_for(lambda heard: any(each.topic.endswith("/session-started") for each in heard))
        simulation.wait(lambda: simulation.get("/api/state")["mainLight"] == "off" and not simulation.owed())
        state = without_time(simulation.get("/api/state"))
        simulation.wait(lambda: without_time(json.loads(status(simulation, "--json"))) == state)
        topic = "stations/ST-42/state"
        listener.wait_for(lambda _: state in [without_time(json.loads(each)) for each in listener.payloads(topic)])
        assert "slot 1: charging, lock locked, light blue" in status(simulation)

        simulation.type(f"tap {CARD[:2]}:{CARD[2:].lower()}")
        listener.wait_for(lambda heard: any(each.topic.endswith("/session-ended") for each in heard))
    simulation.wait(lambda: len(simulation.calls("leds")) == 2)
    assert len(simulation.get("/api/supplier")["payments"]) == 1

    children = simulation.children()
    assert children.keys() == {"agent", "broker"}
    os.killpg(simulation.process.pid, signal.SIGINT)
    assert simulation.ended() == 0
    onlooker.join()
    assert all(gone(pid) for pid in children.values())
    assert len(simulation.out) == 1, "ready is all that stands on standard output"
    kept = {"state", "world", "history", "lights", "agent", "supplier", "switches"}
    assert {*kept, "call", "line", "step"} == {kind for kind, _ in onlooker.seen} - {"beat"}
    assert CARD not in json.dumps([onlooker.of(kind) for kind in ("step", "history", "lights", "agent", "switches")])
    assert [call["name"] for call in onlooker.of("call")][:2] == ["ask", "acquire"]
    told = "".join(simulation.lines)
    assert "Traceback" not in told
    assert CARD not in told + "".join(onlooker.of("line")) + json.dumps(onlooker.of("state"))
    assert next(line.rstrip() for line in simulation.lines if "tapped" in line) in onlooker.of("line")
    assert "agent: not running" in status(simulation)


def test_a_kill_of_the_agent_and_of_everything_loses_nothing_and_pays_once(simulation: Simulation) -> None:
    simulation.start()
    simulation.tap()
    simulation.wait(lambda: simulation.slot()["status"] == "charging")
    session = simulation.slot()["session"]
    simulation.kill_agent()
    assert simulation.slot()["session"] == session
    first = simulation.out[0]

    simulation.ask("POST", "/api/reader/taps", json={"uid": OTHER, "held_ms": 60000})
    simulation.wait(lambda: simulation.slot(2)["status"] == "charging")
    children = simulation.children()
    simulation.process.kill()
    simulation.ended()
    assert eventually(lambda: all(gone(pid) for pid in children.values())), "both die with the world"

    simulation.start()
    assert simulation.out[0] != first
    assert simulation.get("/api/world")["cards"] == [], "the tap that was under way is over"
    assert simulation.slot()["session"] == session
    simulation.tap()
    simulation.wait(simulation.settled)
    payments = simulation.get("/api/supplier")["payments"]
    assert [payment["session"] for payment in payments] == [session["id"]]
    assert [slot["bolt"] for slot in simulation.get("/api/world")["slots"]] == ["unlocked", "locked"]

    simulation.process.terminate()
    assert simulation.ended() == 0
    simulation.start("--fresh")
    assert simulation.slot(2)["status"] == "free"
    assert simulation.get("/api/supplier")["sessions"] == []


def test_a_kill_while_the_supplier_is_slow_to_take_the_payment_pays_once(simulation: Simulation) -> None:
    simulation.start()
    simulation.tap()
    simulation.wait(lambda: simulation.slot()["status"] == "charging")
    simulation.fault("supplier-slow", on=True)
    simulation.ask("POST", "/api/reader/taps", json={"uid": CARD})
    simulation.wait(lambda: simulation.calls("end"), 25)
    os.kill(simulation.children()["agent"], signal.SIGKILL)
    simulation.process.kill()
    simulation.ended()

    simulation.start()
    assert not any(simulation.get("/api/faults").values()), "every fault is off after a start"
    simulation.wait(simulation.settled)
    assert len(simulation.get("/api/supplier")["payments"]) == 1
    assert simulation.get("/api/supplier")["slots"][0]["session"] is None


def test_faults_outlive_the_agent(simulation: Simulation) -> None:
    simulation.start()
    simulation.fault("lock-jammed-1", on=True)
    simulation.fault("supplier-errors", on=True)
    simulation.kill_agent()
    on = {name for name, is_on in simulation.get("/api/faults").items() if is_on}
    assert on == {"lock-jammed-1", "supplier-errors"}
    simulation.fault("supplier-errors", on=False)
    simulation.tap()
    simulation.wait(lambda: any("turned away: lock-failed" in line for line in simulation.lines))


def test_a_full_disk_is_told_and_ctrl_c_works_with_an_agent_that_starts_on_it(tmp_path: Path) -> None:
    with Simulation(tmp_path, measured=False) as simulation:
        simulation.start()
        simulation.type("fault disk-full")
        simulation.wait(lambda: simulation.get("/api/faults")["disk-full"])
        simulation.tap()
        simulation.wait(lambda: any("turned away: storage" in line for line in simulation.lines))
        before = len(simulation.lines)
        os.kill(simulation.children()["agent"], signal.SIGKILL)
        simulation.wait(lambda: any("cannot be opened" in line for line in simulation.lines[before:]))
        os.kill(simulation.process.pid, signal.SIGINT)
        assert simulation.ended() == 0
        assert "Traceback" not in "".join(simulation.lines)


def test_ctrl_c_during_the_start(simulation: Simulation) -> None:
    simulation.launch()
    assert eventually((simulation.state_dir / "station.toml").exists)
    os.killpg(simulation.process.pid, signal.SIGINT)
    assert simulation.ended() == 0
    assert "Traceback" not in "".join(simulation.lines)


def test_a_second_simulation_and_what_cannot_start_say_so(simulation: Simulation, tmp_path: Path) -> None:
    simulation.start()

    def refused(*arguments: str) -> tuple[int, str]:
        command = [*AGENT, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        assert done.stdout == ""
        return done.returncode, done.stderr.rstrip().removeprefix("station-agent: ")

    same = ("simulate", "--state", str(simulation.state_dir))
    status, told = refused(*same, "--listen", "127.0.0.1:0", "--fresh")
    assert (status, told) == (
        1,
        f"The folder {simulation.state_dir} is in use by another simulation: stop that first, or use another.",
    )
    status, told = refused("run", "--config", str(simulation.state_dir / "station.toml"))
    assert status == 1
    assert "in use by another agent" in told
    elsewhere = ("--state", str(tmp_path / "other"), "--config", str(simulation.config))
    address = simulation.url.removeprefix("http://")
    status, told = refused("simulate", *elsewhere, "--listen", address)
    assert status == 1
    assert told.startswith(f"Cannot listen on {address}: ")
    assert "\n" not in told
    assert not (tmp_path / "other").exists(), "nothing was made, and nothing forgotten"
    assert simulation.answers(), "the first one goes on"
