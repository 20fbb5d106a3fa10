"""The board's GPIO lines, through gpiozero and its lgpio factory. The only file that imports either.

What gpiozero's own pins do to a line on its way in and out (claim it as an input, then as a low output; make it an
input again at the end) would let go of every held solenoid. The pins here are claimed once, at their level, and left
as they are.
"""

import logging
import os
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from hardware.parts import HardwareError, PartMissing, Rgb
from hardware.stand_in import standing_in

if TYPE_CHECKING:
    from gpiozero import RGBLED, InputDevice, OutputDevice
    from gpiozero.pins.lgpio import LGPIOFactory

PI_3B = 0xA02082
"""Revision code of a board with the 40-pin header that every Pi since 2014 has."""

IN_USE = 1
"""The flag of a line that somebody has claimed (GPIO_V2_LINE_FLAG_USED in linux/gpio.h)."""
LGPIO_USER = "lg"
"""The name by which lgpio, and with it gpiozero, claims lines."""

logger = logging.getLogger(__name__)


class LineFailure(HardwareError, OSError):
    """A GPIO line could not be driven or read; the part behind it says what to do."""


class Line(Protocol):
    """One line that is driven; `on` and `off` raise LineFailure."""

    def on(self) -> None: ...
    def off(self) -> None: ...
    def close(self) -> None: ...


class OutputLine:
    """One line the station drives."""

    def __init__(self, pin: int, device: "OutputDevice", errors: tuple[type[Exception], ...]) -> None:
        self._pin = pin
        self._device = device
        self._errors = errors

    def on(self) -> None:
        """Put the line high. Raises LineFailure."""
        self._set(high=True)

    def off(self) -> None:
        """Put the line low. Raises LineFailure."""
        self._set(high=False)

    def close(self) -> None:
        """Let go of it; its level stays. Idempotent."""
        self._device.close()

    def _set(self, *, high: bool) -> None:
        try:
            self._device.value = high
        except self._errors as error:
            raise LineFailure(f"GPIO{self._pin} cannot be driven: {error}") from error


class InputLine:
    """One line with a contact to ground and the Pi's own pull-up."""

    def __init__(self, pin: int, device: "InputDevice", errors: tuple[type[Exception], ...]) -> None:
        self._pin = pin
        self._device = device
        self._errors = errors

    def high(self) -> bool:
        """Read the line's level: low while the contact is closed. Raises LineFailure."""
        try:
            return not self._device.value
        except self._errors as error:
            raise LineFailure(f"GPIO{self._pin} cannot be read: {error}") from error

    def close(self) -> None:
        """Let go of it. Idempotent."""
        self._device.close()


class RgbLed:
    """Three lines that dim the parts of one LED, by software PWM (100 Hz, steps of one percent)."""

    def __init__(self, pins: tuple[int, int, int], device: "RGBLED", errors: tuple[type[Exception], ...]) -> None:
        self._pins = pins
        self._device = device
        self._errors = errors

    def shine(self, colour: Rgb) -> None:
        """Show this colour. Raises LineFailure."""
        red, green, blue = colour
        try:
            self._device.value = (red / 255, green / 255, blue / 255)
        except self._errors as error:
            raise LineFailure(f"GPIO{', GPIO'.join(map(str, self._pins))} cannot be driven: {error}") from error

    def close(self) -> None:
        """Go dark and let go of them. Idempotent."""
        self._device.close()


class Pins:
    """Claims lines by their BCM numbers."""

    def __init__(
        self, factory: "LGPIOFactory", errors: tuple[type[Exception], ...], user_of: Callable[[int], str]
    ) -> None:
        self._factory = factory
        self._errors = errors
        self._user_of = user_of

    def user_of(self, pin: int) -> str:
        """By what name somebody, this station included, has claimed the line; empty: nobody has, as far as known."""
        try:
            return self._user_of(pin)
        except self._errors as error:
            logger.debug("nobody says who holds GPIO%d: %s", pin, error)
            return ""

    def output(self, pin: int, *, high: bool) -> OutputLine:
        """Claim an output at this level: a line that has it already sees no edge. Raises PartMissing."""
        from gpiozero import OutputDevice

        try:
            device = OutputDevice(pin, initial_value=high, pin_factory=self._factory)
        except self._errors as error:
            raise self._unclaimable(pin, error) from error
        return OutputLine(pin, device, self._errors)

    def input(self, pin: int) -> InputLine:
        """Claim an input and pull it up. Raises PartMissing."""
        from gpiozero import InputDevice

        try:
            device = InputDevice(pin, pull_up=True, pin_factory=self._factory)
        except self._errors as error:
            raise self._unclaimable(pin, error) from error
        return InputLine(pin, device, self._errors)

    def rgb_led(self, pins: tuple[int, int, int]) -> RgbLed:
        """Claim the lines of a dark LED: red, green, blue. Raises PartMissing."""
        from gpiozero import RGBLED

        try:
            device = RGBLED(*pins, pin_factory=self._factory)
        except self._errors as error:
            raise PartMissing(
                f"GPIO{', GPIO'.join(map(str, pins))} cannot be claimed for a light ({error}): see what else uses them"
            ) from error
        return RgbLed(pins, device, self._errors)

    def close(self) -> None:
        """Give every line back; outputs stay as they are. Idempotent."""
        self._factory.close()

    def _unclaimable(self, pin: int, error: Exception) -> PartMissing:
        user = self.user_of(pin)
        if user:
            return PartMissing(f"GPIO{pin} is in use by {named(user)}: stop that program, or wire another pin")
        return PartMissing(f"GPIO{pin} cannot be claimed ({error}): see what else uses it, or wire another pin")


