"""The power goes at random instants, on real systemd and a real file system, with sessions under way."""

import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.cuts import Cuts
from support.disk import Disk
from support.installed import CONFIG, Station
from support.site import Site, lead_to_world

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

CUTS = 20
SEED = "STATION_CUT_SEED"
"""The environment variable that draws the same instants again; where they fall is the machine's."""
THIRD_SLOT = """
[lights]
main = [0, 3]
[[slots]]
number = 3
lights = [4, 7]
[slots.lock]
kind = "solenoid"
pin = 24
sensor_pin = 26
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """The journal's disk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with Disk(folder) as disk:
        lead_to_world(disk.place)
        yield disk


@pytest.fixture
def station(root: Path, disk: Disk) -> Iterator[Station]:
    """A station with its journal on that disk; its supplier knows nothing of slot 3."""
    with Site(root, disk.place, CONFIG + THIRD_SLOT, "--slots", "2") as station:
        station.ready()
        yield station


@pytest.mark.parametrize("release", ["bookworm", "trixie"], indirect=True)
def test_power_cuts_lose_nothing_double_nothing_and_trap_nobody(
    station: Station, disk: Disk, release: str, record_property: Callable[[str, object], None]
) -> None:
    seed = int(os.environ.get(SEED) or random.SystemRandom().randrange(10**6))
    sys.stdout.write(f"{SEED}={seed}\n")  # shown if the test fails
    cuts = Cuts(station, disk, seed)
    for _ in range(CUTS):
        cuts.cut()
    lost, doubled = cuts.said()
    figures = f"lost {len(lost)}, doubled {len(doubled)}, trapped {len(cuts.trapped)}"
    sessions, undone = len(station.events("session-started")), len(station.events("refused"))
    told = f"{CUTS} power cuts on ext4: {figures} ({release}, {sessions} sessions, {undone} taps undone, {SEED}={seed})"
    record_property("told", told)
    assert not [*lost, *doubled, *cuts.trapped], f"seed {seed}: {lost} {doubled} {cuts.trapped}\n{station.told()}"
