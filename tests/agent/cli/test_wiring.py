"""`station-agent wiring`: whatever the config, every wire stands at its own pin once, and no other."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from click.testing import CliRunner
from config_files import LEAST
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.cli import main
from agent.cli.wiring import text
from agent.config import load, parse
from agent.config.places import config_file
from agent.drawing import svg, terminal
from hardware.harness import wires_of
from hardware.wiring import LightsWiring, Wiring

EXAMPLE = load(config_file("station.toml")).wiring
CLONE = Path(__file__).parents[3]
SVG = "{http://www.w3.org/2000/svg}"
BUS = {0: {8, 9, 10, 11}, 1: {18, 19, 20, 21}}
TAKEN = {0: {7, 8, 9, 10, 11}, 1: {16, 17, 18, 19, 20, 21}}
PLACES = {
    0: 27,
    1: 28,
    4: 7,
    5: 29,
    6: 31,
    7: 26,
    8: 24,
    9: 21,
    10: 19,
    11: 23,
    12: 32,
    13: 33,
    16: 36,
    17: 11,
    18: 12,
    19: 35,
    20: 38,
    21: 40,
    22: 15,
    23: 16,
    24: 18,
    25: 22,
    26: 37,
    27: 13,
}
POWER = {1, 2, 4, 6, 9, 14, 17, 20, 25, 30, 34, 39}
PIN = re.compile(r"[●○]")


@st.composite
def stations(draw: Callable[..., Any]) -> dict[str, Any]:
    """Any config that has its pins right, as tables."""
    bus = draw(st.sampled_from([0, 1]))
    device = 0
    free = draw(st.permutations(sorted(set(PLACES) - TAKEN[bus])))
    lights = draw(st.sampled_from(["ws281x", "none"]))
    strip = next(pin for pin in free if pin in {12, 13, 18, 19, 21})
    free = [pin for pin in free if pin != strip or lights == "none"]
    take = free.pop
    tables: dict[str, Any] = {
        "reader": {"spi_bus": bus, "spi_device": device, "reset_pin": take()},
        "lights": {"kind": lights, "pin": strip, "pixels": 1000},
        "hardware": {"release_pin": take()} if draw(st.booleans()) else {},
        "slots": [],
    }
    for place in range(draw(st.integers(1, 16))):
        wanted = draw(st.sets(st.sampled_from(["sensor_pin", "presence_pin", "power_permit_pin", "motor"])))
        if len(free) < len(wanted) + 1:
            break
        lock: dict[str, Any] = {"kind": "solenoid", "pin": take()}
        if "motor" in wanted:
            lock = {"kind": "motor", "lock_pin": lock["pin"], "unlock_pin": take()}
        if "sensor_pin" in wanted:
            lock |= {"sensor_pin": take(), "sensor_locked": draw(st.sampled_from(["low", "high"]))}
        slot = {"number": 9999 - place, "lights": [8 + place, 8 + place], "lock": lock}
        slot |= {name: take() for name in ("presence_pin", "power_permit_pin") if name in wanted}
        tables["slots"].append(slot)
    return tables


def configured(tables: dict[str, Any]) -> Counter[int]:
    """The pins of the header that the tables name, and those of the reader's bus."""
    sections = [tables["reader"], tables["hardware"], *tables["slots"], *(slot["lock"] for slot in tables["slots"])]
    pins = [pin for section in sections for name, pin in section.items() if name.endswith("pin")]
    if tables["lights"]["kind"] != "none":
        pins.append(tables["lights"]["pin"])
    return Counter(PLACES[pin] for pin in (*pins, *BUS[tables["reader"]["spi_bus"]]))


def wiring_of(tables: dict[str, Any]) -> Wiring:
    return parse(LEAST, "station.toml", tables).wiring


def at_lines(numbers: list[int]) -> Counter[int]:
    return Counter(number for number in numbers if number not in POWER)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stations())
def test_every_configured_pin_stands_at_its_place_once_and_nothing_else_does(tables: dict[str, Any]) -> None:
    wires = wires_of(wiring_of(tables))
    wanted = configured(tables)
    assert at_lines([wire.pad.number for wire in wires]) == wanted
    lines = list(text("S" * 20, wires))
    assert max(map(len, lines)) <= 80

    assert at_lines([int(line[30:33]) for line in list(terminal.table(wires))[1:]]) == wanted

    drawn = [PIN.findall(line) for line in terminal.header(wires)]
    used = [2 * row + side + 1 for row, pins in enumerate(drawn) for side, pin in enumerate(pins) if pin == "●"]
    assert at_lines(used) == wanted

    root = ElementTree.fromstring("\n".join(svg.drawn("ST-42", wires)))  # noqa: S314  made here
    groups = [group for group in root.iter(f"{SVG}g") if group.find(f"{SVG}circle") is not None]
    assert len(groups) == 40
    assert at_lines([place for place, group in enumerate(groups, 1) if len(group) == 3]) == wanted
    names = [group[1].text for group in groups]
    assert all(names[place - 1] == f"GPIO{bcm}" for bcm, place in PLACES.items())