def named(user: str) -> str:
    """Who holds a line, for people: whatever claims lines through lgpio goes by the same name."""
    return f"'{user}' (a program that uses lgpio or gpiozero)" if user == LGPIO_USER else f"'{user}'"


def open_pins(*, stand_in: ModuleType | None = None, runtime: Path | None = None) -> Pins:
    """Open the Pi's GPIO chip, or with `stand_in` the emulated one in lgpio's place. Raises PartMissing.

    `runtime` is a folder that lgpio may write in (it makes a pipe there when it is imported).
    """
    modules = {} if stand_in is None else {"lgpio": stand_in}
    try:
        with standing_in(modules, ["gpiozero.pins.lgpio"]), _working_in(runtime if stand_in is None else None):
            import lgpio
            from gpiozero.exc import GPIOZeroError
            from gpiozero.pins import PinInfo
            from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin
            from gpiozero.pins.local import LocalPiPin
    except (ImportError, OSError) as error:
        raise PartMissing(
            f"lgpio cannot be loaded ({error}): install the extra `pi`, run where it may write"
        ) from error
    revision = _revision() if stand_in is None else PI_3B

    class Pin(LGPIOPin):
        def __init__(self, factory: LGPIOFactory, info: PinInfo) -> None:
            LocalPiPin.__init__(self, factory, info)
            self._pwm = None
            self._bounce = None
            self._callback = None
            self._edges = lgpio.BOTH_EDGES

        def output_with_state(self, state: bool) -> None:
            lgpio.gpio_claim_output(self.factory._handle, self._number, int(state))  # noqa: SLF001 (as LGPIOPin does)

        def close(self) -> None:
            pass

    class Factory(LGPIOFactory):
        def __init__(self) -> None:
            super().__init__()
            # gpiozero keeps these on the class: two stations in one process would get each other's lines.
            self.pins = {}
            self._reservations = defaultdict(list)
            self._res_lock = threading.Lock()
            self.pin_class = Pin

        def _get_revision(self) -> int:
            return revision

    try:
        factory = Factory()
    except (lgpio.error, OSError) as error:
        raise PartMissing(f"the GPIO chip cannot be opened ({error}): run on a Pi, as a user in group gpio") from error

    def user_of(pin: int) -> str:
        _, _, flags, _, user = lgpio.gpio_get_line_info(factory._handle, pin)  # noqa: SLF001 (as LGPIOPin does)
        return (user or "the kernel") if flags & IN_USE else ""

    return Pins(factory, (GPIOZeroError, lgpio.error, OSError), user_of)


def _revision() -> int:
    """The board's revision code; a board that has none, or one unknown here, is taken for one with 40 pins."""
    from gpiozero import PiBoardInfo
    from gpiozero.exc import PinUnknownPi
    from gpiozero.pins.local import get_pi_revision

    try:
        revision = get_pi_revision()
        PiBoardInfo.from_revision(revision)
    except (PinUnknownPi, OSError) as error:
        logger.warning("unknown board (%s): taken for a Raspberry Pi with the 40-pin header", error)
        return PI_3B
    return revision


def _working_in(runtime: Path | None) -> ExitStack:
    """Let lgpio put its pipe into `runtime` (it changes the working folder for good); come back afterwards."""
    life = ExitStack()
    if runtime is not None:
        os.environ.setdefault("LG_WD", str(runtime))
    here = os.open(".", os.O_PATH | os.O_DIRECTORY)
    life.callback(os.close, here)
    life.callback(os.fchdir, here)
    return life
