"""No power while a bolt may move: ties a slot's power permit to its lock."""

import logging
from collections.abc import Callable

from hardware.parts import LockFailure, Permit

OFF_S = 0.5
"""Seconds that the power permit has been off before a bolt is driven open (contract section 6)."""

logger = logging.getLogger(__name__)


class Interlock:
    """Drives one slot's power permit, and knows since when it has been off. Without a permit there is no wait."""

    def __init__(self, slot: int, permit: Permit | None, clock: Callable[[], float]) -> None:
        """A permit that is off counts as withdrawn just now: nobody knows who did it."""
        self._slot = slot
        self._permit = permit
        self._clock = clock
        self._off_since = clock()
        self._failing = False

    @property
    def on(self) -> bool:
        """Whether power may be on, for all one knows."""
        return self._permit is not None and self._permit.granted is not False

    def open_in_s(self) -> float:
        """Withdraw the permit; seconds until the bolt may be driven open. Raises LockFailure if power may be on."""
        if self._permit is None:
            return 0.0
        self._drive(self._permit, granted=False)
        return max(0.0, self._off_since + OFF_S - self._clock())

    def follow(self, *, granted: bool) -> bool:
        """Put the permit where it belongs; False if the line does not obey, which is logged once."""
        if self._permit is None:
            return True
        try:
            self._drive(self._permit, granted=granted)
        except LockFailure as error:
            if not self._failing:
                logger.critical("slot %d: %s", self._slot, error)
            self._failing = True
            return False
        self._failing = False
        return True

    def _drive(self, permit: Permit, *, granted: bool) -> None:
        if permit.granted is granted:
            return
        permit.grant(granted)
        if not granted:
            self._off_since = self._clock()
