"""What must hold between the values of [lights], and between them and the slots'."""

from typing import Any

import pytest
from config_files import LEAST, mistakes, slot

from agent.config import parse

RGB = {"kind": "rgb", "rgb_pins": {"main": [5, 6, 13], "1": [16, 19, 20]}}


@pytest.mark.parametrize("kind", ["ws281x", "pio", "none"])
def test_every_kind_of_lights_can_be_had(kind: str) -> None:
    assert parse(LEAST, "least", {"lights": {"kind": kind}}).wiring.lights.kind == kind


def test_rgb_lights_have_lines_instead_of_pixels() -> None:
    wiring = parse(LEAST, "least", {"lights": RGB | {"pixels": 1, "main": [8, 15]}}).wiring
    assert wiring.lights.rgb_pins == {"main": (5, 6, 13), "1": (16, 19, 20)}


def test_rgb_lights_leave_the_strips_line_free() -> None:
    parse(LEAST, "least", {"lights": RGB, "slots": [slot(lock={"pin": 18})]})


@pytest.mark.parametrize("pin", [4, 24])
def test_a_pio_strip_is_clocked_by_any_line_that_is_free(pin: int) -> None:
    assert parse(LEAST, "least", {"lights": {"kind": "pio", "pin": pin}}).wiring.lights.pin == pin


@pytest.mark.parametrize(
    ("pins", "expected"),
    [
        ({"main": [5, 6, 13]}, "lights.rgb_pins.1 is missing: should be the light's red, green and blue line"),
        ({"1": [5, 6, 13]}, "lights.rgb_pins.main is missing: should be the light's red, green and blue line"),
        (RGB["rgb_pins"] | {"2": [4, 24, 26]}, "lights.rgb_pins.2 is no light: there are main, 1"),
        ({"main": [5, 6, 17], "1": [16, 19, 20]}, "slots[1].lock.pin = 17: is taken by lights.rgb_pins.main"),
        ({"main": [5, 6, 9], "1": [16, 19, 20]}, "lights.rgb_pins.main = 9: is taken by the card reader's SPI bus"),
        ({"main": [5, 6, 14], "1": [16, 19, 20]}, "lights.rgb_pins.main = 14: is taken by the UART"),
        ({"main": [5, 6, 13], "1": [16, 19, 13]}, "lights.rgb_pins.1 = 13: is taken by lights.rgb_pins.main"),
    ],
)
def test_each_rgb_light_has_three_lines_of_its_own(pins: dict[str, Any], expected: str) -> None:
    (line,) = mistakes({"lights": {"kind": "rgb", "rgb_pins": pins}})
    assert line.startswith(expected)


@pytest.mark.parametrize(
    "pins", [[5, 6, 13], {"main": [5, 6]}, {"main": [5, 6, 5]}, {"main": [5, 6, 28]}, {"main": [5, 6, True]}]
)
def test_what_is_no_table_of_three_lines_each_is_told_once(pins: object) -> None:
    (line,) = mistakes({"lights": {"kind": "rgb", "rgb_pins": pins}})
    assert line.endswith("should be three lines of each light, like { main = [5, 6, 13], 1 = [16, 19, 20] }")


def test_lines_of_rgb_lights_are_for_rgb_lights() -> None:
    told = mistakes({"lights": RGB | {"kind": "pio"}})
    assert told == ('lights.rgb_pins has no effect with kind = "pio"; should come with kind = "rgb"',)


TWO = [slot(), slot(2, lock={"pin": 22})]


@pytest.mark.parametrize(
    ("lights", "expected"),
    [
        # 24 pixels of three channels at 128 of 255, 20 mA each, and 24 chips
        ({"max_ma": 746}, "at brightness 0.5 draw about 747 mA; should be lights.brightness at most 0.49"),
        ({"max_ma": 746, "kind": "pio"}, "draw about 747 mA"),
        ({"max_ma": 1463, "brightness": 1.0}, "draw about 1464 mA; should be lights.brightness at most 0.99"),
        ({"max_ma": 263, "colours": {"white": "#202020"}}, "draw about 265 mA"),
        ({"max_ma": 50, "pixels": 60}, "draw about 783 mA; should be a stronger supply, as no brightness fits"),
        ({"max_ma": 90, "kind": "rgb", "rgb_pins": {**RGB["rgb_pins"], "2": [4, 24, 26]}}, "draw about 91 mA"),
    ],
)
def test_lights_that_would_pull_their_supply_down_are_refused(lights: dict[str, Any], expected: str) -> None:
    (line,) = mistakes({"lights": lights, "slots": TWO})
    assert line.startswith(f"lights.max_ma = {lights['max_ma']}: all lights lit ")
    assert expected in line


@pytest.mark.parametrize(
    "lights", [{"max_ma": 747}, {"max_ma": 1464, "brightness": 1.0}, {"max_ma": 50, "kind": "none"}, {"brightness": 1}]
)
def test_lights_that_their_supply_bears_are_fine(lights: dict[str, Any]) -> None:
    parse(LEAST, "least", {"lights": lights, "slots": TWO})


def test_the_current_is_told_beside_other_mistakes() -> None:
    told = mistakes({"lights": {"max_ma": 100}, "supplier": {"url": "no"}})
    assert [line.partition(" ")[0].rstrip(":") for line in told] == ["supplier.url", "lights.max_ma"]
    assert mistakes({"lights": {"max_ma": 100, "brightness": 7}})[0].startswith("lights.brightness = 7")
