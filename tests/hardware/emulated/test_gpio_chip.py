"""The emulated GPIO lines, below the real LGPIOFactory."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from hardware.emulated.gpio import lgpio_module
from hardware.stand_in import standing_in


class Wires:
    """Lines that end here."""

    def __init__(self) -> None:
        self.driven: list[tuple[int, int | None]] = []
        self.grounded: set[int] = set()
        self.cut = False
        self._changed: Callable[[], None] = lambda: None

    def drive(self, pin: int, level: int | None) -> None:
        if self.cut:
            raise ConnectionResetError("cut")
        self.driven.append((pin, level))

    def closed(self, pin: int) -> bool:
        return pin in self.grounded

    def watch(self, changed: Callable[[], None]) -> None:
        self._changed = changed

    def touch(self, pin: int) -> None:
        self.grounded ^= {pin}
        self._changed()


@pytest.fixture
def wires() -> Wires:
    return Wires()


@pytest.fixture
def lgpio(wires: Wires) -> ModuleType:
    return lgpio_module(wires)


def test_an_output_is_claimed_at_its_level_and_written(lgpio: ModuleType, wires: Wires) -> None:
    handle = lgpio.gpiochip_open(0)
    lgpio.gpio_claim_output(handle, 17, 1)
    lgpio.gpio_write(handle, 17, 0)
    assert wires.driven == [(17, 1), (17, 0)]
    assert lgpio.gpio_read(handle, 17) == 0
    assert lgpio.gpio_get_mode(handle, 17) & 2


def test_a_freed_output_stays_as_it_is(lgpio: ModuleType, wires: Wires) -> None:
    handle = lgpio.gpiochip_open(0)
    lgpio.gpio_claim_output(handle, 17, 1)
    lgpio.gpio_claim_output(handle, 22, 1)
    lgpio.gpio_free(handle, 17)
    lgpio.gpiochip_close(handle)
    assert wires.driven == [(17, 1), (22, 1)]


def test_anybody_may_see_who_holds_a_line(wires: Wires) -> None:
    lgpio = lgpio_module(wires, {4: "w1"})
    first, second = lgpio.gpiochip_open(0), lgpio.gpiochip_open(0)
    lgpio.gpio_claim_output(first, 17, 1)
    lgpio.gpio_claim_input(first, 27)
    looks = [lgpio.gpio_get_line_info(second, pin) for pin in (4, 17, 22, 27)]
    assert looks == [
        [0, 4, 1, "GPIO4", "w1"],
        [0, 17, 3, "GPIO17", "lg"],
        [0, 22, 0, "GPIO22", ""],
        [0, 27, 1, "GPIO27", "lg"],
    ]
    for claim in (lgpio.gpio_claim_output, lgpio.gpio_claim_input):
        for pin in (4, 17):
            with pytest.raises(lgpio.error, match="GPIO busy"):
                claim(second, pin)


def test_an_output_that_becomes_an_input_lets_go(lgpio: ModuleType, wires: Wires) -> None:
    handle = lgpio.gpiochip_open(0)
    lgpio.gpio_claim_output(handle, 17, 1)
    lgpio.gpio_claim_input(handle, 17)
    assert wires.driven[-1] == (17, None)


@pytest.mark.parametrize(("pull", "open_level"), [("SET_PULL_UP", 1), ("SET_PULL_DOWN", 0), ("SET_PULL_NONE", 0)])
def test_an_input_follows_its_contact_and_its_pull(lgpio: ModuleType, wires: Wires, pull: str, open_level: int) -> None:
    handle = lgpio.gpiochip_open(0)
    lgpio.gpio_claim_input(handle, 27, getattr(lgpio, pull))
    assert lgpio.gpio_read(handle, 27) == open_level
    wires.touch(27)
    assert lgpio.gpio_read(handle, 27) == 0


def test_what_lgpio_refuses_is_refused(lgpio: ModuleType, wires: Wires) -> None:
    handle = lgpio.gpiochip_open(0)
    other = lgpio.gpiochip_open(0)
    lgpio.gpio_claim_input(handle, 27)
    refusals = {
        "can not open gpiochip": lambda: lgpio.gpiochip_open(4),
        "unknown handle": lambda: lgpio.gpio_read(99, 27),
        "bad GPIO number": lambda: lgpio.gpio_claim_output(handle, 54),
        "GPIO busy": lambda: lgpio.gpio_claim_output(other, 27),
        "GPIO not allocated": lambda: lgpio.gpio_read(handle, 5),
        "GPIO not set as an output": lambda: lgpio.gpio_write(handle, 27, 1),
        "bad PWM frequency": lambda: lgpio.tx_pwm(handle, 27, 20_000, 50),
        "bad PWM dutycycle": lambda: lgpio.tx_pwm(handle, 27, 100, 101),
    }
    for text, act in refusals.items():
        with pytest.raises(lgpio.error, match=text):
            act()
    wires.cut = True
    with pytest.raises(lgpio.error, match="cut"):
        lgpio.gpio_claim_output(handle, 17, 1)


def test_software_pwm_powers_the_line(lgpio: ModuleType, wires: Wires) -> None:
    handle = lgpio.gpiochip_open(0)
    lgpio.gpio_claim_output(handle, 17)
    for frequency, duty in ((100, 50), (100, 0), (0, 0)):
        lgpio.tx_pwm(handle, 17, frequency, duty)
    assert [level for _, level in wires.driven] == [0, 1, 0, 0]


def test_unclaimed_lines_are_inputs(lgpio: ModuleType) -> None:
    assert lgpio.gpio_get_mode(lgpio.gpiochip_open(0), 4) == 1 << 16


def test_callbacks_see_their_edges_until_they_are_cancelled(lgpio: ModuleType, wires: Wires) -> None:
    handle = lgpio.gpiochip_open(0)
    lgpio.gpio_claim_alert(handle, 27, lgpio.BOTH_EDGES, lgpio.SET_PULL_UP)
    lgpio.gpio_set_debounce_micros(handle, 27, 20_000)
    seen: list[tuple[str, int, int]] = []
    falling = lgpio.callback(handle, 27, lgpio.FALLING_EDGE, lambda _, pin, level, __: seen.append(("f", pin, level)))
    lgpio.callback(handle, 27, lgpio.BOTH_EDGES, lambda _, pin, level, __: seen.append(("b", pin, level)))
    wires.touch(27)
    wires.touch(27)
    falling.cancel()
    wires.touch(27)
    wires.touch(4)
    assert seen == [("f", 27, 0), ("b", 27, 0), ("b", 27, 1), ("b", 27, 0)]
    lgpio.gpio_free(handle, 27)
    wires.touch(27)
    assert len(seen) == 4
    with pytest.raises(TypeError, match="tally"):
        lgpio.callback(handle, 27)


def test_gpiozeros_own_button_works_over_it(lgpio: ModuleType, wires: Wires, monkeypatch: pytest.MonkeyPatch) -> None:
    from gpiozero import Button
    from gpiozero.pins.local import LocalPiFactory

    monkeypatch.setattr(LocalPiFactory, "_get_revision", lambda _: 0xA02082)
    with standing_in({"lgpio": lgpio}, ["gpiozero.pins.lgpio"]):
        from gpiozero.pins.lgpio import LGPIOFactory
    pressed: list[bool] = []
    with LGPIOFactory() as factory, Button(27, pin_factory=factory, bounce_time=0.02) as button:
        button.when_pressed = lambda: pressed.append(True)
        wires.touch(27)
        assert button.is_pressed
        assert pressed == [True]


def test_gpiozeros_own_pin_would_let_go_of_a_held_solenoid(
    lgpio: ModuleType, wires: Wires, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gpiozero import OutputDevice
    from gpiozero.pins.local import LocalPiFactory

    monkeypatch.setattr(LocalPiFactory, "_get_revision", lambda _: 0xA02082)
    with standing_in({"lgpio": lgpio}, ["gpiozero.pins.lgpio"]):
        from gpiozero.pins.lgpio import LGPIOFactory
    with LGPIOFactory() as factory, OutputDevice(17, initial_value=True, pin_factory=factory):
        assert wires.driven == [(17, None), (17, 0), (17, 1)]


@pytest.mark.skipif(find_spec("lgpio") is None, reason="lgpio is not installed")
def test_numbers_are_lgpios_own(lgpio: ModuleType, tmp_path: Path) -> None:
    names = [name for name in vars(lgpio) if name.isupper()]
    script = f"import json, lgpio; print(json.dumps({{name: getattr(lgpio, name) for name in {names}}}))"
    real = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env=os.environ | {"LG_WD": str(tmp_path)},
        timeout=30,
    )
    assert names
    assert json.loads(real.stdout) == {name: getattr(lgpio, name) for name in names}
