"""The station as a service on a fresh Debian, without a network: installed, killed, restarted, taken away."""

import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.machine import Machine, Surroundings
from support.mqtt import eventually

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

CARD = "04A1B2C3D4E5F6"
STATE = "/var/lib/station-agent"
INSTALL = ("/srv/scripts/install", "--bundle", "/srv/bundle.tar")
HELD = [["unlocked"], ["between"], ["locked"]]
"""Where the bolt was until it was held."""
UNINSTALL = "/srv/scripts/uninstall"
CONFIG = """
[station]
id = "ST-42"
[hardware]
kind = "simulated"
[supplier]
url = "{supplier}"
[mqtt]
port = {port}
[[slots]]
number = 1
lights = [8, 15]
[slots.lock]
kind = "solenoid"
pin = 17
sensor_pin = 27
"""


class Site:
    """A machine with its surroundings, and what one does there."""

    def __init__(self, machine: Machine, beside: Surroundings) -> None:
        self.machine = machine
        self.beside = beside

    def install(self, *options: str) -> str:
        """What the installer said."""
        said = self.machine.run(*INSTALL, *options)
        sys.stdout.write(said)
        return said

    def slot(self) -> dict[str, Any]:
        """The station's slot, by its own word."""
        said = self.machine.run("station-agent", "status", "--json")
        slot: dict[str, Any] = json.loads(said)["slots"][0]
        return slot

    def is_slot(self, status: str) -> bool:
        """Whether an agent runs and its slot is like this."""
        active = self.machine.run("systemctl", "is-active", "station-agent", check=False).strip() == "active"
        return active and self.slot()["status"] == status

    def waits(self, status: str) -> None:
        """Wait until an agent runs and its slot is like this."""
        assert eventually(lambda: self.is_slot(status), 40), self.machine.run("journalctl", "-n", "60", "--no-pager")

    def start_session(self) -> dict[str, Any]:
        """Tap the card; gives the session."""
        self.beside.ask("place", CARD)
        self.waits("charging")
        self.beside.ask("remove", CARD)
        session: dict[str, Any] = self.slot()["session"]
        return session

    def agent(self) -> str:
        """The agent's process id."""
        return self.machine.run("systemctl", "show", "--property=MainPID", "--value", "station-agent").strip()

    def bolts(self) -> list[list[str]]:
        """Where the bolt was so far, one row for each change."""
        rows: list[list[str]] = self.beside.ask("bolts")
        return rows


@pytest.fixture
def site(machine: Machine, tmp_path: Path) -> Iterator[Site]:
    """A machine with a config to install with; nothing is installed."""
    config = tmp_path / "station.toml"
    config.write_text(CONFIG.format(supplier="http://127.0.0.1", port=1883))
    with Surroundings(machine, config, STATE) as beside:
        (machine.root / "srv" / "station.toml").write_text(CONFIG.format(**beside.ask("where")))
        yield Site(machine, beside)


def test_a_dry_run_says_every_step_and_changes_nothing(machine: Machine) -> None:
    before = machine.files()
    said = machine.run(*INSTALL, "--dry-run", "--config", "/srv/config/station.toml", "--boot")
    sys.stdout.write(said)
    for step in ("make the user station-agent", "/opt/station-agent/0", "station.toml", "station-agent.service"):
        assert step in said
    assert machine.files() == before


def test_without_a_good_config_or_a_whole_bundle_nothing_is_changed(machine: Machine) -> None:
    before = machine.files()
    assert "--config FILE" in machine.fails(*INSTALL)

    (machine.root / "srv" / "wrong.toml").write_text("[station]\nid = 7\n")
    said = machine.fails(*INSTALL, "--config", "/srv/wrong.toml")
    assert "station.id" in said
    assert "supplier.url" in said

    whole = (machine.root / "srv" / "bundle.tar").read_bytes()
    (machine.root / "srv" / "bundle.tar").write_bytes(
        whole.replace(b"the only part of the station", b"an only part of the stations")
    )
    said = machine.fails(*INSTALL, "--config", "/srv/config/station.toml")
    assert "the bundle is damaged" in said
    assert machine.files() == before


@pytest.mark.parametrize("release", ["bookworm", "trixie"], indirect=True)
def test_a_session_outlives_a_kill_and_a_restart(site: Site) -> None:
    said = site.install("--config", "/srv/station.toml")
    assert "the agent is ready" in said
    assert "the station could work" in said
    session = site.start_session()
    assert site.bolts() == HELD

    dead = site.agent()
    site.machine.run("kill", "-KILL", dead)
    site.waits("charging")
    assert site.agent() != dead
    assert site.slot()["session"] == session

    (site.machine.root / "etc/station-agent/credentials/supplier-token").write_text("a-token\n")
    site.machine.run("systemctl", "restart", "station-agent")
    site.waits("charging")
    assert site.slot()["session"] == session
    assert site.bolts() == HELD, "it was held all the time"
    given = "/run/credentials/station-agent.service"
    assert site.machine.run("cat", f"{given}/supplier-token") == "a-token\n"
    assert site.machine.run("cat", f"{given}/mqtt-password").strip() == "", "nobody has set it"

    running = site.agent()
    again = site.install()
    assert "let nobody but root read /etc/station-agent/credentials" in again
    assert "write" not in again, "there was nothing to change"
    assert site.agent() == running

    site.beside.ask("place", CARD)
    site.waits("free")
    assert site.bolts() == [*HELD, ["between"], ["unlocked"]]


