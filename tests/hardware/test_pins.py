"""Opening the GPIO chip: the Pi's own, and what is said where there is none."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hardware.emulated.gpio import lgpio_module
from hardware.parts import PartMissing
from hardware.pins import PI_3B, Pins, open_pins


class Wires:
    """Lines that lead nowhere."""

    def drive(self, pin: int, level: int | None) -> None:
        pass

    def closed(self, pin: int) -> bool:
        return pin < 0

    def watch(self, changed: Any) -> None:
        pass


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """An lgpio that everybody finds, as on a Pi."""
    module = lgpio_module(Wires())
    monkeypatch.setitem(sys.modules, "lgpio", module)
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    yield module
    sys.modules.pop("gpiozero.pins.lgpio", None)


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    # Set before it is removed, or what the station sets would outlive the test.
    monkeypatch.setenv("LG_WD", "")
    monkeypatch.delenv("LG_WD")


@pytest.mark.usefixtures("installed")
def test_lgpio_works_in_the_runtime_folder_and_the_station_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpiozero.pins.local.get_pi_revision", lambda: 0xC04170)
    pins = open_pins(runtime=tmp_path / "run")
    assert os.environ["LG_WD"] == str(tmp_path / "run")
    assert Path.cwd() == tmp_path
    pins.output(17, high=True).close()
    pins.close()


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("revision", [0x0, None])
def test_an_unknown_board_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, revision: int | None
) -> None:
    def read() -> int:
        if revision is None:
            raise PermissionError
        return revision

    monkeypatch.setattr("gpiozero.pins.local.get_pi_revision", read)
    pins = open_pins()
    with caplog.at_level(logging.WARNING):
        pins.output(17, high=False).close()
    pins.close()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "40-pin" in caplog.text


def pins_beside(others: dict[int, str], monkeypatch: pytest.MonkeyPatch) -> Pins:
    """A Pi on which other programs hold lines."""
    monkeypatch.setitem(sys.modules, "lgpio", lgpio_module(Wires(), others))
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    monkeypatch.setattr("gpiozero.pins.local.get_pi_revision", lambda: PI_3B)
    return open_pins()


def test_a_line_that_another_program_holds_is_told_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    pins = pins_beside({17: "relay-board", 22: "lg", 23: ""}, monkeypatch)
    assert [pins.user_of(pin) for pin in (17, 22, 23, 27)] == ["relay-board", "lg", "the kernel", ""]
    with pytest.raises(
        PartMissing, match=r"^GPIO17 is in use by 'relay-board': stop that program, or wire another pin$"
    ):
        pins.output(17, high=True)
    with pytest.raises(PartMissing, match=r"GPIO22 is in use by 'lg' \(a program that uses lgpio or gpiozero\)"):
        pins.input(22)
    pins.output(27, high=False).close()
    pins.close()


def test_a_line_of_which_nobody_knows_why_it_cannot_be_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    pins = pins_beside({}, monkeypatch)
    module = sys.modules["lgpio"]

    def refuse(*_: int) -> int:
        raise module.error("unexpected error")

    # gpiozero was made over this module, so what it calls is what stands there.
    monkeypatch.setattr(module, "gpio_claim_output", refuse)
    with pytest.raises(PartMissing, match=r"GPIO17 cannot be claimed \(unexpected error\): see what else uses it"):
        pins.output(17, high=True)
    monkeypatch.setattr(module, "gpio_get_line_info", refuse)
    assert pins.user_of(17) == ""
    pins.close()


def test_a_chip_that_cannot_be_opened_is_missing(installed: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> int:
        raise installed.error("can not open gpiochip")

    monkeypatch.setattr(installed, "gpiochip_open", refuse)
    monkeypatch.setattr("gpiozero.pins.local.get_pi_revision", lambda: PI_3B)
    with pytest.raises(PartMissing, match="group gpio"):
        open_pins()


def test_without_lgpio_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lgpio", None)
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    with pytest.raises(PartMissing, match="extra `pi`"):
        open_pins()


@pytest.mark.skipif(find_spec("lgpio") is None, reason="lgpio is not installed")
def test_the_real_lgpio_from_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from hardware.parts import PartMissing
from hardware.pins import open_pins
try:
    open_pins(runtime=Path(sys.argv[1])).close()
except PartMissing as error:
    print(error)
print(Path(os.getcwd()) == Path("/sys"))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd="/sys",
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.endswith("True\n")
    assert list(tmp_path.glob(".lgd-nfy*"))
