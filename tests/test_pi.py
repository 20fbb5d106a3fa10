"""`scripts/test --pi`, with a simulated station in this process's world and a person made of regular expressions.

It is the same path as on a Pi but for the chips: the station's own config, its own board, questions at the terminal.
"""

import json
import os
import re
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.hands import OwnHands, Performer

from agent.config import load
from agent.control import SOCKET
from agent.folders import held

CLONE = Path(__file__).parents[1]
CONFIG = """
[station]
id = "ST-42"
state_dir = "{state}"
[hardware]
kind = "simulated"
release_pin = 21
[supplier]
url = "http://127.0.0.1"
[[slots]]
number = 1
lights = [8, 15]
presence_pin = 16
power_permit_pin = 12
[slots.lock]
pin = 17
sensor_pin = 27
move_timeout_ms = 300
[[slots]]
number = 2
lights = [16, 23]
[slots.lock]
kind = "motor"
lock_pin = 22
unlock_pin = 23
pulse_ms = 30
move_timeout_ms = 200
"""
TAKES_AT_MOST_S = 200.0


@pytest.fixture
def config(tmp_path: Path) -> Path:
    state = tmp_path / "state"
    state.mkdir()
    file = tmp_path / "station.toml"
    file.write_text(CONFIG.format(state=state))
    return file


@pytest.fixture
def own(config: Path) -> Iterator[OwnHands]:
    """The world that the station of `config` lives in."""
    with closing(OwnHands(load(config).wiring, config.parent / "state")) as own:
        yield own


def at_the_terminal(config: Path, performer: Performer | None, *arguments: str) -> tuple[int, str]:
    """Run it, with a person or with nobody; its exit status and everything it said."""
    clean = {name: value for name, value in os.environ.items() if name != "RUNTIME_DIRECTORY"}
    process = subprocess.Popen(
        [CLONE / "scripts" / "test", "--pi", *arguments],
        env=clean | {"PYTHON": sys.executable, "STATION_CONFIG": str(config)},
        stdin=subprocess.PIPE if performer else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    guard = threading.Timer(TAKES_AT_MOST_S, process.kill)
    guard.start()
    said, question = "", ""
    assert process.stdout is not None
    try:
        while letter := process.stdout.read(1):
            said, question = said + letter, question + letter
            if performer and question.endswith("]: "):
                asked = question.rpartition(">>> ")[2]
                assert process.stdin is not None
                process.stdin.write(performer.answer(asked) + "\n")
                process.stdin.flush()
                question = ""
        return process.wait(), said
    finally:
        guard.cancel()
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


@pytest.mark.timeout(240)
def test_a_station_keeps_its_promises_to_somebody_who_does_as_asked(config: Path, own: OwnHands) -> None:
    status, said = at_the_terminal(config, Performer(own))
    assert status == 0, said
    kept = re.search(r"^(\d+) promises kept, 0 broken$", said, re.MULTILINE)
    assert kept, said
    assert int(kept[1]) >= 50
    assert {slot["bolt"] for slot in own.world.snapshot()["slots"]} == {"unlocked"}
    assert said.count("second card") < 5, "the person is asked more often than needed"


def test_a_lie_is_told(config: Path, own: OwnHands) -> None:
    class Liar(Performer):
        def answer(self, question: str) -> str:
            return "n" if "[y/n]" in question else super().answer(question)

    status, said = at_the_terminal(config, Liar(own), "-k", "seen_whole or version")
    assert status == 1
    assert re.search(r"^\d+ promises kept, 1 broken$", said, re.MULTILINE), said


def test_what_nobody_answers_is_broken_and_says_what_to_do(config: Path, own: OwnHands) -> None:
    del own
    status, said = at_the_terminal(config, None, "-k", "seen_whole or version")
    assert status == 1
    assert "nobody answered: run scripts/test --pi in a terminal, with somebody at the station" in said
    assert re.search(r"^\d+ promises kept, 1 broken$", said, re.MULTILINE), said


def test_what_somebody_cannot_do_is_broken(config: Path, own: OwnHands) -> None:
    class Helpless(Performer):
        def answer(self, question: str) -> str:
            del question
            return "n"

    status, said = at_the_terminal(config, Helpless(own), "-k", "release_contact")
    assert status == 1
    assert "it takes somebody to close the release contact: run scripts/test --pi again when you can" in said


def test_a_part_that_the_station_has_not_is_told(config: Path, own: OwnHands) -> None:
    config.write_text(config.read_text().replace("release_pin = 21", "").replace("presence_pin = 16", ""))
    status, said = at_the_terminal(config, Performer(own), "-k", "contact or version")
    assert status == 0
    assert re.search(r"^1 promises kept, 0 broken; 2 are of parts that this station has not$", said, re.MULTILINE), said
    assert "the station has no release_pin" in said


def test_while_an_agent_has_the_station_it_is_refused_and_says_how_to_stop_it(config: Path, own: OwnHands) -> None:
    del own
    with held(config.parent / "state", "the test"):
        status, said = at_the_terminal(config, None)
    assert status == 2
    assert "systemctl stop station-agent" in said
    assert "promises kept" not in said


def test_beside_an_agent_that_answers_it_is_refused(config: Path, own: OwnHands) -> None:
    del own
    door = config.parent / "state" / "run" / SOCKET
    door.parent.mkdir()

    class Agent(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            assert json.loads(self.rfile.readline())["command"] == "check"
            self.wfile.write(b"{}\n")

    with socketserver.UnixStreamServer(os.path.relpath(door), Agent) as agent:
        server = threading.Thread(target=agent.handle_request, name="agent")
        server.start()
        status, said = at_the_terminal(config, None)
        server.join()
    assert status == 2
    assert "An agent runs and holds the parts: systemctl stop station-agent" in said


def test_a_config_with_mistakes_is_refused(config: Path) -> None:
    wrong = config.with_name("wrong.toml")
    wrong.write_text(config.read_text().replace("presence_pin = 16", "presence_pin = 17"))
    status, said = at_the_terminal(config, None, "--config", os.path.relpath(wrong))
    assert status == 2
    assert "wrong.toml" in said
    assert "is taken by" in said


def test_on_a_machine_that_is_no_pi_it_simulates_nothing(config: Path) -> None:
    config.write_text(config.read_text().replace('kind = "simulated"', 'kind = "raspberry-pi"'))
    status, said = at_the_terminal(config, None, "-k", "no_version")
    assert status == 1
    assert "the board cannot be opened" in said
