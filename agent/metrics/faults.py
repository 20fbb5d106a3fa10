"""Faults as labels: the station's own by their code, those of the inbox as far as they can be told apart safely."""

import re
import threading
from collections.abc import Iterable, Mapping

from agent.metrics.catalogue import Labels
from agent.state import OWN_CODES, OWN_WARNINGS, Fault

OF_A_SLOT = frozenset({"LockFailed", "UnlockFailed", "LockForced", "SlotMismatch", "LockSensor"})
"""The others are about the station (contract section 7)."""
INBOX_CODES = 16
"""How many codes of the inbox are told apart: each costs a time series on the server for ever."""
OTHER = "other"
FITS = re.compile(r"[!-~][ -~]{0,63}")
LIKE_A_CARD = re.compile(r"(?:[0-9A-Fa-f]{2}[^0-9A-Za-z]?){4}")
"""Eight hex digits in a row, however they are spaced: a UID has that many at least."""


class Codes:
    """The codes that came from the inbox. Any thread."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def labels(self, fault: Fault) -> Labels:
        """The values of a fault's labels, in the order of `FAULT_LABELS`."""
        code = fault.code if fault.origin == "station" else self._name(fault.code)
        return labels(code, fault.slot, warning=fault.warning, origin=fault.origin)

    def _name(self, code: str) -> str:
        if not FITS.fullmatch(code) or LIKE_A_CARD.search(code):
            return OTHER
        with self._lock:
            if len(self._known) < INBOX_CODES:
                self._known.add(code)
            return code if code in self._known else OTHER


def labels(code: str, slot: int, *, warning: bool, origin: str) -> Labels:
    """The values of a fault's labels, in the order of `FAULT_LABELS`."""
    where = ("slot", str(slot)) if slot else ("station", "")
    return code, *where, "warning" if warning else "out-of-order", origin


def own_faults(slots: Iterable[int]) -> Mapping[Labels, float]:
    """Every fault that the station itself may raise, as not raised."""
    numbers = tuple(slots)
    return {
        labels(code, slot, warning=code in OWN_WARNINGS, origin="station"): 0.0
        for code in sorted(OWN_CODES)
        for slot in (numbers if code in OF_A_SLOT else (0,))
    }
