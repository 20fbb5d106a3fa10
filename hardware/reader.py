"""The card reader: which cards are in its field, as whole UIDs, and a chip that is kept well."""

import logging
import time
from collections.abc import Callable
from types import ModuleType
from typing import Protocol

from hardware.anticollision import look
from hardware.clock import boottime
from hardware.parts import Mangled, NoCard, PartMissing, ReaderFailure, Sighting
from hardware.reader_chip import ChipOdd, ReaderChip
from hardware.wiring import ReaderWiring

log = logging.getLogger(__name__)

_SPEED_HZ = 1_000_000
_MODE = 0
_RESET_S = 0.001
_WAKE_UP_S = 0.005
_LOOK_S = 0.05
_CHECK_EVERY_S = 2.0
_WAKE_TRIES = 3
_ALERT_POLLS = 10
_LOOKS = 2
_TELL_EVERY_S = 60.0
_LONG_AGO = float("-inf")


class ResetLine(Protocol):
    """The wire to NRSTPD, which is active low: `off` resets the chip. A gpiozero OutputDevice fits."""

    def on(self) -> None:
        """Let the chip run."""
        ...

    def off(self) -> None:
        """Hold the chip in reset."""
        ...


class Mfrc522Reader:
    """Keeps the promises of `parts.Reader`. The first poll sets the chip up; opening it does not talk to it.

    `nap` waits for the chip, a few milliseconds at a time; `clock` gives seconds that never jump.
    """

    def __init__(
        self, chip: ReaderChip, reset: ResetLine | None, nap: Callable[[float], None], clock: Callable[[], float]
    ) -> None:
        self._chip = chip
        self._reset = reset
        self._nap = nap
        self._clock = clock
        self._check_at = _LONG_AGO
        self._empty_polls = _ALERT_POLLS
        self._is_set_up = False
        self.repairs = 0
        self._told_at = _LONG_AGO

    def poll(self) -> Sighting:
        """Look once, see `parts.Reader`. A chip found out of order is set up again and the look repeated, once.

        An empty field costs 8 transfers, a resting 7-byte card about 60. For ten polls after a card was seen silence is
        asked for three times and the chip's health once, so a weak card or a lost setting does not look like a removal.
        """
        try:
            if self._clock() >= self._check_at and not self._is_well():
                self._repair()
            sighting = self._look()
        except OSError as error:
            raise self._bus_failure(error) from error
        self._empty_polls = self._empty_polls + 1 if isinstance(sighting, NoCard) else 0
        return sighting

    def revive(self) -> None:
        """Pulse the reset line, if there is one, and set the chip up from nothing. Raises ReaderFailure."""
        self._pulse_reset()
        try:
            self._set_up()
        except OSError as error:
            raise self._bus_failure(error) from error

    def version(self) -> int | None:
        """See `parts.Reader`."""
        return self._chip.version

    def close(self) -> None:
        """Switch the field off and give the bus back. Idempotent, never raises."""
        try:
            self._chip.close()
        except OSError as error:
            log.debug("The reader's field could not be switched off: %s", error)

    def _look(self) -> Sighting:
        until = self._clock() + _LOOK_S
        alert = self._empty_polls < _ALERT_POLLS
        for _ in range(_LOOKS):
            try:
                sighting = look(self._chip.exchange, _WAKE_TRIES if alert else 1, lambda: self._clock() < until)
            except ChipOdd:
                self._repair()
                continue
            doubtful = isinstance(sighting, Mangled) or (alert and isinstance(sighting, NoCard))
            if not doubtful or self._is_well():
                return sighting
            self._repair()
        self._check_at = _LONG_AGO
        raise ReaderFailure("The card reader's chip loses its way again and again; look at its 3.3 V supply and wires")

    def _is_well(self) -> bool:
        self._check_at = self._clock() + _CHECK_EVERY_S
        return self._chip.is_well()

    def _repair(self) -> None:
        """Set the chip up again. The first time after opening it is no repair."""
        was_set_up = self._is_set_up
        self._set_up()
        self.repairs += was_set_up
        if was_set_up and self._clock() >= self._told_at + _TELL_EVERY_S:
            self._told_at = self._clock()
            log.warning("The reader's chip had lost its settings and was set up again; %d times so far", self.repairs)

    def _set_up(self) -> None:
        """Until it has worked, nothing about the chip is taken for granted."""
        self._check_at = _LONG_AGO
        self._chip.set_up()
        self._is_set_up = True
        self._check_at = self._clock() + _CHECK_EVERY_S

    def _pulse_reset(self) -> None:
        if self._reset is None:
            return
        try:
            self._reset.off()
            self._nap(_RESET_S)
            self._reset.on()
        except Exception as error:  # pin libraries raise whatever they like
            raise ReaderFailure(
                f"The card reader's reset line cannot be driven ({error}); look at [reader] reset_pin"
            ) from error
        self._nap(_WAKE_UP_S)

    def _bus_failure(self, error: OSError) -> ReaderFailure:
        self._check_at = _LONG_AGO
        return ReaderFailure(f"The card reader's SPI bus fails ({error}); look at its wires and at the kernel's log")


def open_reader(
    wiring: ReaderWiring,
    spidev: ModuleType,
    reset: ResetLine | None,
    nap: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = boottime,
) -> Mfrc522Reader:
    """Open the reader's SPI device. A chip that does not answer is told by `poll`, so that it can be revived.

    `spidev` is the module to open it with, on metal or emulated; `reset` is the claimed reset line, if it is wired.
    Raises PartMissing.
    """
    bus, number = wiring.spi_bus, wiring.spi_device
    device = f"/dev/spidev{bus}.{number}"
    spi = spidev.SpiDev()
    try:
        spi.open(bus, number)
        spi.max_speed_hz = _SPEED_HZ
        spi.mode = _MODE
    except FileNotFoundError as error:
        overlay = "dtparam=spi=on" if bus == 0 else f"dtoverlay=spi{bus}-{number + 1}cs"
        raise PartMissing(f"{device} is missing: put {overlay} into /boot/firmware/config.txt and reboot") from error
    except PermissionError as error:
        raise PartMissing(f"{device} may not be opened: add the station's user to the group spi and restart") from error
    except OSError as error:
        raise PartMissing(f"{device} cannot be opened ({error}): look at [reader] spi_bus and spi_device") from error
    return Mfrc522Reader(ReaderChip(spi, nap), reset, nap, clock)
