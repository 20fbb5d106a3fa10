"""What the installer is told about a config."""

from pathlib import Path

import pytest

from agent.config.places import config_file
from agent.needs import main, needs
from hardware.wiring import LightsWiring, SlotWiring, SolenoidWiring, Wiring


def test_the_example_needs_the_lights_process_and_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(str(config_file("station.toml"))) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == ["gpio", "lights-process", "boot dtparam=spi=on", "boot gpio=17,22=op,dl"]
    assert lines[-1] == "kernel cgroup_enable=memory"


def test_a_simulated_station_needs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(str(config_file("simulated.toml"))) == 0
    assert capsys.readouterr().out == ""


def test_pio_needs_its_device_and_a_softened_coil_the_pwm() -> None:
    slot = SlotWiring(number=1, lights=(8, 15), lock=SolenoidWiring(pin=12, hold_duty=0.4))
    found = list(needs(Wiring(slots=(slot,), lights=LightsWiring(kind="pio"))))
    assert found[:3] == ["gpio", "lights-device", "pwm"]


def test_every_mistake_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("[station]\nid = 7\n")
    assert main(str(file)) == 2
    said = capsys.readouterr().err
    assert "station.id" in said
    assert "supplier.url" in said
