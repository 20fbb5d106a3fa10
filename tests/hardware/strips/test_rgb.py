"""Lights of one RGB LED each: over lines that remember, and over gpiozero on the emulated chip."""

from typing import Any

import pytest

from hardware.emulated.gpio import lgpio_module
from hardware.parts import LightsFailure, PartMissing, Rgb
from hardware.pins import LineFailure, Pins, open_pins
from hardware.strips.rgb import RgbStrip

RED, DIM, BLACK = (255, 0, 0), (51, 0, 128), (0, 0, 0)


class Line:
    """Three lines in one."""

    def __init__(self) -> None:
        self.shone: list[Rgb] = []
        self.dead = False
        self.closed = 0

    def shine(self, colour: Rgb) -> None:
        if self.dead:
            raise LineFailure("torn off")
        self.shone.append(colour)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def lines() -> list[Line]:
    return [Line(), Line(), Line()]


def test_each_light_has_its_lines_and_only_changes_are_driven(lines: list[Line]) -> None:
    strip = RgbStrip(lines)
    for frame in ([RED, BLACK, BLACK], [RED, DIM, BLACK], [RED]):
        strip.show(frame)
    assert [line.shone for line in lines] == [[RED], [DIM, BLACK], []]


def test_closing_goes_dark_and_lets_go(lines: list[Line]) -> None:
    strip = RgbStrip(lines)
    strip.show([RED, BLACK, BLACK])
    strip.close()
    strip.close()
    assert lines[0].shone == [RED, BLACK]
    assert [line.closed for line in lines] == [1, 1, 1]
    with pytest.raises(LightsFailure, match="closed"):
        strip.show([RED])


def test_a_dead_line_fails_and_is_driven_anew(lines: list[Line], caplog: pytest.LogCaptureFixture) -> None:
    strip = RgbStrip(lines)
    strip.show([RED])
    lines[0].dead = True
    with pytest.raises(LightsFailure, match="torn off"):
        strip.show([BLACK])
    lines[0].dead = False
    strip.show([RED])
    assert lines[0].shone == [RED, RED], "nobody knows what it showed after the failure"
    lines[0].dead = True
    strip.close()
    assert "could not be put out" in caplog.text
    assert lines[0].closed == 1


class Wires:
    """What the chip's lines lead to: the level of each, and one that may refuse."""

    def __init__(self) -> None:
        self.levels: dict[int, int | None] = {}
        self.torn = -1

    def drive(self, pin: int, level: int | None) -> None:
        if pin == self.torn:
            raise OSError("torn off")
        self.levels[pin] = level

    def closed(self, pin: int) -> bool:
        return pin < 0

    def watch(self, changed: Any) -> None:
        changed()


@pytest.fixture
def wires() -> Wires:
    return Wires()


@pytest.fixture
def duties(monkeypatch: pytest.MonkeyPatch) -> dict[int, float]:
    """The duty cycle in percent of each line."""
    from hardware.emulated.gpio import GpioChip

    duties: dict[int, float] = {}
    original = GpioChip.tx_pwm

    def tx_pwm(chip: GpioChip, handle: int, gpio: int, pwm_frequency: float, pwm_duty_cycle: float) -> int:
        duties[gpio] = pwm_duty_cycle
        return original(chip, handle, gpio, pwm_frequency, pwm_duty_cycle)

    monkeypatch.setattr(GpioChip, "tx_pwm", tx_pwm)
    return duties


@pytest.fixture
def pins(wires: Wires, duties: dict[int, float]) -> Any:
    del duties
    pins = open_pins(stand_in=lgpio_module(wires))
    yield pins
    pins.close()


def test_brightness_is_a_duty_cycle_on_gpiozeros_led(pins: Pins, wires: Wires, duties: dict[int, float]) -> None:
    strip = RgbStrip([pins.rgb_led((5, 6, 13)), pins.rgb_led((16, 19, 20))])
    assert wires.levels == dict.fromkeys((5, 6, 13, 16, 19, 20), 0), "it starts dark"
    strip.show([DIM, RED])
    assert duties == {5: 20, 6: 0, 13: 50, 16: 100, 19: 0, 20: 0}
    strip.close()
    assert wires.levels == dict.fromkeys((5, 6, 13, 16, 19, 20), 0)
    assert not any(duties.values())


def test_a_line_that_goes_is_a_failure_of_the_lights(pins: Pins, wires: Wires) -> None:
    strip = RgbStrip([pins.rgb_led((5, 6, 13))])
    wires.torn = 6
    with pytest.raises(LightsFailure, match="GPIO5, GPIO6, GPIO13 cannot be driven"):
        strip.show([(255, 255, 255)])
    wires.torn = -1
    strip.show([(255, 255, 255)])
    assert wires.levels == {5: 1, 6: 1, 13: 1}
    strip.close()


def test_lines_that_cannot_be_claimed_are_missing_and_claimed_later(pins: Pins, wires: Wires) -> None:
    wires.torn = 13
    for _ in range(2):
        with pytest.raises(PartMissing, match="GPIO5, GPIO6, GPIO13 cannot be claimed for a light"):
            pins.rgb_led((5, 6, 13))
    wires.torn = -1
    led = pins.rgb_led((5, 6, 13))
    led.shine(RED)
    assert wires.levels == {5: 1, 6: 0, 13: 0}
    led.close()