@given(stations())
def test_each_part_has_a_ground_of_its_own_while_there_are_any(tables: dict[str, Any]) -> None:
    wires = wires_of(wiring_of(tables))
    parts = {wire.whose for wire in wires}
    grounds = [wire for wire in wires if wire.end == "GND"]
    assert len(grounds) == len({wire.pad.number for wire in grounds}) == min(8, len(parts))
    assert all(wire.pad.name == "GND" for wire in grounds)


def test_a_station_with_everything() -> None:
    lock = {"kind": "motor", "lock_pin": 5, "unlock_pin": 6, "pulse_ms": 400, "sensor_pin": 13, "sensor_locked": "high"}
    tables = {
        "hardware": {"release_pin": 26},
        "reader": {"spi_bus": 1, "spi_device": 2, "reset_pin": 25},
        "lights": {"pin": 12},
        "slots": [{"number": 7, "lights": [8, 15], "presence_pin": 4, "power_permit_pin": 22, "lock": lock}],
    }
    shown = [re.sub(r" +", " ", line) for line in terminal.table(wires_of(wiring_of(tables)))]
    assert shown == [
        "part wire line pin dir rest",
        "reader 3V3 3V3 17 power never 5 V",
        "reader SDA GPIO16 36 out high spi1 chip select",
        "reader SCK GPIO21 40 out low spi1 clock",
        "reader MOSI GPIO20 38 out low spi1, to the reader",
        "reader MISO GPIO19 35 in low spi1, from the reader",
        "reader RST GPIO25 22 out high low resets the chip",
        "reader GND GND 20 power",
        "lights 5V 5V 2 power for its level shifter alone",
        "lights DIN GPIO12 32 out low through a 5 V level shifter",
        "lights GND GND 30 power",
        "release contact GPIO26 37 in high closed opens every lock",
        "release GND GND 39 power",
        "slot 7 motor lock GPIO5 29 out low pulse of 400 ms",
        "slot 7 motor unlock GPIO6 31 out low pulse of 400 ms",
        "slot 7 sensor GPIO13 33 in low closed when unlocked",
        "slot 7 vehicle GPIO4 7 in high closed when a vehicle is there",
        "slot 7 power permit GPIO22 15 out low high only while charging",
        "slot 7 GND GND 14 power",
    ]


def test_lights_of_three_lines_each() -> None:
    lights = LightsWiring(kind="rgb", rgb_pins={"main": (5, 6, 13), "1": (16, 19, 20)})
    wires = [wire for wire in wires_of(replace(EXAMPLE, lights=lights)) if wire.whose == "lights"]
    assert [(wire.end, wire.pad.name, wire.direction, wire.rest) for wire in wires] == [
        ("main red", "GPIO5", "out", "low"),
        ("main green", "GPIO6", "out", "low"),
        ("main blue", "GPIO13", "out", "low"),
        ("1 red", "GPIO16", "out", "low"),
        ("1 green", "GPIO19", "out", "low"),
        ("1 blue", "GPIO20", "out", "low"),
        ("GND", "GND", "power", ""),
    ]
    assert all(wire.claimed for wire in wires[:6])


def test_the_drawing_in_the_documents_is_that_of_the_example(tmp_path: Path) -> None:
    arguments = ["wiring", "--config", str(config_file("station.toml")), "--svg"]
    wanted = (CLONE / "docs" / "wiring.svg").read_text(encoding="utf-8")
    assert CliRunner().invoke(main, [*arguments, "-"]).stdout == wanted, "station-agent wiring --svg docs/wiring.svg"
    assert CliRunner().invoke(main, [*arguments, str(tmp_path / "drawn.svg")]).stdout == ""
    assert (tmp_path / "drawn.svg").read_text(encoding="utf-8") == wanted


def test_the_table_and_the_header_are_shown() -> None:
    shown = CliRunner().invoke(main, ["wiring", "--config", str(config_file("station.toml"))])
    assert shown.exit_code == 0
    assert "slot 1    lock         GPIO17  11 out   low  gate of its MOSFET, pull-down" in shown.stdout
    assert "               slot 1: lock GPIO17 11 ● ● 12 GPIO18 lights: DIN\n" in shown.stdout


def test_a_drawing_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    arguments = ["wiring", "--config", str(config_file("station.toml")), "--svg", str(tmp_path)]
    shown = CliRunner().invoke(main, arguments)
    assert shown.exit_code == 1
    assert shown.stderr == f"station-agent: {tmp_path} cannot be written: Is a directory; name another file.\n"


def test_a_wrong_config_is_2(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(LEAST.replace("pin = 17", "pin = 10\nsensor_pin = 77"))
    shown = CliRunner().invoke(main, ["wiring", "--config", str(tmp_path / "c.toml")])
    assert shown.exit_code == 2
    assert "slots[1].lock.sensor_pin" in shown.stderr
    assert "the card reader's SPI bus" in shown.stderr
