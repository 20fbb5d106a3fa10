"""A Raspberry Pi for a doctor: a folder with what it looks at, emulated chips where everybody finds them, and a world.

The world may be wired in another way than the config says, as stations are.
"""

import errno
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.check.machine import Machine
from agent.cli import main
from hardware.emulated.cards import Field
from hardware.emulated.gpio import lgpio_module
from hardware.emulated.mfrc522_chip import Mfrc522Chip
from hardware.emulated.spidev import SpiDev, spidev_module
from hardware.emulated.world import World
from hardware.pins import PI_3B
from hardware.wiring import SlotWiring, SolenoidWiring, Wiring

CONFIG = """
[station]
id = "ST-42"
state_dir = "{state}"
[lights]
kind = "none"
[supplier]
url = "{url}"
request_timeout_s = 2.0
[mqtt]
port = {port}
[[slots]]
number = 1
lights = [8, 15]
[slots.lock]
pin = 17
sensor_pin = 27
move_timeout_ms = 100
[[slots]]
number = 2
lights = [16, 23]
[slots.lock]
pin = 22
sensor_pin = 23
move_timeout_ms = 100
"""
USERS = ("gpiozero.pins.lgpio", "rpi_ws281x", "rpi_ws281x.rpi_ws281x")
MODEL = "Raspberry Pi 4 Model B Rev 1.4"


def wired(*locks: SolenoidWiring) -> Wiring:
    """How the parts really are wired: each slot's lock, its sensor and when that closes."""
    slots = [SlotWiring(number=number, lights=(8, 15), lock=lock) for number, lock in enumerate(locks, start=1)]
    return Wiring(slots=tuple(slots))


RIGHT = wired(SolenoidWiring(pin=17, sensor_pin=27), SolenoidWiring(pin=22, sensor_pin=23))


class WorldLines:
    """GPIO lines that lead into a world in this process."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.driven: list[tuple[int, int | None]] = []
        self.deaf = False
        self.grounded: set[int] = set()

    def drive(self, pin: int, level: int | None) -> None:
        self.driven.append((pin, level))
        self._world.set_line(pin, level)

    def closed(self, pin: int) -> bool:
        if self.deaf:
            raise OSError(errno.EIO, "Input/output error")
        self._world.step()
        return pin in self.grounded or pin in self._world.view().closed

    def watch(self, changed: Callable[[], None]) -> None:
        """Nobody here is told: contacts are polled."""


class Locked(SpiDev):
    """An SPI device that this user may not open."""

    def open(self, _bus: int, _device: int) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")


class Clinic:
    """One Pi in `folder`, well unless a test breaks it. `check` is the command, in this process."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.state = folder / "station-agent"
        self.config = folder / "station.toml"
        self.url, self.port = "http://127.0.0.1:9", 9
        self.user, self.groups, self.is_root, self.synchronised = "station-agent", {"gpio", "spi"}, False, True
        self.field = Field()
        self.patch = monkeypatch
        monkeypatch.setattr("gpiozero.pins.local.get_pi_revision", lambda: PI_3B)
        monkeypatch.setattr(Machine, "here", self.machine)
        monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
        self.put("/proc/device-tree/model", f"{MODEL}\0")
        self.put("/boot/firmware/config.txt", "# the settings\ndtparam=spi=on\n[pi5]\ndtoverlay=w1-gpio,gpiopin=17\n")
        self.put("/etc/systemd/system.conf", "[Manager]\n#RuntimeWatchdogSec=off\n")
        self.put("/etc/systemd/system.conf.d/station.conf", "[Manager]\nRuntimeWatchdogSec=14\n")
        self.put("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n")
        for node in ("gpiochip0", "spidev0.0", "watchdog"):
            self.put(f"/dev/{node}", "")
        self.write_config()
        self.wire(RIGHT)
        self.chip()

    def machine(self) -> Machine:
        """What the doctor takes for the machine it runs on."""
        return Machine(self.root, self.user, self.is_root, frozenset(self.groups), self.synchronised)

    def put(self, path: str, text: str) -> None:
        """A file of the Pi's own."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def write_config(self, change: Mapping[str, str] | None = None) -> None:
        """The station's config, some of its text replaced."""
        text = CONFIG.format(state=self.state, url=self.url, port=self.port)
        for old, new in (change or {}).items():
            assert old in text
            text = text.replace(old, new)
        self.config.write_text(text)

    def wire(self, wiring: Wiring, others: Mapping[int, str] | None = None) -> None:
        """Another world, and lines that other programs hold."""
        self.wiring = wiring
        self.world = World(wiring, travel_s=0.04)
        self.lines = WorldLines(self.world)
        self.patch.setitem(sys.modules, "lgpio", lgpio_module(self.lines, others))
        for name in USERS:
            self.patch.delitem(sys.modules, name, raising=False)

    def chip(self, version: int = 0x92, place: tuple[int, int] = (0, 0)) -> None:
        """Another reader chip, or at another place."""
        self.patch.setitem(sys.modules, "spidev", spidev_module(Mfrc522Chip(self.field, version=version), *place))

    def forbid_spi(self) -> None:
        """The SPI device belongs to a group that the user is not in."""
        module = ModuleType("spidev")
        vars(module)["SpiDev"] = lambda: Locked(Mfrc522Chip(self.field), (0, 0))
        self.patch.setitem(sys.modules, "spidev", module)

    def check(self, *options: str, answers: str = "") -> Result:
        """`station-agent check` with somebody at the terminal who types `answers`."""
        self.patch.setenv("LG_WD", "")  # so that the doctor's own does not outlive the test
        self.patch.delenv("LG_WD")
        return CliRunner().invoke(main, ["check", "--config", str(self.config), *options], input=answers)

    def findings(self, *options: str) -> list[dict[str, str]]:
        """What it finds, from its JSON."""
        found: list[dict[str, str]] = self.report(*options)["findings"]
        return found

    def report(self, *options: str) -> dict[str, Any]:
        """Its JSON."""
        report: dict[str, Any] = json.loads(self.check("--json", *options).stdout)
        return report

    def told(self, result: Result) -> str:
        """What stood on the terminal, with a station's own folder, and a disk that never changes."""
        text = result.output.replace(str(self.folder), "/var/lib")
        return re.sub(r"\d+ MiB free", "20480 MiB free", text)


def of(findings: Sequence[Mapping[str, str]], part: str) -> list[tuple[str, str]]:
    """Level and line of each finding about a part."""
    return [(each["level"], f"{each['said']} -> {each['mend']}") for each in findings if each["part"] == part]
