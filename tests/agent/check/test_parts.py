"""What `check` tells of the parts without moving them."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from support.clinic import RIGHT, Clinic, of

from agent.check import lights, reader
from agent.check.finding import Level
from agent.check.locks import power_cut
from agent.check.machine import Machine
from hardware.emulated.cards import ReaderFault
from hardware.parts import LightsFailure, Rgb
from hardware.wiring import LightsWiring, MotorWiring


class Strip:
    """Takes frames, or none."""

    def __init__(self, dead: bool) -> None:
        self.frames: list[Sequence[Rgb]] = []
        self._dead = dead

    def show(self, frame: Sequence[Rgb]) -> None:
        if self._dead:
            raise LightsFailure("the strip took no frame: look after its power")
        self.frames.append(frame)

    def close(self) -> None:
        pass


def test_lights_that_take_a_frame_are_dark() -> None:
    strip = Strip(dead=False)
    (found,) = lights.look(strip, LightsWiring(pixels=3))
    assert (found.level, found.said) == ("ok", "ws281x takes frames")
    assert strip.frames == [[(0, 0, 0)] * 3]


def test_lights_that_take_none_keep_nothing_from_working() -> None:
    (found,) = lights.look(Strip(dead=True), LightsWiring())
    assert (found.level, found.said) == (
        "warning",
        "drivers see nothing: the strip took no frame: look after its power",
    )


def test_a_slot_without_a_sensor_is_a_warning(clinic: Clinic) -> None:
    clinic.write_config({"sensor_pin = 27\n": ""})
    assert clinic.check("--local").exit_code == 0
    assert of(clinic.findings("--local"), "slot 1") == [
        ("warning", "free; it has no sensor, so every move is believed -> fit one, and set sensor_pin")
    ]


def test_a_motor_lock_needs_a_way_out() -> None:
    motor = replace(RIGHT.slots[0], lock=MotorWiring(lock_pin=5, unlock_pin=6))
    assert [(each.level, each.mend) for each in power_cut(motor)] == [
        ("warning", "see that it has a battery or a mechanical release")
    ]
    assert list(power_cut(RIGHT.slots[0])) == []


@pytest.mark.parametrize("version", [0x90, 0x91, 0x92])
def test_genuine_chips(version: int) -> None:
    assert reader.about(version).level is Level.OK


@pytest.mark.parametrize("version", [0x88, 0x12, 0xB2])
def test_clones_are_used_and_told(clinic: Clinic, version: int) -> None:
    clinic.chip(version=version)
    assert clinic.check("--local").exit_code == 0
    ((level, said),) = of(clinic.findings("--local"), "reader")
    assert level == "warning"
    assert f"version 0x{version:02X}: a clone" in said


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            ReaderFault.ABSENT,
            "reads 0x00): it has no 3.3 V or ground, RST is low, MISO is not connected",
        ),
        (ReaderFault.ABSENT_FF, "reads 0xFF): MISO is held high, or SDA (chip select) is not connected"),
        (ReaderFault.BUS_ERROR, "SPI bus fails"),
    ],
)
def test_a_dead_reader_says_which_wires(clinic: Clinic, fault: ReaderFault, said: str) -> None:
    clinic.field.fault = fault
    ((level, line),) = of(clinic.findings("--local"), "reader")
    assert level == "failed"
    assert said in line


def test_a_user_and_a_group_without_names_are_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 4_000_000)
    monkeypatch.setattr("os.getgroups", lambda: [4_000_001])
    here = Machine.here()
    assert (here.user, here.is_root) == ("4000000", False)
    assert "4000001" in here.groups


def test_contacts_show_what_they_see(clinic: Clinic) -> None:
    clinic.write_config(
        {"[lights]": "[hardware]\nrelease_pin = 26\n[lights]", "number = 1\n": "number = 1\npresence_pin = 5\n"}
    )
    found = clinic.findings("--local")
    assert of(found, "slot 1")[1] == ("ok", "its contact shows no vehicle -> ")
    assert of(found, "release") == [("ok", "the contact is open -> ")]
    clinic.lines.grounded = {5, 26}
    assert clinic.check("--local").exit_code == 1
    found = clinic.findings("--local")
    assert of(found, "slot 1")[1] == ("ok", "its contact shows a vehicle -> ")
    level, said = of(found, "release")[0]
    assert (level, said.partition(" -> ")[0]) == ("failed", "the contact is closed, so every lock stands open")
    clinic.lines.deaf = True
    assert of(clinic.findings("--local"), "release")[0][0] == "failed"
