"""What takes lgpio's place under gpiozero's LGPIOFactory: one gpiochip whose lines lead to the emulated world.

Names, numbers, return values and error texts are those of lgpio 0.2.2 (http://abyz.me.uk/lg/py_lgpio.html); only what
gpiozero's pins use is here. Like the Pi's kernel (`persist_gpio_outputs`) it leaves an output as it is when its
claim is freed or its process dies.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import NoReturn, Protocol

from hardware.emulated.edges import BOTH_EDGES, FALLING_EDGE, RISING_EDGE, EdgeCallback, Edges

LINES = 54
SET_PULL_UP = 1 << 5
SET_PULL_DOWN = 1 << 6
SET_PULL_NONE = 1 << 7
PULLS = SET_PULL_UP | SET_PULL_DOWN | SET_PULL_NONE
IS_KERNEL = 1 << 0
IS_OUT = 1 << 1
IS_LG_INPUT = 1 << 8
IS_LG_OUTPUT = 1 << 9
IS_LG_ALERT = 1 << 10
IS_INPUT = 1 << 16


class Lines(Protocol):
    """What the chip's lines lead to."""

    def drive(self, pin: int, level: int | None) -> None:
        """Put the line at 0 or 1; None lets go of it. Raises OSError if nobody is at the other end."""
        ...

    def closed(self, pin: int) -> bool:
        """Whether a closed contact pulls this line to ground."""
        ...

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever a contact may have changed."""
        ...


class Error(Exception):
    """lgpio's only exception, known there as `lgpio.error`."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


@dataclass(slots=True)
class _Claim:
    handle: int
    output: bool
    flags: int
    level: int = 0


OTHERS = -1
"""The handle of lines that other programs hold."""
USER = "lg"
"""The name by which lgpio claims lines."""


