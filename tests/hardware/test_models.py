"""Which board can drive which lights."""

from pathlib import Path

import pytest

from hardware.models import board_model, lights_fit

FIVES = ["Raspberry Pi 5 Model B Rev 1.0", "Raspberry Pi 500 Rev 1.0", "Raspberry Pi Compute Module 5 Rev 1.0"]
OLDER = [
    "Raspberry Pi Zero 2 W Rev 1.0",
    "Raspberry Pi 2 Model B Rev 1.1",
    "Raspberry Pi 3 Model B Plus Rev 1.3",
    "Raspberry Pi 4 Model B Rev 1.4",
    "Raspberry Pi 400 Rev 1.0",
    "Raspberry Pi Compute Module 3 Plus Rev 1.0",
    "Raspberry Pi Compute Module 4 Rev 1.0",
    "Raspberry Pi Compute Module 4S Rev 1.0",
]


@pytest.mark.parametrize("model", FIVES)
def test_a_five_needs_pio(model: str) -> None:
    assert lights_fit(model, "pio") == ""
    told = lights_fit(model, "ws281x")
    assert model in told
    assert 'lights.kind = "pio"' in told


@pytest.mark.parametrize("model", OLDER)
def test_older_ones_have_none(model: str) -> None:
    assert lights_fit(model, "ws281x") == ""
    told = lights_fit(model, "pio")
    assert model in told
    assert 'lights.kind = "ws281x"' in told


@pytest.mark.parametrize("model", [*FIVES, *OLDER, "Orange Pi 5", "Raspberry Pi 6 Model B", ""])
@pytest.mark.parametrize("kind", ["rgb", "none"])
def test_the_other_kinds_work_everywhere(model: str, kind: str) -> None:
    assert lights_fit(model, kind) == ""


@pytest.mark.parametrize("model", ["", "Orange Pi 5", "Raspberry Pi 6 Model B", "Raspberry Pi 50"])
@pytest.mark.parametrize("kind", ["ws281x", "pio"])
def test_nothing_is_said_of_a_board_that_nobody_knows(model: str, kind: str) -> None:
    assert lights_fit(model, kind) == ""


def test_the_model_is_what_the_device_tree_says(tmp_path: Path) -> None:
    file = tmp_path / "model"
    assert board_model(file) == ""
    file.write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    assert board_model(file) == FIVES[0]
