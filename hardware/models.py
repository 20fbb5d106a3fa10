"""Which Raspberry Pi can drive which lights. Asked only when something failed, or by somebody who looks around."""

import re
from pathlib import Path

MODEL = Path("/proc/device-tree/model")
"""The board's name, such as "Raspberry Pi 4 Model B Rev 1.4", ended by a zero byte (Devicetree Specification 2.3.2)."""
OVERLAY = "dtoverlay=ws2812-pio,gpio={pin},num_leds={pixels}"

_RP1 = re.compile(r"Raspberry Pi (5|500|Compute Module 5)\b")
_DMA = re.compile(r"Raspberry Pi (Zero|Model|1|2|3|4|400|Compute Module [34]S?)\b")


def board_model(file: Path = MODEL) -> str:
    """The board's name; empty where nothing tells it."""
    try:
        return file.read_bytes().rstrip(b"\0").decode(errors="replace")
    except OSError:
        return ""


def lights_fit(model: str, kind: str) -> str:
    """Why lights of this `kind` cannot work on the board called `model`, and what can; empty if nothing is against it.

    rpi_ws281x 5.0.0 drives DMA, PWM and PCM of the boards up to 4; the kernel's ws2812-pio needs the RP1 of a 5.
    """
    if kind == "ws281x" and _RP1.match(model):
        return f'a {model} cannot drive a strip by rpi_ws281x: set lights.kind = "pio" (docs/lights.md)'
    if kind == "pio" and _DMA.match(model):
        return f'a {model} has no PIO: set lights.kind = "ws281x" (docs/lights.md)'
    return ""
