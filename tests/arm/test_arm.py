"""The station on a Pi's processors: installed from a bundle made elsewhere, and the suite's core there."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.arm import ARM64, ARMHF, Arm, Pi, pi
from support.bundles import make_bundle
from support.machine import CLONE

pytestmark = [pytest.mark.arm, pytest.mark.timeout(5400)]

PYTHON = "/opt/station-agent/current/bin/python"
TOOLS = frozenset(
    {
        "execnet",
        "hypothesis",
        "iniconfig",
        "packaging",
        "pluggy",
        "pygments",
        "pytest",
        "pytest-timeout",
        "pytest-xdist",
        "sortedcontainers",
    }
)
"""What the suite's core needs beside the station; all that the suite needs has no wheels for 32 bits."""
CORE = (
    "tests/hardware",
    "tests/agent/workflow",
    "tests/agent/journal/test_journal.py",
    "tests/agent/journal/test_commits.py",
    "tests/agent/journal/test_opening.py",
    "tests/agent/journal/test_age.py",
    "tests/agent/journal/test_damage.py",
    "tests/agent/journal/test_versions.py",
    "tests/agent/journal/test_store.py",
    "tests/agent/test_rooms.py",
    "tests/agent/config/test_config.py",
    "tests/agent/test_events.py",
    "tests/agent/test_notify.py",
    "tests/agent/test_control.py",
)
SLOW = "tests/hardware/strips/test_remote.py::test_a_child_that_died_is_started_anew"
"""Waits for a new process no longer than a station does."""
WITH_NUMPY = "tests/hardware/test_mfrc522_package.py"
"""About the package as others use it, beside fake-rpi, which needs numpy; that has no wheels for 32 bits."""
DRIVERS = "import lgpio, msgspec, spidev, _rpi_ws281x; print('compiled for', __import__('platform').machine())"


@pytest.fixture(scope="module", params=[ARM64, ARMHF], ids=lambda arm: arm.name)
def there(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pi]:
    """A Debian with the station installed without a network, from a bundle that this machine made."""
    arm: Arm = request.param
    folder = tmp_path_factory.mktemp(arm.name)
    make_bundle("bookworm", folder / "station.tar", "--arch", arm.machine)
    with pi("bookworm", arm, folder) as machine:
        station = machine.root / "srv" / "station"
        station.mkdir()
        subprocess.run(["tar", "-xf", folder / "station.tar", "-C", station, "--strip-components=1"], check=True)
        machine.run("/srv/station/scripts/install", "--config", "/srv/station/config/station.toml")
        yield machine


def test_what_is_compiled_there_can_be_loaded(there: Pi) -> None:
    there.run("/bin/sh", "-ec", f'cd /tmp; {PYTHON} -c "{DRIVERS}"; station-agent --version')


def test_the_suites_core_passes(there: Pi) -> None:
    suite = there.root / "srv" / "suite"
    for folder in ("tests", "config", "docs"):
        shutil.copytree(CLONE / folder, suite / folder)
    shutil.copy(CLONE / "setup.cfg", suite)
    (suite / "tools.txt").write_text(locked(CLONE / "requirements" / "test.txt", TOOLS))
    pip = f"{PYTHON} -m pip --quiet --no-input --disable-pip-version-check install"
    there.run("/bin/sh", "-ec", f"{pip} --no-deps --require-hashes --requirement /srv/suite/tools.txt", network=True)
    core = f"-n 2 --timeout 900 --deselect {SLOW} --ignore {WITH_NUMPY} {' '.join(CORE)}"
    there.run("/bin/sh", "-ec", f"cd /srv/suite; {PYTHON} -m pytest {core}")


def locked(lock: Path, names: frozenset[str]) -> str:
    """The lines of a lock file that are about these packages."""
    kept, keeps = [], False
    for line in lock.read_text().splitlines():
        if line[:1].isalnum():
            keeps = line.partition("==")[0].partition("[")[0] in names
        if keeps and not line.lstrip().startswith("#"):
            kept.append(line)
    return "\n".join(kept) + "\n"
