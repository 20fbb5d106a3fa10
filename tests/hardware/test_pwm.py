"""Hardware PWM in sysfs: a tree of files in the kernel's shape, and the emulated chip."""

import errno
import os
from pathlib import Path

import pytest

import hardware.pwm
from hardware.emulated.pwm import EmulatedPwm
from hardware.parts import PartMissing
from hardware.pins import LineFailure
from hardware.pwm import PERIOD_NS, Pwm, Sysfs

HOLD = "20000"
CHANNEL = "pwmchip0/pwm0"


class Tree:
    """`/sys/class/pwm` with one chip, whose channels are exported already."""

    def __init__(self, root: Path, device: str = "fe20c000.pwm") -> None:
        self.root = root / "class"
        (root / "devices" / device).mkdir(parents=True)
        (self.root / "pwmchip0").mkdir(parents=True)
        (self.root / "pwmchip0" / "device").symlink_to(root / "devices" / device)
        for number in range(4):
            (self.root / f"pwmchip0/pwm{number}").mkdir()
            self.write(number, period=0, duty_cycle=0, enable=0)

    def write(self, channel: int, **values: int) -> None:
        for name, value in values.items():
            (self.root / f"pwmchip0/pwm{channel}/{name}").write_text(f"{value}\n")

    def read(self, channel: int) -> tuple[str, str, str]:
        folder = self.root / f"pwmchip0/pwm{channel}"
        period, duty, enable = ((folder / name).read_text().strip() for name in ("period", "duty_cycle", "enable"))
        return period, duty, enable


class Recorded(EmulatedPwm):
    """The emulated chip, and every write to it."""

    def __init__(self, *pins: int, high: tuple[int, ...] = ()) -> None:
        self.levels: list[tuple[int, int]] = []
        self.written: list[tuple[str, str]] = []
        super().__init__(pins, lambda pin, level: self.levels.append((pin, level)), high)

    def write(self, name: str, text: str) -> None:
        self.written.append((name, text))
        super().write(name, text)


@pytest.mark.parametrize(
    ("device", "pin", "channel"),
    [
        ("fe20c000.pwm", 12, 0),
        ("3f20c000.pwm", 18, 0),
        ("2020c000.pwm", 13, 1),
        ("fe20c000.pwm", 19, 1),
        ("1f00098000.pwm", 12, 0),
        ("1f00098000.pwm", 13, 1),
        ("1f00098000.pwm", 18, 2),
        ("1f00098000.pwm", 19, 3),
    ],
)
def test_each_line_has_its_channel_on_each_board(tmp_path: Path, device: str, pin: int, channel: int) -> None:
    tree = Tree(tmp_path, device)
    Pwm(Sysfs(tree.root)).line(pin, 0.4, held=False).full()
    assert [number for number in range(4) if tree.read(number)[1] == str(PERIOD_NS)] == [channel]


@pytest.mark.parametrize(("device", "pin"), [("fe20c800.pwm", 12), ("1f0009c000.pwm", 12), ("fe20c000.pwm", 17)])
def test_a_line_without_pwm_says_what_to_add(tmp_path: Path, device: str, pin: int) -> None:
    tree = Tree(tmp_path, device)
    with pytest.raises(PartMissing, match=f"`dtoverlay=pwm,pin={pin},func=4` to config.txt"):
        Pwm(Sysfs(tree.root)).line(pin, 0.4, held=False)


def test_without_any_pwm_it_says_what_to_add(tmp_path: Path) -> None:
    with pytest.raises(PartMissing, match="func=2"):
        Pwm(Sysfs(tmp_path / "none")).line(18, 0.4, held=False)


