"""The WS281x strip over the unmodified library, on the emulated C module and on the real one."""

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from hardware.emulated.strip import EmulatedStrip, ws281x_module
from hardware.parts import LightsFailure, PartMissing, Rgb
from hardware.strips.none import NoStrip
from hardware.strips.ws281x import Ws281xStrip, load_ws281x


class Wall:
    """Where the pixels hang."""

    def __init__(self) -> None:
        self.sent: list[Sequence[Rgb]] = []
        self.dead = False
        strip = EmulatedStrip(self.sent.append, lambda: self.dead, lambda: 0.0)
        self.module = ws281x_module(strip)

    def strip(self, pin: int = 18) -> Ws281xStrip:
        return Ws281xStrip(load_ws281x(self.module), pin, 3)


@pytest.mark.parametrize("pin", [18, 13])
def test_frames_reach_the_pixels_and_closing_goes_dark(pin: int) -> None:
    wall = Wall()
    strip = wall.strip(pin)
    strip.show([(1, 2, 255), (3, 4, 5)])
    strip.close()
    strip.close()
    assert wall.sent == [((1, 2, 255), (3, 4, 5), (0, 0, 0)), ((0, 0, 0),) * 3]
    with pytest.raises(LightsFailure, match="closed"):
        strip.show([(1, 2, 3)])


def test_a_shorter_frame_leaves_the_rest_dark_and_a_longer_one_is_refused() -> None:
    wall = Wall()
    strip = wall.strip()
    strip.show([(1, 2, 255)] * 3)
    strip.show([(1, 2, 255)])
    with pytest.raises(LightsFailure, match="has 3 pixels and no 4"):
        strip.show([(1, 2, 255)] * 4)
    assert wall.sent[-1] == ((1, 2, 255), (0, 0, 0), (0, 0, 0))
    strip.close()


def test_a_dead_strip_fails_and_closes_with_a_word(caplog: pytest.LogCaptureFixture) -> None:
    wall = Wall()
    strip = wall.strip()
    wall.dead = True
    with pytest.raises(LightsFailure, match="-10"):
        strip.show([(1, 2, 3)])
    strip.close()
    assert "could not be put out" in caplog.text


def test_a_strip_that_cannot_be_opened_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Wall()
    monkeypatch.setattr(wall.module, "ws2811_init", lambda _: -10)
    with pytest.raises(PartMissing, match="GPIO18"):
        wall.strip()


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("Raspberry Pi 5 Model B Rev 1.0", r'a Raspberry Pi 5 .* cannot drive .*: set lights\.kind = "pio"'),
        ("Raspberry Pi 4 Model B Rev 1.4", "run as root on a Pi up to 4"),
        ("", "run as root on a Pi up to 4"),
    ],
)
def test_a_board_that_cannot_is_named_and_so_is_what_can(
    monkeypatch: pytest.MonkeyPatch, model: str, told: str
) -> None:
    wall = Wall()
    monkeypatch.setattr(wall.module, "ws2811_init", lambda _: -3)
    monkeypatch.setattr(wall.module, "ws2811_get_return_t_str", lambda _: "Hardware revision is not supported")
    with pytest.raises(PartMissing, match=told):
        Ws281xStrip(load_ws281x(wall.module), 18, 3, lambda: model)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rpi_ws281x", None)
    with pytest.raises(PartMissing, match="extra `pi`"):
        load_ws281x()


@pytest.mark.skipif(
    find_spec("_rpi_ws281x") is None or Path("/dev/vcio").exists(), reason="needs the library, off a Pi"
)
def test_the_real_library_off_a_pi_is_missing_and_ends_well() -> None:
    script = (
        "from hardware.strips.ws281x import *; from hardware.parts import PartMissing\n"
        "for _ in range(3):\n"
        "    try: Ws281xStrip(load_ws281x(), 18, 24)\n"
        "    except PartMissing as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout.count("-3"), done.stderr) == (0, 3, "")


def test_no_strip_takes_everything() -> None:
    strip: Any = NoStrip()
    strip.show([(1, 2, 3)])
    strip.close()
