"""Fresh machines, a bundle for each and a station installed on it, made once; what is to be told at the end."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.bundles import make_bundle
from support.installed import STATE, Station
from support.machine import CLONE, Machine, debian, memory, mounted
from support.site import Site, drop_in, lead_to_world

BOOKWORM = "bookworm"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker for each Debian: what is made once for it is made by one."""
    for item in items:
        called = getattr(item, "callspec", None)
        item.add_marker(pytest.mark.xdist_group(called.params.get("release", BOOKWORM) if called else BOOKWORM))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests told of themselves, passed or not."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, told in report.user_properties:
                if name == "told" and report.when == "call":
                    terminalreporter.write_line(str(told))


@pytest.fixture(scope="session")
def bundles() -> dict[str, Path]:
    """The bundles of this clone that were made so far, by release."""
    return {}


@pytest.fixture(params=[BOOKWORM])
def release(request: pytest.FixtureRequest) -> str:
    """The Debian of the machine; a test may ask for others."""
    return str(request.param)


@pytest.fixture
def bundle(release: str, bundles: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of this clone for a release; it needs a package index."""
    if release not in bundles:
        file = tmp_path_factory.mktemp("bundle") / "station.tar"
        make_bundle(release, file)
        bundles[release] = file
    return bundles[release]


def unpack(bundle: Path, root: Path) -> None:
    """Put the bundle into a machine's /srv, unpacked too."""
    (root / "srv" / "bundle.tar").write_bytes(bundle.read_bytes())
    subprocess.run(["tar", "-xf", bundle, "-C", root / "srv", "--strip-components=1"], check=True)


@pytest.fixture
def machine(tmp_path: Path, release: str, bundle: Path) -> Iterator[Machine]:
    """A fresh Debian without a network, with the bundle in /srv, unpacked too."""
    with mounted(debian(release), tmp_path) as root:
        unpack(bundle, root)
        with Machine(root, f"station-test-{os.getpid()}") as booted:
            yield booted


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Installed"]:
    """Machines on which the station is installed, to be copied."""
    with ExitStack() as life:
        yield Installed(life, tmp_path_factory)


class Installed:
    """The roots of machines with an installed station, made when they are asked for; nobody writes there later."""

    def __init__(self, life: ExitStack, folders: pytest.TempPathFactory) -> None:
        self._life = life
        self._folders = folders
        self._roots: dict[str, Path] = {}

    def root(self, release: str, bundle: Path) -> Path:
        """The one of a release."""
        if release not in self._roots:
            self._roots[release] = root = self._life.enter_context(
                mounted(debian(release), self._folders.mktemp(release))
            )
            unpack(bundle, root)
            with Site(root, lead_to_world(root / STATE.lstrip("/"))) as station:
                station.machine.run(
                    "/srv/scripts/install", "--bundle", "/srv/bundle.tar", "--config", "/srv/station.toml"
                )
                station.machine.run("systemctl", "stop", "station-agent")
                station.machine.run("sh", "-c", f"rm {STATE}/*.db*")
        return self._roots[release]


@pytest.fixture
def root(release: str, bundle: Path, installed: Installed, tmp_path: Path) -> Iterator[Path]:
    """A machine that was shut down with an installed station on it."""
    with mounted(installed.root(release, bundle), tmp_path) as copy:
        yield copy


@pytest.fixture
def station(root: Path) -> Iterator[Station]:
    """An installed station at work, with nobody in it."""
    with Site(root) as station:
        station.ready()
        yield station


@pytest.fixture
def small_disk(root: Path, tmp_path: Path) -> Iterator[Station]:
    """One whose journal is on a small disk of its own."""
    with memory(tmp_path / "small", "4M") as folder, Site(root, lead_to_world(folder)) as station:
        station.ready()
        yield station


@pytest.fixture
def moved_clock(root: Path) -> Iterator[Station]:
    """One whose agent sees a clock that the file /srv/clock moves (support/moved_clock.c)."""
    source = CLONE / "tests" / "support" / "moved_clock.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", root / "srv" / "moved_clock.so", source], check=True)
    (root / "srv" / "clock").write_text("0")
    drop_in(root, "clock", "Environment=LD_PRELOAD=/srv/moved_clock.so MOVED_CLOCK=/srv/clock")
    with Site(root) as station:
        station.ready()
        yield station
