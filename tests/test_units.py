"""systemd's units: what it does to the locks when the agent has ended, and until when."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parent.parent / "systemd"
AGENT = "/opt/station-agent/current/bin/station-agent"


def said(unit: str, key: str) -> list[str]:
    """Every value of a key, continued lines joined."""
    text = (UNITS / unit).read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{key}=")]


def test_the_lines_are_made_safe_whoever_ended_the_agent_and_the_minute_begins() -> None:
    safe, minute = said("station-agent.service", "ExecStopPost")
    assert f"exec {AGENT} safe-state $more" in safe
    assert "is-active station-release.service && more=--let-go" in safe, "from then on at each end"
    assert minute == "-+/usr/bin/systemctl start --no-block station-release.timer"
    assert said("station-release.timer", "OnActiveSec") == ["60"]


def test_an_agent_that_is_ready_ends_the_minute_and_what_came_of_it() -> None:
    (ready,) = said("station-agent.service", "ExecStartPost")
    assert said("station-agent.service", "Type") == ["notify"]
    assert ready == "-+/usr/bin/systemctl stop --no-block station-release.timer station-release.service"
    assert said("station-release.service", "RemainAfterExit") == ["yes"]
    assert said("station-release.timer", "RemainAfterElapse") == ["no"], "it can be started again"


def test_what_lets_go_waits_until_no_agent_has_the_lines() -> None:
    (command,) = said("station-release.service", "ExecStart")
    assert command.startswith(f"{AGENT} safe-state --let-go --wait ")
    assert said("station-release.service", "TimeoutStartSec") == ["infinity"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    for unit in UNITS.iterdir():
        (tmp_path / unit.name).write_text(unit.read_text(encoding="utf-8").replace(AGENT, "/bin/true"))
    told = subprocess.run(
        ["systemd-analyze", "verify", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")
