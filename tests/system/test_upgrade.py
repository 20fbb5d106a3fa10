"""Another version on a station with vehicles in it: it stays if it is well, else the one before comes back."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.installed import STATE, Station
from support.versions import Change, Version

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

CARDS = ("04A1B2C3D4E5F6", "04A1B211223344")
INSTALL = ("/srv/scripts/install", "--bundle")
LOG = "/var/log/station-upgrade.log"
OPT = "/opt/station-agent"
READY = 'notify("READY=1")'
NEXT_SCHEMA = '"""Schema versions;'

NEWER = Version("0.2.0")
DIES = Version(
    "0.3.0",
    changes=(
        Change("agent/daemon.py", READY, 'raise RuntimeError("a planted end")'),
        Change("agent/journal/file.py", f")\n{NEXT_SCHEMA}", f'    "CREATE TABLE later (x);",\n)\n{NEXT_SCHEMA}'),
        Change("systemd/station-agent.service", "EV charging station agent", "A newer agent"),
    ),
    added={"systemd/station-newer.service": "[Service]\nExecStart=/bin/true\n"},
)
FAILS_ITS_CHECK = Version(
    "0.3.1",
    changes=(
        Change(
            "agent/check/running.py",
            "    yield _agent(answer, config)\n",
            '    yield _agent(answer, config)\n    yield failed(PART, "a planted failure")\n',
        ),
    ),
)
NEVER_READY = Version("0.3.2", changes=(Change("agent/daemon.py", READY, "pass"),))

Pack = Callable[[Version], Path]


@pytest.fixture
def pack(bundle: Path, tmp_path: Path) -> Pack:
    """Makes the bundle of another version."""

    def make(version: Version) -> Path:
        folder = tmp_path / version.number
        folder.mkdir()
        return version.pack(bundle, folder)

    return make


class Stay:
    """A vehicle in each slot of `station`: what may not change meanwhile."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._sessions = [station.start_session(card, number) for number, card in enumerate(CARDS, 1)]
        self.moves = station.beside.ask("bolts")
        self._powered = station.beside.ask("powered")
        self._config = self._written()

    def _written(self) -> str:
        """Which file the config is, since when, and whose."""
        return self._station.machine.run("stat", "--format=%i %y %z %a %U:%G", "/etc/station-agent/station.toml")

    def has_not_changed(self) -> None:
        """Sessions and config are the same, no bolt has moved and no lock's line has changed."""
        self.goes_on()
        assert self._station.beside.ask("powered") == self._powered
        assert self._station.beside.ask("bolts") == self.moves

    def goes_on(self) -> None:
        """Sessions and config are the same."""
        self._station.ready()
        self._station.settled()
        assert [slot["session"] for slot in self._station.state()["slots"]] == self._sessions
        assert self._written() == self._config

    def ends(self) -> None:
        """Both vehicles are let go, and everything is paid once."""
        for number, card in enumerate(CARDS, 1):
            self._station.end_session(card, number)
        self._station.settled()
        books = self._station.books()
        assert [paid["session"] for paid in books["payments"]] == [session["id"] for session in self._sessions]
        assert books["repeats"]["sessions"] == 0


def hand_over(station: Station, packed: Path) -> str:
    """Put a bundle on the machine; gives its place there."""
    (station.machine.root / "srv" / packed.name).write_bytes(packed.read_bytes())
    return f"/srv/{packed.name}"


def install(station: Station, packed: Path, *options: str, fails: bool = False) -> str:
    """What the installer said."""
    run = station.machine.fails if fails else station.machine.run
    said = run(*INSTALL, hand_over(station, packed), *options)
    sys.stdout.write(said)
    return said


