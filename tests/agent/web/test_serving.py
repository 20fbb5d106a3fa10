"""The page costs nothing where there is none."""

import subprocess
import sys

import pytest
from config_files import LEAST

from agent.config import parse
from agent.web.about import about
from agent.web.colours import colours


def test_an_agent_without_a_page_loads_nothing_of_it() -> None:
    program = """
import sys
import agent.cli.run, agent.daemon, agent.rooms
print([name for name in sys.modules if name.startswith(("agent.web", "agent.http", "http.server"))])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("simulated", [True, False])
def test_what_the_page_says_of_itself(simulated: bool) -> None:
    said = about(parse(LEAST, "station.toml", {}), simulated=simulated)
    assert said["simulated"] is simulated
    assert (said["stationId"], said["slots"], said["retapGuardS"]) == ("ST-42", [1], 3.0)


def test_a_frame_is_the_colours_of_its_lights() -> None:
    frame = [(0, 0, 0), (255, 0, 16), (1, 2, 3)]
    assert colours(frame, {"main": (0, 1), "1": (2, 2)}) == {"main": ["#000000", "#ff0010"], "1": ["#010203"]}
