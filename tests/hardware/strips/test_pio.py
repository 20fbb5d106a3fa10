"""The strip of a Raspberry Pi 5: frames written to the kernel's device, here a file and an emulated one."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from hardware.emulated.leds import EmulatedLeds
from hardware.emulated.strip import EmulatedStrip
from hardware.parts import LightsFailure, PartMissing
from hardware.strips.pio import PioStrip, Put, device
from hardware.wiring import LightsWiring

RED, GREEN, BLUE = (255, 0, 0), (0, 254, 0), (0, 0, 253)
WIRING = LightsWiring(kind="pio", pixels=3, pin=12)


def strip_on(put: Put, model: str = "") -> PioStrip:
    return PioStrip(put, WIRING, lambda: model)


@pytest.fixture
def leds(tmp_path: Path) -> Path:
    file = tmp_path / "leds0"
    file.touch()
    return file


def test_a_frame_is_four_bytes_a_pixel_from_the_first_on(leds: Path) -> None:
    strip = strip_on(device(leds))
    assert leds.read_bytes() == bytes(12)
    strip.show([RED, GREEN, BLUE])
    assert leds.read_bytes() == b"\xff\0\0\0\0\xfe\0\0\0\0\xfd\0"
    strip.show([BLUE])
    assert leds.read_bytes() == b"\0\0\xfd\0" + bytes(8), "each frame opens the device anew, and has every pixel"


def test_a_strip_of_one_pixel_never_sends_the_one_byte_that_would_be_the_brightness(leds: Path) -> None:
    strip = PioStrip(device(leds), LightsWiring(kind="pio", pixels=1))
    strip.show([RED])
    assert leds.read_bytes() == b"\xff\0\0\0"


def test_closing_goes_dark(leds: Path) -> None:
    strip = strip_on(device(leds))
    strip.show([RED])
    strip.close()
    strip.close()
    assert leds.read_bytes() == bytes(12)
    with pytest.raises(LightsFailure, match="closed"):
        strip.show([RED])


def test_without_the_device_it_says_which_line_is_missing(tmp_path: Path) -> None:
    with pytest.raises(PartMissing, match=r"`dtoverlay=ws2812-pio,gpio=12,num_leds=3` to /boot/firmware/config\.txt"):
        strip_on(device(tmp_path / "leds0"), "Raspberry Pi 5 Model B Rev 1.0")
    assert list(tmp_path.iterdir()) == [], "no file is made in the device's place"


def test_a_board_without_pio_is_named_and_so_is_what_works_there(tmp_path: Path) -> None:
    with pytest.raises(PartMissing, match=r'a Raspberry Pi 4 Model B Rev 1\.4 has no PIO: set lights\.kind = "ws281x"'):
        strip_on(device(tmp_path / "leds0"), "Raspberry Pi 4 Model B Rev 1.4")


class Wall:
    """The emulated device, and what it shows."""

    def __init__(self, num_leds: int = 3) -> None:
        self.dead = False
        self.strip = EmulatedStrip(lambda _: None, lambda: self.dead, lambda: 0.0)
        self.leds = EmulatedLeds(self.strip, num_leds)


def test_the_emulated_device_shows_what_it_is_sent() -> None:
    wall = Wall()
    strip = strip_on(wall.leds.write)
    strip.show([RED, GREEN])
    strip.close()
    dark = ((0, 0, 0),) * 3
    assert [frame.pixels for frame in wall.strip.frames] == [dark, (RED, GREEN, (0, 0, 0)), dark]


def test_a_dead_device_fails_comes_back_and_closes_with_a_word(caplog: pytest.LogCaptureFixture) -> None:
    wall = Wall()
    strip = strip_on(wall.leds.write)
    wall.dead = True
    with pytest.raises(LightsFailure, match="Input/output error"):
        strip.show([RED])
    wall.dead = False
    strip.show([RED])
    wall.dead = True
    strip.close()
    assert "could not be put out" in caplog.text


def test_an_overlay_with_too_few_pixels_is_named() -> None:
    with pytest.raises(PartMissing, match=r"num_leds of its overlay is less than lights\.pixels"):
        strip_on(Wall(num_leds=2).leds.write)


def refusing(number: int) -> Put:
    def put(_: bytes) -> int:
        raise OSError(number, "no")

    return put


@pytest.mark.parametrize(
    ("put", "told"),
    [
        (refusing(errno.ENOSPC), "num_leds"),
        (refusing(errno.EACCES), "udev rule"),
        (lambda frame: len(frame) - 1, "11 of 12 bytes"),
    ],
)
def test_what_takes_no_whole_frame_is_missing(put: Callable[[bytes], int], told: str) -> None:
    with pytest.raises(PartMissing, match=told):
        strip_on(put)