def install_killed(station: Station, packed: Path) -> str:
    """What the installer said while what it had begun was killed."""
    install = station.machine.inside(*INSTALL, hand_over(station, packed))
    with subprocess.Popen(
        install, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as installer:
        station.wait((station.machine.root / OPT.lstrip("/") / "upgrade" / "begun").exists)
        upgrade = station.machine.run("systemctl", "show", "--property=MainPID", "--value", "station-upgrade").strip()
        station.machine.run("kill", "-KILL", upgrade)
        return installer.communicate(timeout=100)[0]


def version_of(station: Station) -> str:
    """The one that runs, by its own word."""
    return str(station.state()["version"])


def versions(station: Station) -> set[str]:
    """Those that are installed."""
    found = station.machine.run("find", OPT, "-mindepth", "1", "-maxdepth", "1", "-type", "d", "-printf", "%f\n")
    return set(found.split())


def schema(station: Station, file: str) -> int:
    """The schema version of a journal, its log included."""
    code = f"import sqlite3; print(sqlite3.connect('{STATE}/{file}').execute('PRAGMA user_version').fetchone()[0])"
    return int(station.machine.run("runuser", "-u", "station-agent", "--", "python3", "-c", code))


def programs(files: dict[str, str]) -> dict[str, str]:
    """Without what the station keeps for itself, and what Python keeps of its modules."""
    return {path: how for path, how in files.items() if STATE not in path and "__pycache__" not in path}


def test_sessions_outlive_an_upgrade_and_the_way_back_by_hand(station: Station, bundle: Path, pack: Pack) -> None:
    station.machine.run("mkdir", f"{OPT}/0.0.9")
    stay = Stay(station)
    before = station.agent()

    newer = pack(NEWER)
    said = station.machine.run(*INSTALL, hand_over(station, newer), "--dry-run")
    assert "would stop 0.1.0 between two facts" in said
    assert (station.agent(), versions(station)) == (before, {"0.1.0", "0.0.9"})

    said = install(station, newer)
    assert "upgrade: 0.2.0 is ready and well" in said
    assert version_of(station) == "0.2.0"
    assert versions(station) == {"0.1.0", "0.2.0"}, "the one before stays, older ones do not"
    stay.has_not_changed()
    assert schema(station, "journal.db.before-0.2.0") == schema(station, "journal.db")

    install(station, bundle)
    assert version_of(station) == "0.1.0"
    assert versions(station) == {"0.1.0", "0.2.0"}
    stay.has_not_changed()

    said = install_killed(station, newer)
    assert "0.2.0 was cut short before it was known to be well, so 0.1.0 runs again" in said
    assert version_of(station) == "0.1.0"
    stay.has_not_changed()
    stay.ends()


@pytest.mark.parametrize(
    ("release", "bad", "options", "within"),
    [("bookworm", DIES, (), 60), ("trixie", FAILS_ITS_CHECK, ("--within", "20"), 20)],
    indirect=["release"],
    ids=["dies", "fails its check"],
)
def test_a_version_that_is_not_well_is_taken_back(
    station: Station, pack: Pack, bad: Version, options: tuple[str, ...], within: int
) -> None:
    stay = Stay(station)
    before = station.machine.files()
    unit = station.machine.run("systemctl", "cat", "station-agent.service")
    old = schema(station, "journal.db")

    said = install(station, pack(bad), *options, fails=True)
    assert "status 1" in said
    assert f"within {within} s, so 0.1.0 runs again; what happened stands in {LOG}" in said
    assert "planted" in station.machine.run("cat", LOG)
    assert version_of(station) == "0.1.0"
    stay.has_not_changed()
    assert programs(station.machine.files()) == programs(before)
    assert station.machine.run("systemctl", "cat", "station-agent.service") == unit
    assert schema(station, f"journal.db.before-{bad.number}") == old
    assert schema(station, "journal.db") == old + (bad is DIES), "the version before reads what the newer one brought"
    stay.ends()


@pytest.mark.parametrize("release", ["bookworm"], indirect=True)
def test_nothing_is_taken_back_for_what_the_version_before_fails_too(station: Station, pack: Pack) -> None:
    stay = Stay(station)
    (packages,) = (station.machine.root / OPT.lstrip("/") / "0.1.0/lib").glob("python3.*/site-packages")
    for change in FAILS_ITS_CHECK.changes:
        change.make(packages)

    said = install(station, pack(FAILS_ITS_CHECK), "--within", "20")
    assert "0.1.0 does not pass station-agent check --local either, so 0.3.1 only has to get ready" in said
    assert version_of(station) == "0.3.1"
    stay.has_not_changed()
    stay.ends()


@pytest.mark.parametrize("release", ["trixie"], indirect=True)
def test_a_power_cut_takes_back_what_nobody_has_judged_yet(station: Station, pack: Pack) -> None:
    stay = Stay(station)
    machine = station.machine
    machine.run("tar", "-xf", hand_over(station, pack(NEVER_READY)), "-C", "/srv")
    begin = machine.inside("sh", "-c", "echo $$; exec /srv/station-agent-*/scripts/install")
    with subprocess.Popen(begin, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as installer:
        assert installer.stdout is not None
        itself = installer.stdout.readline().strip()
        while "upgrade: starting 0.3.2" not in (line := installer.stdout.readline()):
            assert line, "the installer has ended"
        machine.run("kill", "-KILL", itself)
    station.wait(lambda: station.unit("ActiveState") == "activating")
    assert machine.run("readlink", f"{OPT}/current").strip() == "0.3.2"
    assert machine.run("systemctl", "is-active", "station-upgrade", check=False).strip() == "activating"

    machine.cut()
    station.beside.ask("dark")
    machine.boot()
    station.wait(lambda: version_of(station) == "0.1.0")
    stay.goes_on()
    assert station.bolts() == ["locked", "locked"]
    assert "went back: 0.3.2 was cut short" in machine.run("cat", LOG)
    assert versions(station) == {"0.1.0"}
    assert "the agent is ready" in machine.run(*INSTALL, "/srv/bundle.tar"), "the next installer goes on"
    stay.ends()
