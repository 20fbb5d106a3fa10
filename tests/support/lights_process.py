"""`station-agent lights` as it is, but for the C module: `python lights_process.py FRAMES ARGUMENT...`.

What the strip shows is appended to the file FRAMES, a line of JSON each; while a file FRAMES.dead is there it takes
nothing, and with FRAMES.unsupported the board is one that rpi_ws281x does not know.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from agent.cli import main
from hardware.clock import boottime
from hardware.emulated.strip import EmulatedStrip, ws281x_module
from hardware.parts import Rgb

UNSUPPORTED = -3

frames = Path(sys.argv[1])


def send(pixels: Sequence[Rgb]) -> None:
    with frames.open("a", encoding="utf-8") as file:
        file.write(json.dumps(pixels) + "\n")


module = ws281x_module(EmulatedStrip(send, frames.with_suffix(".dead").exists, boottime))
if frames.with_suffix(".unsupported").exists():
    module.__dict__["ws2811_init"] = lambda _controller: UNSUPPORTED
    module.__dict__["ws2811_get_return_t_str"] = lambda _code: "Hardware revision is not supported"
sys.modules["_rpi_ws281x"] = module
main(sys.argv[2:])
