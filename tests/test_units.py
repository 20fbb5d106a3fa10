"""systemd's units: what it does to the locks when the agent has ended, and until when."""

import shutil
import subprocess
from pathlib import Path

import pytest

from agent.config.credentials import CLIENT_KEYS, PASSWORD, TOKEN, WEB_KEY, WEB_TOKEN
from agent.config.places import CREDENTIALS
from agent.ending import DEAF_S, STOP_S
from agent.watchdog.feeding import LAST_WORDS

UNITS = Path(__file__).parent.parent / "systemd"
EXPOSURE_TIMES_TEN = 15
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


def test_a_station_that_hangs_is_started_again_and_says_where_it_hung() -> None:
    agent = "station-agent.service"
    (patience,) = said(agent, "WatchdogSec")
    assert float(patience) * LAST_WORDS >= 20.0, "a card that stalls for so long is no reason to end"
    assert said(agent, "Restart") == ["always"]
    assert said(agent, "StartLimitIntervalSec") == ["0"]
    assert said(agent, "TimeoutStartFailureMode") == said(agent, "TimeoutStopFailureMode") == ["abort"]
    assert said(agent, "LimitCORE") == ["0"], "a core would hold cards and secrets"
    assert STOP_S + DEAF_S < 5.0 < float(said(agent, "TimeoutStopSec")[0])


@pytest.mark.parametrize("unit", sorted(UNITS.iterdir()), ids=lambda unit: unit.name)
def test_nothing_waits_for_the_network(unit: Path) -> None:
    assert "network" not in " ".join(
        value for key in ("After", "Wants", "Requires", "BindsTo") for value in said(unit.name, key)
    )


def test_every_secret_may_be_missing() -> None:
    handed_over = [line.partition(":")[0] for line in said("station-agent.service", "LoadCredential")]
    assert set(handed_over) == {TOKEN, PASSWORD, *CLIENT_KEYS.values(), WEB_KEY, WEB_TOKEN}
    assert said("station-agent.service", "SetCredential") == [f"{name}:\\n" for name in handed_over]
    paths = [line.partition(":")[2] for line in said("station-agent.service", "LoadCredential")]
    assert paths == [str(CREDENTIALS / name) for name in handed_over]


needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


LASTING = [unit for unit in sorted(UNITS.glob("*.service")) if unit.name != "station-upgrade.service"]
"""All but the one that is an installer, for the minute in which another version is tried."""


@needs_systemd
@pytest.mark.parametrize("unit", LASTING, ids=lambda unit: unit.name)
def test_the_exposure_is_small(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_TIMES_TEN}", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@needs_systemd
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
