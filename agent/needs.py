"""What a config asks of the machine it runs on, for scripts/install: `python -m agent.needs FILE`, one need a line.

gpio              real lines, which take lgpio
lights-process    station-lights.service is to run
lights-device     /dev/leds0 is to belong to the group gpio
pwm               the units may write in /sys/class/pwm
boot LINE         a line of the firmware's config.txt
kernel WORD       a word of the kernel's cmdline.txt
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from agent.config import ConfigError, load
from hardware.boot import KERNEL_WORDS, boot_settings, softened_pins
from hardware.wiring import Wiring

WRONG_USAGE = 2


def needs(wiring: Wiring) -> Iterator[str]:
    """Each need, as one line; none of a simulated station."""
    if wiring.kind != "raspberry-pi":
        return
    yield "gpio"
    if wiring.lights.kind == "ws281x":
        yield "lights-process"
    if wiring.lights.kind == "pio":
        yield "lights-device"
    if softened_pins(wiring):
        yield "pwm"
    for line in boot_settings(wiring):
        yield f"boot {line}"
    for word in KERNEL_WORDS:
        yield f"kernel {word}"


def main(file: str) -> int:
    """Print the needs of a config, or every mistake in it; gives the exit status."""
    try:
        config = load(Path(file))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USAGE
    sys.stdout.writelines(f"{need}\n" for need in needs(config.wiring))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
