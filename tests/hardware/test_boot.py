"""The lines of config.txt that a station's wiring asks for."""

from dataclasses import replace
from typing import Any

import pytest

from hardware.boot import boot_settings, power_pins, softened_pins
from hardware.wiring import LightsWiring, LockWiring, MotorWiring, ReaderWiring, SlotWiring, SolenoidWiring, Wiring


def wired(*locks: LockWiring, **options: Any) -> Wiring:
    slots = tuple(SlotWiring(number=n, lights=(8 * n, 8 * n + 7), lock=lock) for n, lock in enumerate(locks, start=1))
    return Wiring(**{"slots": slots, "lights": LightsWiring(kind="none"), **options})


def test_lock_and_permit_lines_are_low_from_the_firmware_on() -> None:
    motor, solenoid = MotorWiring(lock_pin=22, unlock_pin=23), SolenoidWiring(pin=17)
    wiring = wired(motor, solenoid)
    permitted = replace(wiring.slots[1], power_permit_pin=12)
    wiring = replace(wiring, slots=(wiring.slots[0], permitted))
    assert power_pins(wiring) == (12, 17, 22, 23)
    assert boot_settings(wiring) == ("dtparam=spi=on", "gpio=12,17,22,23=op,dl", "dtparam=watchdog=on")


def test_a_coil_held_by_pwm_gets_the_overlay_and_its_line_is_left_to_it() -> None:
    wiring = wired(SolenoidWiring(pin=13, hold_duty=0.4), SolenoidWiring(pin=17))
    assert softened_pins(wiring) == (13,)
    settings = boot_settings(wiring)
    assert settings[1:4] == ("gpio=17=op,dl", "dtoverlay=pwm,pin=13,func=4", "dtparam=audio=off")


def test_two_coils_share_an_overlay_and_no_line_is_plain() -> None:
    wiring = wired(SolenoidWiring(pin=19, hold_duty=0.4), SolenoidWiring(pin=12, hold_duty=0.4))
    settings = boot_settings(wiring)
    assert settings[1] == "dtoverlay=pwm-2chan,pin=12,func=4,pin2=19,func2=2"
    assert not any(line.startswith("gpio=") for line in settings)


@pytest.mark.parametrize(
    ("lights", "line"),
    [
        (LightsWiring(kind="ws281x", pin=18), "dtparam=audio=off"),
        (LightsWiring(kind="pio", pin=21, pixels=30), "dtoverlay=ws2812-pio,gpio=21,num_leds=30"),
    ],
)
def test_a_strip_gets_what_clocks_it(lights: LightsWiring, line: str) -> None:
    assert line in boot_settings(wired(SolenoidWiring(pin=17), lights=lights))


def test_a_strip_on_pcm_leaves_the_sound_alone() -> None:
    lights = LightsWiring(kind="ws281x", pin=21)
    assert "dtparam=audio=off" not in boot_settings(wired(SolenoidWiring(pin=17), lights=lights))


def test_a_reader_on_the_second_bus_gets_its_overlay() -> None:
    reader = ReaderWiring(spi_bus=1, spi_device=2)
    assert boot_settings(wired(SolenoidWiring(pin=17), reader=reader))[0] == "dtoverlay=spi1-3cs"


def test_a_simulated_station_asks_the_firmware_for_nothing() -> None:
    assert boot_settings(wired(SolenoidWiring(pin=17), kind="simulated")) == ()
