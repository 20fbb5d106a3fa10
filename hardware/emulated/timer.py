"""The MFRC522's timer unit (data sheet section 8.5): counts down from TReload at 13.56 MHz / (2 * TPrescaler + 1)."""

from collections.abc import Callable

from hardware.emulated.agenda import Agenda
from hardware.emulated.registers import Register

_CARRIER_HZ = 13.56e6
_T_AUTO = 0x80


class Timer:
    """Reads its settings from the chip's registers; calls `expired` when it has counted down to 0."""

    def __init__(self, registers: bytearray, agenda: Agenda, expired: Callable[[], None]) -> None:
        self._registers = registers
        self._agenda = agenda
        self._expired = expired
        self._started: float | None = None

    @property
    def automatic(self) -> bool:
        """TAuto: starts at the end of each transmission, stops with the fifth received bit."""
        return bool(self._registers[Register.T_MODE] & _T_AUTO)

    @property
    def running(self) -> bool:
        """TRunning."""
        return self._started is not None

    def start(self, at: float) -> None:
        """Count from TReload."""
        self._started = at
        self._agenda.plan("timer", at + (self._reload() + 1) / self._frequency(), self._run_out)

    def stop(self) -> None:
        """Stay where it is; nothing expires any more."""
        self._started = None
        self._agenda.cancel("timer")

    def value(self, now: float) -> int:
        """TCounterVal: what is left to count, 16 bits."""
        if self._started is None:
            return self._reload()
        return max(0, self._reload() - int((now - self._started) * self._frequency()))

    def _run_out(self, _at: float) -> None:
        self._started = None
        self._expired()

    def _reload(self) -> int:
        return self._registers[Register.T_RELOAD_H] << 8 | self._registers[Register.T_RELOAD_L]

    def _frequency(self) -> float:
        prescaler = (self._registers[Register.T_MODE] & 0x0F) << 8 | self._registers[Register.T_PRESCALER]
        return _CARRIER_HZ / (2 * prescaler + 1)
