"""The emulated C module below the unmodified rpi_ws281x."""

from collections.abc import Sequence
from typing import Any

import pytest

from hardware.emulated.strip import HISTORY, EmulatedStrip, ws281x_module
from hardware.parts import Rgb
from hardware.strips.ws281x import load_ws281x


class Wall:
    """Where the pixels hang."""

    def __init__(self, clock: Any) -> None:
        self.sent: list[tuple[Rgb, ...]] = []
        self.dead = False
        self.cut = False
        self.strip = EmulatedStrip(self.send, lambda: self.dead, clock)

    def send(self, pixels: Sequence[Rgb]) -> None:
        if self.cut:
            raise ConnectionResetError
        self.sent.append(tuple(pixels))


@pytest.fixture
def wall(clock: Any) -> Wall:
    return Wall(clock)


@pytest.fixture
def pixels(wall: Wall) -> Any:
    strip = load_ws281x(ws281x_module(wall.strip)).PixelStrip(3, 18)
    strip.begin()
    yield strip
    strip._cleanup()


def test_a_frame_is_sent_and_kept_with_its_time(wall: Wall, pixels: Any, clock: Any) -> None:
    pixels.setPixelColorRGB(1, 1, 2, 255)
    pixels.show()
    clock.advance(1)
    pixels[0:3] = 0x010203
    pixels.show()
    assert wall.sent == [((0, 0, 0), (1, 2, 255), (0, 0, 0)), ((1, 2, 3),) * 3]
    assert [(frame.at, frame.pixels) for frame in wall.strip.frames] == [(1000.0, wall.sent[0]), (1001.0, wall.sent[1])]


def test_pixels_read_back_and_brightness_scales(wall: Wall, pixels: Any) -> None:
    assert len(pixels) == 3
    pixels.setPixelColor(9, 0xFF0000)
    pixels.setPixelColor(0, 0xFF8000)
    assert pixels.getPixelColor(0) == 0xFF8000
    assert pixels.getPixelColor(9) == -1
    pixels.setBrightness(127)
    assert pixels.getBrightness() == 127
    pixels.show()
    assert wall.sent == [((127, 64, 0), (0, 0, 0), (0, 0, 0))]


def test_dead_lights_and_a_lost_world_are_error_codes(wall: Wall, pixels: Any) -> None:
    wall.dead = True
    with pytest.raises(RuntimeError, match="-10"):
        pixels.show()
    wall.dead, wall.cut = False, True
    with pytest.raises(RuntimeError, match="-1 "):
        pixels.show()
    assert not wall.strip.frames


def test_the_history_is_bounded(wall: Wall, pixels: Any) -> None:
    for _ in range(HISTORY + 1):
        pixels.show()
    assert len(wall.strip.frames) == HISTORY
