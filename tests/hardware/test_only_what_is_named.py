"""No library steps in for another: lgpio by its name or nothing, and no RPi.GPIO anywhere, as on a Pi 5."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.wires import Wires

from hardware.emulated.gpio import lgpio_module
from hardware.parts import PartMissing
from hardware.pins import open_pins

CLONE = Path(__file__).parents[2]
PI_5 = """
import importlib.abc
import sys

class Refusing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in ("RPi", "lgpio", "rpi_ws281x"):
            raise RuntimeError(f"{name}: Cannot determine SOC peripheral base address")

sys.meta_path.insert(0, Refusing())

from hardware.emulated.cards import Field
from hardware.emulated.gpio import lgpio_module
from hardware.emulated.mfrc522_chip import Mfrc522Chip
from hardware.emulated.spidev import spidev_module
from hardware.pins import open_pins
from hardware.reader import open_reader
from hardware.wiring import ReaderWiring
from support.wires import Wires

field, wires = Field(), Wires()
field.place("04A1B2C3D4E5F6")
pins = open_pins(stand_in=lgpio_module(wires))
reader = open_reader(ReaderWiring(), spidev_module(Mfrc522Chip(field)), pins.output(25, high=True))
reader.revive()
print(reader.poll(), wires.levels(25), [name for name in sys.modules if name.startswith("RPi")])
"""


def test_where_rpi_gpio_cannot_be_imported_cards_are_read_and_gpiozero_resets_the_chip() -> None:
    environment = os.environ | {"PYTHONPATH": f"{CLONE}{os.pathsep}{CLONE / 'tests'}"}
    command = [sys.executable, "-W", "error", "-c", PI_5]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "OneCard(uid='04A1B2C3D4E5F6') [1, 0, 1] []\n", done.stderr


@pytest.mark.parametrize("named", ["mock", "rpigpio", "native", "pigpio"])
def test_whatever_gpiozero_is_told_to_use_the_station_uses_lgpio(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", named)
    wires = Wires()
    pins = open_pins(stand_in=lgpio_module(wires))
    pins.output(17, high=True)
    pins.close()
    assert wires.levels(17) == [1]


def test_without_lgpio_nothing_steps_in(monkeypatch: pytest.MonkeyPatch) -> None:
    from gpiozero import Device

    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    monkeypatch.setitem(sys.modules, "lgpio", None)
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    with pytest.raises(PartMissing, match="lgpio cannot be loaded"):
        open_pins()
    assert Device.pin_factory is None
