"""Contacts to ground, pulled up by the Pi: vehicles in the slots, and the release contact (key switch, fire panel)."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from hardware.clock import boottime
from hardware.parts import ContactFailure
from hardware.pins import InputLine, LineFailure, Pins
from hardware.wiring import Wiring

RESTING_S = 0.1
"""Seconds between looks at a contact that rests."""
MOVING_S = 0.02
"""Seconds between looks at one that has just changed."""
VEHICLE_S = 0.5
"""How long a vehicle's contact has to show the same before it is believed: a vehicle is pushed in, not dropped in."""
RELEASE_S = 0.05
"""As `VEHICLE_S`, for the release contact: longer than a switch bounces or a spike on a long wire lasts."""
LONG_S = 60.0

logger = logging.getLogger(__name__)


class Contact:
    """One switch between a line and ground."""

    def __init__(self, line: InputLine) -> None:
        self._line = line

    def closed(self) -> bool:
        """Whether the switch is closed now. Raises ContactFailure."""
        try:
            return not self._line.high()
        except LineFailure as error:
            raise ContactFailure(f"{error}: look at its wire") from error

    def close(self) -> None:
        """Let go of its line. Idempotent."""
        self._line.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """The station's contacts, as far as it has any: vehicles by slot."""

    vehicles: Mapping[int, Contact] = field(default_factory=dict)
    release: Contact | None = None

    def close(self) -> None:
        """Let go of all lines. Idempotent."""
        for contact in (*self.vehicles.values(), *([self.release] if self.release else [])):
            contact.close()


def open_contacts(wiring: Wiring, pins: Pins) -> Contacts:
    """Claim the lines of every configured contact. Raises PartMissing."""
    return Contacts(
        vehicles={
            slot.number: Contact(pins.input(slot.presence_pin))
            for slot in wiring.slots
            if slot.presence_pin is not None
        },
        release=None if wiring.release_pin is None else Contact(pins.input(wiring.release_pin)),
    )


class _Watched:
    """A contact, and what was last believed of it."""

    def __init__(self, name: str, contact: Contact, steady_s: float, changed: Callable[[bool], None]) -> None:
        self._name = name
        self._contact = contact
        self._steady_s = steady_s
        self._changed = changed
        self._since: float | None = None
        self._unreadable = False
        self.closed = bool(self._look())

    def step(self, now: float) -> float:
        """Look once; gives the seconds until the next look."""
        closed = self._look()
        if closed is None or closed is self.closed:
            self._since = None
            return RESTING_S
        if self._since is None:
            self._since = now
        if now - self._since < self._steady_s:
            return MOVING_S
        self._since, self.closed = None, closed
        self._changed(closed)
        return RESTING_S

    def _look(self) -> bool | None:
        try:
            closed = self._contact.closed()
        except ContactFailure as error:
            if not self._unreadable:
                logger.warning("the contact of %s cannot be read: %s", self._name, error)
            self._unreadable = True
            return None
        self._unreadable = False
        return closed


class ContactWatch:
    """Looks at the contacts; one thread calls `step`. What cannot be read counts as it was."""

    def __init__(
        self,
        contacts: Contacts,
        moved: Callable[[int, bool], None],
        switched: Callable[[bool], None],
        clock: Callable[[], float] = boottime,
    ) -> None:
        """`step` calls `moved` with a slot and whether a vehicle is there, and `switched` with whether to let go."""
        self._clock = clock
        self._vehicles = {
            slot: _Watched(f"slot {slot}", contact, VEHICLE_S, partial(moved, slot))
            for slot, contact in contacts.vehicles.items()
        }
        self._release: _Watched | None = None
        if contacts.release is not None:
            self._release = _Watched("release", contacts.release, RELEASE_S, switched)

    def vehicles(self) -> Mapping[int, bool]:
        """Which slots a vehicle is in; slots without a contact are left out."""
        return {slot: watched.closed for slot, watched in self._vehicles.items()}

    def letting_go(self) -> bool:
        """Whether the release contact is closed."""
        return self._release is not None and self._release.closed

    def step(self) -> float:
        """Look at every contact; seconds until the next look."""
        now = self._clock()
        watched = [*self._vehicles.values(), *([self._release] if self._release else [])]
        return min((contact.step(now) for contact in watched), default=LONG_S)