@dataclass(slots=True)
class GpioChip:
    """/dev/gpiochip0, as lgpio's functions see it. Every method raises Error where lgpio does."""

    lines: Lines
    _handles: set[int] = field(default_factory=set)
    _opened: int = 0
    _claims: dict[int, _Claim] = field(default_factory=dict)
    _others: dict[int, str] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def hold(self, gpio: int, user: str) -> None:
        """Another program claims the line by this name; it gives it back never."""
        with self._lock:
            self._others[gpio] = user
            self._claims[gpio] = _Claim(OTHERS, output=False, flags=IS_LG_INPUT)

    def gpiochip_open(self, gpiochip: int) -> int:
        """A handle to the chip; there is only number 0."""
        if gpiochip != 0:
            _fail("can not open gpiochip")
        with self._lock:
            handle = self._opened | gpiochip << 16
            self._opened += 1
            self._handles.add(handle)
        return handle

    def gpiochip_close(self, handle: int) -> int:
        """Free the handle's lines; its outputs stay as they are."""
        with self._lock:
            self._check(handle)
            self._handles.remove(handle)
            self._claims = {pin: claim for pin, claim in self._claims.items() if claim.handle != handle}
        return 0

    def gpio_claim_input(self, handle: int, gpio: int, lFlags: int = 0) -> int:  # noqa: N803 (lgpio's name)
        """Make the line an input: whatever drove it lets go."""
        with self._lock:
            self._check(handle, gpio)
            self._drive(gpio, None)
            self._claims[gpio] = _Claim(handle, output=False, flags=lFlags & PULLS | IS_LG_INPUT)
        return 0

    def gpio_claim_alert(self, handle: int, gpio: int, eFlags: int, lFlags: int = 0) -> int:  # noqa: N803 (lgpio's names)
        """Make the line an input whose edges are told to callbacks, which choose their edges themselves."""
        del eFlags
        with self._lock:
            self.gpio_claim_input(handle, gpio, lFlags)
            self._claims[gpio].flags |= IS_LG_ALERT
        return 0

    def gpio_set_debounce_micros(self, handle: int, gpio: int, debounce_micros: int) -> int:
        """Emulated contacts do not bounce: there is nothing to set."""
        del debounce_micros
        self._check(handle, gpio)
        return 0

    def gpio_claim_output(self, handle: int, gpio: int, level: int = 0, lFlags: int = 0) -> int:  # noqa: N803 (lgpio's)
        """Make the line an output at `level`, in one step and without an edge if it is there already."""
        with self._lock:
            self._check(handle, gpio)
            self._drive(gpio, int(bool(level)))
            self._claims[gpio] = _Claim(
                handle, output=True, flags=lFlags & PULLS | IS_LG_OUTPUT, level=int(bool(level))
            )
        return 0

    def gpio_free(self, handle: int, gpio: int) -> int:
        """Give the line back; an output stays as it is."""
        with self._lock:
            self._claimed(handle, gpio)
            del self._claims[gpio]
        return 0

    def gpio_write(self, handle: int, gpio: int, level: int) -> int:
        """Put an output low or high."""
        with self._lock:
            claim = self._claimed(handle, gpio)
            if not claim.output:
                _fail("GPIO not set as an output")
            self._drive(gpio, int(bool(level)))
            claim.level = int(bool(level))
        return 0

    def gpio_read(self, handle: int, gpio: int) -> int:
        """Give an output's level; an input is low where a contact closes it, else where its pull takes it."""
        with self._lock:
            claim = self._claimed(handle, gpio)
            return claim.level if claim.output else self._input_level(gpio)

    def gpio_get_mode(self, handle: int, gpio: int) -> int:
        """The line's mode bits."""
        with self._lock:
            self._check(handle, gpio)
            claim = self._claims.get(gpio)
        if claim is None:
            return IS_INPUT
        return claim.flags | IS_KERNEL | (IS_OUT if claim.output else IS_INPUT)

    def gpio_get_line_info(self, handle: int, gpio: int) -> list[int | str]:
        """Status, number, flags (IS_KERNEL: in use), name, and who uses it; anybody's lines may be looked at."""
        with self._lock:
            self._check_handle(handle, gpio)
            claim = self._claims.get(gpio)
        if claim is None:
            return [0, gpio, 0, f"GPIO{gpio}", ""]
        return [0, gpio, IS_KERNEL | (IS_OUT if claim.output else 0), f"GPIO{gpio}", self._others.get(gpio, USER)]

    def tx_pwm(self, handle: int, gpio: int, pwm_frequency: float, pwm_duty_cycle: float) -> int:
        """Start software PWM; the world sees the line high while any part of the cycle is."""
        if pwm_frequency and not 0.1 <= pwm_frequency <= 10_000:  # noqa: PLR2004 (lgpio's limits, in Hz)
            _fail("bad PWM frequency")
        if not 0 <= pwm_duty_cycle <= 100:  # noqa: PLR2004 (percent)
            _fail("bad PWM dutycycle")
        self.gpio_write(handle, gpio, int(pwm_frequency > 0 and pwm_duty_cycle > 0))
        return 1

    def alert_level(self, gpio: int) -> int | None:
        """Level of a line that was claimed for alerts; None of any other."""
        with self._lock:
            claim = self._claims.get(gpio)
            return self._input_level(gpio) if claim is not None and claim.flags & IS_LG_ALERT else None

    def _input_level(self, gpio: int) -> int:
        return 0 if self.lines.closed(gpio) else int(bool(self._claims[gpio].flags & SET_PULL_UP))

    def _drive(self, gpio: int, level: int | None) -> None:
        try:
            self.lines.drive(gpio, level)
        except OSError as error:
            raise Error(f"unexpected error: {error}") from error

    def _claimed(self, handle: int, gpio: int) -> _Claim:
        self._check(handle, gpio)
        claim = self._claims.get(gpio)
        if claim is None:
            _fail("GPIO not allocated")
        return claim

    def _check_handle(self, handle: int, gpio: int) -> None:
        if handle not in self._handles:
            _fail("unknown handle")
        if not 0 <= gpio < LINES:
            _fail("bad GPIO number")

    def _check(self, handle: int, gpio: int = 0) -> None:
        self._check_handle(handle, gpio)
        claim = self._claims.get(gpio)
        if claim is not None and claim.handle != handle:
            _fail("GPIO busy")


def _fail(text: str) -> NoReturn:
    raise Error(text)


def lgpio_module(lines: Lines, others: Mapping[int, str] | None = None) -> ModuleType:
    """A module to be put at `sys.modules["lgpio"]` while `gpiozero.pins.lgpio` is imported.

    `others`: lines that other programs hold, and by which name.
    """
    chip = GpioChip(lines)
    for gpio, user in (others or {}).items():
        chip.hold(gpio, user)
    edges = Edges(chip.alert_level, time.monotonic_ns)
    lines.watch(edges.look)

    def callback(handle: int, gpio: int, edge: int = RISING_EDGE, func: EdgeCallback | None = None) -> object:
        return edges.callback(handle >> 16, gpio, edge, func)

    module = ModuleType("lgpio", "Emulated GPIO lines, see hardware/emulated/gpio.py.")
    module.__dict__.update({name: getattr(chip, name) for name in _FUNCTIONS})
    module.__dict__.update(
        error=Error,
        callback=callback,
        RISING_EDGE=RISING_EDGE,
        FALLING_EDGE=FALLING_EDGE,
        BOTH_EDGES=BOTH_EDGES,
        SET_PULL_UP=SET_PULL_UP,
        SET_PULL_DOWN=SET_PULL_DOWN,
        SET_PULL_NONE=SET_PULL_NONE,
    )
    return module


_FUNCTIONS = (
    "gpiochip_open",
    "gpiochip_close",
    "gpio_claim_input",
    "gpio_claim_alert",
    "gpio_claim_output",
    "gpio_set_debounce_micros",
    "gpio_free",
    "gpio_read",
    "gpio_write",
    "gpio_get_mode",
    "gpio_get_line_info",
    "tx_pwm",
)
