"""Hardware PWM through the kernel's sysfs (Documentation/ABI/testing/sysfs-class-pwm), for coils held at part power.

The kernel goes on with a channel when its user dies, so a held coil stays held; that is why there is no software PWM
here, which would stop with the program. The overlay `pwm` or `pwm-2chan` gives a line to the PWM block:
docs/locks.md.
"""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from hardware.parts import PartMissing
from hardware.pins import LineFailure

PERIOD_NS = 50_000
"""20 kHz: too high to be heard, slow enough for a MOSFET behind a gate resistor."""
CHANNELS: Mapping[str, Mapping[int, int]] = {
    # BCM2835 ARM Peripherals, section 9.5; the Pi 4's second block (20c800) leads to no header pin
    "20c000.pwm": {12: 0, 13: 1, 18: 0, 19: 1},
    # RP1 Peripherals, section 3.1.1; the RP1's second block (9c000) drives the fan
    "098000.pwm": {12: 0, 13: 1, 18: 2, 19: 3},
}
"""By the end of the device's name: the channel that each line is on."""
FUNCTIONS = {12: 4, 13: 4, 18: 2, 19: 2}
"""The overlay's `func` of each line (overlays/README of the Pi's firmware)."""
RIGHTS_WITHIN_S = 2.0
"""How long udev is given to hand a new channel to the group gpio."""
LOOK_S = 0.02


class PwmFiles(Protocol):
    """`/sys/class/pwm`. `read` and `write` raise OSError."""

    def devices(self) -> Mapping[str, str]:
        """The device's name behind each chip, such as `{"pwmchip0": "fe20c000.pwm"}`."""
        ...

    def there(self, name: str) -> bool:
        """Whether there is such a file or folder."""
        ...

    def writable(self, name: str) -> bool:
        """Whether the station may write into a file."""
        ...

    def read(self, name: str) -> str:
        """What stands in a file, such as `pwmchip0/pwm1/enable`."""
        ...

    def write(self, name: str, text: str) -> None:
        """Write into a file."""
        ...


class Sysfs:
    """The kernel's own files."""

    def __init__(self, root: Path = Path("/sys/class/pwm")) -> None:
        self._root = root

    def devices(self) -> Mapping[str, str]:
        """See PwmFiles."""
        chips = sorted(self._root.glob("pwmchip*"))
        return {chip.name: os.path.realpath(chip / "device").rpartition("/")[2] for chip in chips}

    def there(self, name: str) -> bool:
        """See PwmFiles."""
        return os.path.exists(self._root / name)  # noqa: PTH110  Path.exists may raise

    def writable(self, name: str) -> bool:
        """See PwmFiles."""
        return os.access(self._root / name, os.W_OK)

    def read(self, name: str) -> str:
        """See PwmFiles."""
        return (self._root / name).read_text(encoding="ascii").strip()

    def write(self, name: str, text: str) -> None:
        """See PwmFiles."""
        with (self._root / name).open("w", encoding="ascii") as file:
            file.write(text)


class PwmLine:
    """One line on a channel that runs already; the channel runs on when nobody is left."""

    def __init__(self, files: PwmFiles, channel: str, pin: int, hold_duty: float, *, powered: bool) -> None:
        """`channel` is its folder below `/sys/class/pwm`; `hold_duty` is the share of the period that holds.

        `powered`: it gave power when it was taken over, and goes on.
        """
        self.powered = powered
        self._files = files
        self._channel = channel
        self._pin = pin
        self._hold_ns = round(PERIOD_NS * hold_duty)

    def full(self) -> None:
        """Full power. Raises LineFailure."""
        self._put(PERIOD_NS)

    def hold(self) -> None:
        """The share that holds; the line is never off in between. Raises LineFailure."""
        self._put(self._hold_ns)

    def off(self) -> None:
        """No power. Raises LineFailure."""
        self._put(0)

    def close(self) -> None:
        """Let go of it; its level stays. There is nothing to give back: the files are opened for each write."""

    def _put(self, duty_ns: int) -> None:
        try:
            self._files.write(f"{self._channel}/duty_cycle", str(duty_ns))
        except OSError as error:
            raise LineFailure(f"the PWM of GPIO{self._pin} cannot be driven: {error}") from error


class Pwm:
    """Gives lines to coils; each channel once."""

    def __init__(self, files: PwmFiles) -> None:
        self._files = files
        self._taken: dict[str, int] = {}

    def line(self, pin: int, hold_duty: float, *, held: bool) -> PwmLine:
        """Take over the line's channel: a `held` one that has power goes on without an edge, all others have none.

        One that should be held and has no power gets none here: its lock is driven when it is ordered, with a
        pull-in. Raises PartMissing.
        """
        chip, number = self._channel(pin)
        channel = f"{chip}/pwm{number}"
        if channel in self._taken:
            raise PartMissing(f"GPIO{pin} and GPIO{self._taken[channel]} are one PWM channel: wire 12 or 18, 13 or 19")
        try:
            powered = self._take_over(chip, number, channel) and held
            line = PwmLine(self._files, channel, pin, hold_duty, powered=powered)
            (line.hold if powered else line.off)()
            if self._files.read(f"{channel}/enable") != "1":
                self._files.write(f"{channel}/enable", "1")
        except (OSError, LineFailure) as error:
            raise PartMissing(
                f"hardware PWM on GPIO{pin} cannot be used ({error}): let the station's user write in "
                f"/sys/class/pwm (docs/locks.md), or set hold_duty = 1.0"
            ) from error
        self._taken[channel] = pin
        return line

    def _channel(self, pin: int) -> tuple[str, int]:
        for chip, device in self._files.devices().items():
            for ending, lines in CHANNELS.items():
                if device.endswith(ending) and pin in lines:
                    return chip, lines[pin]
        raise PartMissing(
            f"GPIO{pin} has no hardware PWM: add `dtoverlay=pwm,pin={pin},func={FUNCTIONS.get(pin, 4)}` to config.txt "
            f"and start the Pi again, or set hold_duty = 1.0"
        )

    def _take_over(self, chip: str, number: int, channel: str) -> bool:
        """Make the channel ours; whether it gives power now. Raises OSError."""
        files = self._files
        if not files.there(channel):
            files.write(f"{chip}/export", str(number))
        self._await_rights(channel)
        duty = files.read(f"{channel}/duty_cycle")
        powered = duty != "0" and files.read(f"{channel}/enable") == "1"
        if files.read(f"{channel}/period") != str(PERIOD_NS):
            # Somebody else's setting. A period below the duty is refused, so the duty goes first.
            if duty != "0":
                files.write(f"{channel}/duty_cycle", "0")
            files.write(f"{channel}/period", str(PERIOD_NS))
            powered = False
        return powered

    def _await_rights(self, channel: str) -> None:
        """udev hands a new channel over a moment after it is there."""
        never = threading.Event()
        for _ in range(round(RIGHTS_WITHIN_S / LOOK_S)):
            if self._files.writable(f"{channel}/enable"):
                return
            never.wait(LOOK_S)
