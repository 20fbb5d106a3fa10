"""What takes the place of `/sys/class/pwm`: one PWM chip of a Pi up to 4, whose channels lead to the emulated world.

It answers as the kernel does (drivers/pwm/core.c): a channel is there once it was exported; no period, or a duty above
it, is EINVAL. As the kernel goes on with a channel when its user dies, a line that is high in the world is found
running.
"""

import errno
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from hardware.pwm import CHANNELS, PERIOD_NS

CHIP = "pwmchip0"
DEVICE_ENDS = "20c000.pwm"
DEVICE = f"fe{DEVICE_ENDS}"
LONGEST_NS = 1_000_000_000
NUMBERS = ("period", "duty_cycle", "enable")


@dataclass(slots=True)
class _Channel:
    pin: int
    period: int = 0
    duty_cycle: int = 0
    enable: int = 0


class EmulatedPwm:
    """See hardware.pwm.PwmFiles."""

    def __init__(self, pins: Collection[int], drive: Callable[[int, int], None], high: Collection[int]) -> None:
        """`pins`: lines that overlays gave to the chip; `drive` puts one at a level; `high`: those with power now."""
        self._pins = {CHANNELS[DEVICE_ENDS][pin]: pin for pin in pins}
        self._drive = drive
        self._channels = {
            number: _Channel(pin, PERIOD_NS, PERIOD_NS, 1) for number, pin in self._pins.items() if pin in high
        }

    def devices(self) -> Mapping[str, str]:
        """See PwmFiles."""
        return {CHIP: DEVICE} if self._pins else {}

    def there(self, name: str) -> bool:
        """See PwmFiles; for channels."""
        return any(name == f"{CHIP}/pwm{number}" for number in self._channels)

    def writable(self, name: str) -> bool:
        """See PwmFiles."""
        return self.there(name.rpartition("/")[0])

    def read(self, name: str) -> str:
        """See PwmFiles."""
        channel, attribute = self._file(name)
        return str(getattr(channel, attribute))

    def write(self, name: str, text: str) -> None:
        """See PwmFiles."""
        if name == f"{CHIP}/export":
            self._export(int(text))
            return
        channel, attribute = self._file(name)
        before = _level(channel)
        _set(channel, attribute, int(text))
        if _level(channel) != before:
            self._drive(channel.pin, _level(channel))

    def _export(self, number: int) -> None:
        if number not in self._pins:
            raise _error(errno.ENODEV)
        if number in self._channels:
            raise _error(errno.EBUSY)
        self._channels[number] = _Channel(self._pins[number])

    def _file(self, name: str) -> tuple[_Channel, str]:
        folder, _, attribute = name.rpartition("/")
        for number, channel in self._channels.items():
            if folder == f"{CHIP}/pwm{number}" and attribute in NUMBERS:
                return channel, attribute
        raise _error(errno.ENOENT)


def _level(channel: _Channel) -> int:
    return int(bool(channel.enable and channel.duty_cycle))


def _set(channel: _Channel, attribute: str, value: int) -> None:
    after = {name: getattr(channel, name) for name in NUMBERS} | {attribute: value}
    if not 0 <= after["duty_cycle"] <= after["period"] <= LONGEST_NS or not after["period"]:
        raise _error(errno.EINVAL)
    setattr(channel, attribute, value)


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
