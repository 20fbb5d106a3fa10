"""station-lights.service: it starts what the agent looks for, and holds it as tightly as it says."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli import main
from hardware.wiring import LightsWiring

UNITS = Path(__file__).parent.parent / "systemd"
LIGHTS = UNITS / "station-lights.service"
EXPOSURE_TIMES_TEN = 12


def service(unit: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str
    parser.read(unit, encoding="utf-8")
    return dict(parser["Service"])


def test_it_listens_where_the_agent_looks_and_lets_its_user_in() -> None:
    lights, agent = service(LIGHTS), service(UNITS / "station-agent.service")
    program, command, *options = lights["ExecStart"].split()
    assert program == agent["ExecStart"].split()[0]
    assert options == ["--socket", LightsWiring().socket.replace("/run/", "%t/")]
    assert LightsWiring().socket == f"/run/{lights['RuntimeDirectory']}/socket"
    assert (lights["Group"], lights["RuntimeDirectoryMode"]) == (agent["User"], "0750")
    shown = CliRunner().invoke(main, [command, "--help"]).stdout
    assert f"[default: {agent['User']}]" in shown


def test_it_has_no_right_that_it_does_not_need() -> None:
    lights = service(LIGHTS)
    assert lights["CapabilityBoundingSet"] == "CAP_SYS_RAWIO"
    assert "User" not in lights
    assert lights["RestrictAddressFamilies"] == "AF_UNIX"
    devices = [line for line in LIGHTS.read_text(encoding="utf-8").splitlines() if line.startswith("DeviceAllow=")]
    assert devices == ["DeviceAllow=/dev/mem rw", "DeviceAllow=/dev/vcio rw"]


needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


@needs_systemd
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    unit = tmp_path / LIGHTS.name
    program = service(LIGHTS)["ExecStart"].split()[0]
    unit.write_text(LIGHTS.read_text(encoding="utf-8").replace(program, shutil.which("true") or ""), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), "it exits with 0 for unknown keys too, so its words count"


@needs_systemd
def test_its_exposure_is_small() -> None:
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_TIMES_TEN}", str(LIGHTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
