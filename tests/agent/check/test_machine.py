"""What a doctor sees of the machine: boot settings, other programs' lines, the board, the watchdog, the memory."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support.clinic import RIGHT, Clinic, of

from agent.check import board, folder, groups, memory, watchdog
from agent.check.machine import Machine
from agent.check.overlays import taken
from hardware.pins import named
from hardware.wiring import LightsWiring, ReaderWiring, SolenoidWiring, Wiring

STRIP = replace(RIGHT, lights=LightsWiring())
CONFIG = "/boot/firmware/config.txt"


def said(clinic: Clinic, wiring: Wiring = STRIP) -> list[tuple[str, str]]:
    return [(each.level, each.said) for each in board.look(wiring, clinic.machine())]


def test_boot_settings_count_unless_they_are_for_other_boards(clinic: Clinic) -> None:
    clinic.put(CONFIG, "dtparam=spi=on # the reader\n#dtoverlay=x\n[cm4]\ndtoverlay=y\n[all]\n\ndtparam=audio=off\n")
    assert clinic.machine().boot_settings() == ("dtparam=spi=on", "dtparam=audio=off")
    (clinic.root / CONFIG.lstrip("/")).unlink()
    clinic.put("/boot/config.txt", "old=1\n")
    assert clinic.machine().boot_settings() == ("old=1",)


@pytest.mark.parametrize(
    ("setting", "lines"),
    [
        ("dtoverlay=w1-gpio", [4]),
        ("dtoverlay = w1-gpio, gpiopin=17", [17]),
        ("dtoverlay=pwm-2chan,pin=12,func=4", [12, 19]),
        ("dtoverlay=uart5", [12, 13]),
        ("dtoverlay=nothing-known", []),
        ("dtparam=i2s=on", [18, 19, 20, 21]),
        ("dtparam=i2s=off", []),
        ("dtparam=spi=on", [10, 9, 11, 8, 7]),
        ("dtparam=i2c_arm=on,i2s=on", [2, 3, 18, 19, 20, 21]),
        ("gpu_mem=16", []),
    ],
)
def test_the_lines_that_a_setting_takes(setting: str, lines: list[int]) -> None:
    assert [line for _, found in taken([setting]) for line in found] == lines


def test_a_setting_that_takes_a_line_of_the_station(clinic: Clinic) -> None:
    clinic.put(CONFIG, "dtparam=spi=on\ndtoverlay=w1-gpio,gpiopin=17\ndtparam=audio=on\n")
    assert said(clinic) == [
        ("ok", "Raspberry Pi 4 Model B Rev 1.4"),
        ("warning", "dtoverlay=w1-gpio,gpiopin=17 in config.txt takes GPIO17 of slot 1: lock"),
        ("warning", "sound and the strip need the same PWM"),
    ]
    assert len(said(clinic, replace(RIGHT, lights=LightsWiring(kind="none")))) == 2


def test_the_last_word_about_the_sound_counts(clinic: Clinic) -> None:
    clinic.put(CONFIG, "dtparam=audio=on\n[all]\ndtparam=spi=on\ndtparam=audio=off\n")
    assert said(clinic) == [("ok", "Raspberry Pi 4 Model B Rev 1.4")]


def test_lights_that_the_board_cannot_drive(clinic: Clinic) -> None:
    clinic.put("/proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    assert said(clinic)[0] == (
        "failed",
        'a Raspberry Pi 5 Model B Rev 1.0 cannot drive a strip by rpi_ws281x: set lights.kind = "pio" (docs/lights.md)',
    )


@pytest.mark.parametrize(("model", "name"), [("Banana Pi\0", "is a Banana Pi"), ("", "says no model")])
def test_a_board_that_nobody_knows(clinic: Clinic, model: str, name: str) -> None:
    clinic.put("/proc/device-tree/model", model)
    assert said(clinic)[0] == ("warning", f"{name}, so it is taken for a Raspberry Pi")


def test_locks_that_the_boot_moves(clinic: Clinic) -> None:
    lock = SolenoidWiring(pin=5, sensor_pin=6)
    wiring = replace(RIGHT, reader=ReaderWiring(reset_pin=1), slots=(replace(RIGHT.slots[0], lock=lock),))
    assert said(clinic, wiring)[1:] == [
        ("warning", "GPIO1 of reader: RST is used at boot to look for a HAT"),
        ("warning", "GPIO5 of slot 1: lock is pulled high while the Pi boots"),
    ]


@pytest.mark.parametrize(
    ("drop_in", "expected"),
    [
        ("RuntimeWatchdogSec=14\n", ("ok", "restarts a Pi that hangs for 14 (RuntimeWatchdogSec)")),
        ("RuntimeWatchdogSec=off\n", ("warning", "a Pi that hangs is not restarted, as RuntimeWatchdogSec is off")),
        ("", ("warning", "a Pi that hangs is not restarted, as RuntimeWatchdogSec is off")),
    ],
)
def test_the_watchdog(clinic: Clinic, drop_in: str, expected: tuple[str, str]) -> None:
    clinic.put("/etc/systemd/system.conf.d/station.conf", drop_in)
    (found,) = watchdog.look(clinic.machine())
    assert (found.level, found.said) == expected
    (clinic.root / "dev/watchdog").unlink()
    (found,) = watchdog.look(clinic.machine())
    assert (found.level, found.said) == ("warning", "there is no /dev/watchdog")


@pytest.mark.parametrize("off", ["0", "0s", "off", "infinity", ""])
def test_a_watchdog_that_is_off_by_any_word(clinic: Clinic, off: str) -> None:
    clinic.put("/usr/lib/systemd/system.conf.d/40-pi.conf", "[Manager]\nRuntimeWatchdogSec=1m\n")
    clinic.put("/etc/systemd/system.conf.d/zz-own.conf", f"[Manager]\nRuntimeWatchdogSec={off}\n")
    (found,) = watchdog.look(clinic.machine())
    assert found.level == "warning"


def test_the_systems_own_drop_in_feeds_the_watchdog_unless_one_of_the_same_name_stands_before_it(
    clinic: Clinic,
) -> None:
    clinic.put("/etc/systemd/system.conf", "[Manager]\n#RuntimeWatchdogSec=off\n")
    clinic.put("/etc/systemd/system.conf.d/station.conf", "")
    clinic.put("/usr/lib/systemd/system.conf.d/40-pi.conf", "[Manager]\nRuntimeWatchdogSec=1m\n")
    (found,) = watchdog.look(clinic.machine())
    assert (found.level, found.said) == ("ok", "restarts a Pi that hangs for 1m (RuntimeWatchdogSec)")
    clinic.put("/etc/systemd/system.conf.d/40-pi.conf", "[Manager]\n")
    (found,) = watchdog.look(clinic.machine())
    assert found.level == "warning"


def test_a_watchdog_that_nobody_feeds_before_the_reboot(clinic: Clinic) -> None:
    clinic.put("/etc/systemd/system.conf.d/station.conf", "RuntimeWatchdogSec=14\n")
    clinic.put("/sys/class/watchdog/watchdog0/state", "inactive\n")
    (found,) = watchdog.look(clinic.machine())
    assert (found.level, found.mend) == ("warning", "reboot")
    clinic.put("/sys/class/watchdog/watchdog0/state", "active\n")
    (found,) = watchdog.look(clinic.machine())
    assert found.level == "ok"


def test_a_kernel_that_bounds_no_services_memory(clinic: Clinic) -> None:
    def looked() -> tuple[str, str]:
        (found,) = memory.look(clinic.machine())
        return found.level, found.mend

    assert looked() == ("ok", "")
    clinic.put("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io pids\n")
    mend = "add cgroup_enable=memory to the one line of /boot/firmware/cmdline.txt and reboot"
    assert looked() == ("warning", mend)
    clinic.put("/boot/firmware/cmdline.txt", "console=tty1 rootwait cgroup_disable=memory\n")
    assert looked() == ("warning", mend)
    clinic.put("/boot/firmware/cmdline.txt", "console=tty1 rootwait cgroup_enable=memory\n")
    assert looked() == ("warning", "reboot")


def test_root_needs_no_groups(clinic: Clinic) -> None:
    clinic.user, clinic.is_root, clinic.groups = "root", True, set()
    (found,) = groups.look(RIGHT, clinic.machine())
    assert (found.level, found.said) == ("ok", "root may open everything")


def test_a_folder_that_lgpio_cannot_use(clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def looked(runtime: Path) -> tuple[str, str]:
        (found,) = folder.look(runtime)
        return found.level, found.said

    monkeypatch.setenv("LG_WD", "")
    assert looked(clinic.root) == ("ok", f"{clinic.root} can be written")
    assert looked(Path("/proc/self")) == ("failed", "/proc/self cannot be written, so lgpio cannot be loaded")
    monkeypatch.setenv("LG_WD", str(tmp_path / "none"))
    assert looked(clinic.root) == ("failed", f"LG_WD={tmp_path}/none is no folder, so lgpio cannot be loaded")


def process(clinic: Clinic, number: int, command: str, *links: str) -> None:
    folder = clinic.root / "proc" / str(number) / "fd"
    folder.mkdir(parents=True)
    for place, link in enumerate(links):
        (folder / str(place)).symlink_to(link)
    (folder.parent / "cmdline").write_text(command.replace(" ", "\0") + "\0")


def test_who_holds_a_line_is_found(clinic: Clinic) -> None:
    process(clinic, 812, "python3 relay.py", "/dev/null", "anon_inode:gpio-line")
    process(clinic, 813, "editor", "/dev/null")
    process(clinic, 814, "gpiomon", "/dev/gpiochip0")
    process(clinic, os.getpid(), "station-agent check", "/dev/gpiochip0")
    (clinic.root / "proc/815/fd").mkdir(parents=True)
    (clinic.root / "proc/815/fd/0").symlink_to("/dev/gpiochip0")
    clinic.wire(RIGHT, {27: "lg", 25: "w1"})
    found = of(clinic.findings("--local"), "pins")
    who = "; GPIO lines are open in process 812 (python3 relay.py), process 814 (gpiomon)"
    mend = "stop that program, or wire another pin"
    assert found == [
        ("failed", f"GPIO25 of reader: RST (pin 22) is in use by 'w1'{who} -> {mend}"),
        (
            "failed",
            f"GPIO27 of slot 1: sensor (pin 13) is in use by {named('lg')}{who} -> {mend}",
        ),
    ]


def test_without_lgpio_it_says_what_to_install(clinic: Clinic) -> None:
    clinic.patch.setitem(sys.modules, "lgpio", None)
    ((level, said),) = of(clinic.findings("--local"), "pins")
    assert level == "failed"
    assert "lgpio cannot be loaded" in said
    assert "install the extra `pi`" in said


def test_this_machine_can_be_looked_at() -> None:
    here = Machine.here()
    assert (here.root, here.is_root) == (Path("/"), os.geteuid() == 0)
    assert here.user
    assert here.groups
    assert here.text("/proc/self/comm")
    assert here.text("/none") == ""
    assert isinstance(here.gpio_users(), tuple)