@pytest.mark.parametrize("release", ["bookworm", "trixie"], indirect=True)
def test_what_is_taken_away_leaves_the_journal_and_purged_nothing(site: Site) -> None:
    before = site.machine.files()
    site.install("--config", "/srv/station.toml")
    site.start_session()
    said = site.machine.run(UNINSTALL)
    sys.stdout.write(said)
    assert f"the journal stays in {STATE}" in said
    assert site.bolts()[-1] == ["unlocked"], "nobody is left to let the vehicle go"
    new = {path for path in site.machine.files() if path not in before}
    assert f"{STATE}/journal.db" in new
    assert {path for path in new if not path.startswith(STATE)} == set()

    site.machine.run(UNINSTALL, "--purge")
    assert site.machine.files() == {path: kind for path, kind in before.items() if not path.startswith(STATE)}
    assert site.machine.run("sh", "-c", "grep -E 'station-agent|gpio|spi' /etc/passwd /etc/group; true") == ""


def test_a_session_goes_on_on_another_card(site: Site) -> None:
    """As docs/replace.md says; here the other card is the same machine with everything taken away."""
    site.install("--config", "/srv/station.toml")
    session = site.start_session()
    machine = site.machine
    machine.run("systemctl", "disable", "--now", "station-agent")
    machine.run("tar", "-C", "/", "-cf", "/srv/moved.tar", "etc/station-agent", STATE[1:])
    machine.run(UNINSTALL)
    machine.run("sh", "-c", f"rm {STATE}/journal.db*")
    assert site.bolts()[-1] == ["unlocked"], "a solenoid without power"

    machine.run("tar", "-C", "/", "-xpf", "/srv/moved.tar", "--no-same-owner")
    assert "let station-agent read /etc/station-agent/station.toml" in site.install()
    site.waits("charging")
    assert site.slot()["session"] == session
    assert eventually(lambda: site.bolts()[-1] == ["locked"], 40), "it is locked again"
    site.beside.ask("place", CARD)
    site.waits("free")
    paid = [each["session"] for each in site.beside.ask("supplier")["payments"]]
    assert paid == [session["id"]]


def test_who_sits_there_is_asked_and_boot_settings_are_written_once_and_taken_back(machine: Machine) -> None:
    firmware = machine.root / "boot" / "firmware" / "config.txt"
    firmware.parent.mkdir()
    own = "dtparam=audio=on\n[pi4]\narm_boost=1\n"
    firmware.write_text(own)
    kernel = firmware.with_name("cmdline.txt")
    kernel.write_text("console=tty1 root=PARTUUID=1-02 rootwait\n")
    answers = r"printf 'ST-7\nhttps://supplier.example/api\nmqtt.example\n'"
    said = machine.run("sh", "-c", f"{answers} | script -qec '{' '.join(INSTALL)} --boot' /dev/null")
    sys.stdout.write(said)
    assert "now reboot" in said
    config = tomllib.loads(machine.run("cat", "/etc/station-agent/station.toml"))
    asked = (config["station"]["id"], config["supplier"]["url"], config["mqtt"]["host"])
    assert asked == ("ST-7", "https://supplier.example/api", "mqtt.example")
    assert (config["mqtt"]["port"], config["mqtt"]["tls"]) == (8883, True)
    written = firmware.read_text()
    assert written.startswith(own)
    assert written.splitlines()[4:-1] == [
        "[all]",
        "dtparam=spi=on",
        "gpio=17,22=op,dl",
        "dtparam=audio=off",
        "dtparam=watchdog=on",
    ]
    assert machine.run("systemctl", "is-enabled", "station-agent", "station-lights").split() == ["enabled", "enabled"]
    assert "RuntimeWatchdogSec=14" in machine.run("cat", "/etc/systemd/system.conf.d/station-agent.conf")
    assert kernel.read_text() == "console=tty1 root=PARTUUID=1-02 rootwait cgroup_enable=memory\n"
    again = machine.run(*INSTALL, "--dry-run", "--boot")
    assert ("config.txt" in again, "cmdline.txt" in again) == (False, False), "they stand there already"
    sys.stdout.write(machine.run(UNINSTALL, "--purge"))
    assert firmware.read_text() == own
    assert kernel.read_text() == "console=tty1 root=PARTUUID=1-02 rootwait\n"