def test_full_hold_and_off_are_duties_of_a_channel_that_runs(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    line = Pwm(Sysfs(tree.root)).line(12, 0.4, held=True)
    assert tree.read(0) == (str(PERIOD_NS), "0", "1")
    for put, duty in ((line.full, str(PERIOD_NS)), (line.hold, HOLD), (line.off, "0"), (line.close, "0")):
        put()
        assert tree.read(0) == (str(PERIOD_NS), duty, "1")


@pytest.mark.parametrize("duty", [int(HOLD), PERIOD_NS])
def test_a_held_line_goes_on_without_an_edge(tmp_path: Path, duty: int) -> None:
    tree = Tree(tmp_path)
    tree.write(0, period=PERIOD_NS, duty_cycle=duty, enable=1)
    Pwm(Sysfs(tree.root)).line(12, 0.4, held=True)
    assert tree.read(0) == (str(PERIOD_NS), HOLD, "1")
    chip = Recorded(12, high=(12,))
    Pwm(chip).line(12, 0.4, held=True)
    assert (chip.levels, chip.written) == ([], [(f"{CHANNEL}/duty_cycle", HOLD)])


def test_a_line_that_should_not_be_held_is_let_go() -> None:
    chip = Recorded(12, high=(12,))
    Pwm(chip).line(12, 0.4, held=False)
    assert chip.levels == [(12, 0)]


def test_a_new_channel_is_exported_and_starts_without_power() -> None:
    chip = Recorded(12)
    line = Pwm(chip).line(12, 0.4, held=True)
    assert chip.written[0] == ("pwmchip0/export", "0")
    assert chip.levels == []
    line.full()
    line.hold()
    assert chip.levels == [(12, 1)]
    line.off()
    assert chip.levels == [(12, 1), (12, 0)]


def test_somebody_elses_period_is_replaced(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.write(0, period=1_000_000, duty_cycle=500_000, enable=1)
    Pwm(Sysfs(tree.root)).line(12, 0.4, held=True)
    assert tree.read(0) == (str(PERIOD_NS), "0", "1")


def test_a_channel_left_disabled_gives_no_power_when_it_is_enabled() -> None:
    chip = Recorded(12, high=(12,))
    chip.write(f"{CHANNEL}/enable", "0")
    chip.levels.clear()
    Pwm(chip).line(12, 0.4, held=True)
    assert chip.levels == []
    assert chip.read(f"{CHANNEL}/enable") == "1"


def test_one_channel_serves_one_line() -> None:
    pwm = Pwm(Recorded(18))
    pwm.line(18, 0.4, held=False)
    with pytest.raises(PartMissing, match="GPIO12 and GPIO18 are one PWM channel"):
        pwm.line(12, 0.4, held=False)


def test_files_that_cannot_be_written_are_a_missing_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware.pwm, "RIGHTS_WITHIN_S", 0.04)
    tree = Tree(tmp_path)
    for file in (tree.root / CHANNEL).iterdir():
        file.unlink()
        file.mkdir()
    with pytest.raises(PartMissing, match=r"write in /sys/class/pwm"):
        Pwm(Sysfs(tree.root)).line(12, 0.4, held=True)


def test_rights_that_come_late_are_awaited() -> None:
    class Slow(Recorded):
        asked = 0

        def writable(self, name: str) -> bool:
            self.asked += 1
            return self.asked > 2 and super().writable(name)

    chip = Slow(12)
    Pwm(chip).line(12, 0.4, held=True)
    assert chip.asked == 3


def test_a_channel_that_goes_away_is_a_line_failure(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    line = Pwm(Sysfs(tree.root)).line(12, 0.4, held=True)
    (tree.root / CHANNEL).rename(tree.root / "gone")
    with pytest.raises(LineFailure, match="GPIO12"):
        line.off()


@pytest.mark.parametrize(
    ("name", "text", "number"),
    [
        ("pwmchip0/export", "1", errno.ENODEV),
        ("pwmchip0/export", "0", errno.EBUSY),
        ("pwmchip0/pwm1/enable", "1", errno.ENOENT),
        (f"{CHANNEL}/colour", "1", errno.ENOENT),
        (f"{CHANNEL}/duty_cycle", str(PERIOD_NS + 1), errno.EINVAL),
        (f"{CHANNEL}/period", "0", errno.EINVAL),
        (f"{CHANNEL}/period", "2000000000", errno.EINVAL),
    ],
)
def test_the_emulated_chip_refuses_what_the_kernel_does(name: str, text: str, number: int) -> None:
    chip = Recorded(12, high=(12,))
    with pytest.raises(OSError, match=os.strerror(number)):
        chip.write(name, text)
