"""Everything a person can do to a simulated station: bring cards, take them away, break things and mend them."""

import contextlib
import difflib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from agent.clock import boottime
from agent.http.server import CannotListen
from agent.simulator.broker import SimulatedBrokerError
from hardware.emulated.world import World

HELD_MS = 300
CARD_LENGTHS = frozenset({8, 14, 20})

Switch = Callable[[bool], None]


class BadCard(ValueError):
    """This is no UID; the message says what one looks like."""


class CardLies(Exception):
    """A card that lies on the reader cannot be tapped; the message says so."""


class UnknownFault(LookupError):
    """There is no such fault; the message names one that there is."""


class FaultStays(Exception):
    """A fault could not be switched and is as it was; the message says why."""


class Hands:
    """The same acts for the terminal and for the JSON API, from any thread.

    `faults` are the switches beyond the world's own; all are off at first, also those that the world remembered.
    `tapping` is a folder in which cards stand that are taken away again: one that a kill left lying is taken away now.
    """

    def __init__(
        self,
        world: World,
        faults: Mapping[str, Switch],
        said: Callable[[str], None],
        tapping: Path,
        switched: Callable[[Mapping[str, bool]], None] = lambda _: None,
    ) -> None:
        """`switched` is told every fault and whether it is on, after each change."""
        self._world = world
        self._said = said
        self._switched = switched
        self._tapping = tapping
        self._switches: dict[str, Switch] = {name: self._world_switch(name) for name in world.fault_names}
        self._switches |= faults
        self._on: frozenset[str] = frozenset()
        self._switching = threading.Lock()
        self._lock = threading.Lock()
        self._taps: dict[str, tuple[threading.Timer, float]] = {}
        for name in world.fault_names:
            world.set_fault(name, False)
        for left in list(tapping.iterdir()):
            world.remove(left.name)
            self._forget(left.name)

    def tap(self, card: str, held_ms: int = HELD_MS) -> None:
        """Hold a card to the reader for `held_ms` milliseconds; one that is held there already stays for longer.

        Raises BadCard, CardLies, and WorldRefused when too many cards are there.
        """
        uid = uid_of(card)
        with self._lock:
            if uid in self._world.view().cards and uid not in self._taps:
                raise CardLies("This card lies on the reader: take it away first.")
            self._remember(uid)
            try:
                self._world.place(uid)
            except ValueError:
                self._forget(uid)
                raise
            self._hold_until(uid, boottime() + held_ms / 1000)

    def hold(self, card: str) -> None:
        """Lay a card on the reader until it is removed. Raises BadCard and WorldRefused."""
        uid = uid_of(card)
        with self._lock:
            self._world.place(uid)
            self._end_tap(uid)

    def remove(self, card: str) -> None:
        """Take a card away. Raises BadCard."""
        uid = uid_of(card)
        with self._lock:
            self._world.remove(uid)
            self._end_tap(uid)

    def drive(self, slot: int, there: bool) -> None:
        """Drive a vehicle into a slot, or out of it; it may be so already. Raises WorldRefused."""
        self._world.set_vehicle(slot, there)
        self._said(f"slot {slot}: a vehicle {'is there' if there else 'has gone'}")

    def _hold_until(self, uid: str, until: float) -> None:
        before, known = self._taps.get(uid, (None, 0.0))
        if before is not None:
            before.cancel()
        until = max(until, known)
        timer = threading.Timer(until - boottime(), lambda: self._over(uid, timer))
        timer.name, timer.daemon = f"tap-{uid[-4:]}", True
        self._taps[uid] = timer, until
        timer.start()

    def _over(self, uid: str, timer: threading.Timer) -> None:
        with self._lock:
            if self._taps.get(uid, (None, 0.0))[0] is timer:
                self._world.remove(uid)
                self._end_tap(uid)

    def _end_tap(self, uid: str) -> None:
        timer, _ = self._taps.pop(uid, (None, 0.0))
        if timer is not None:
            timer.cancel()
            self._forget(uid)

    def _remember(self, uid: str) -> None:
        # On a full disk a kill during this tap would leave the card lying, and that is all.
        with contextlib.suppress(OSError):
            (self._tapping / uid).touch()

    def _forget(self, uid: str) -> None:
        (self._tapping / uid).unlink(missing_ok=True)

    @property
    def faults(self) -> dict[str, bool]:
        """Every fault, and whether it is on."""
        return {name: name in self._on for name in self._switches}

    def set_fault(self, name: str, on: bool) -> None:
        """Break something, or mend it; it may be so already. Raises UnknownFault and FaultStays."""
        switch = self._switch(name)
        with self._switching:
            if on == (name in self._on):
                return
            try:
                switch(on)
            except (SimulatedBrokerError, CannotListen) as error:
                raise FaultStays(str(error)) from error
            self._on ^= {name}
            self._switched(self.faults)
        self._said(f"fault {name} is {'on' if on else 'off'}")

    def toggle_fault(self, name: str) -> None:
        """Break something, or mend it if it is broken. Raises UnknownFault and FaultStays."""
        self.set_fault(name, name not in self._on)

    def _switch(self, name: str) -> Switch:
        if name in self._switches:
            return self._switches[name]
        guess = difflib.get_close_matches(name[:40].lower(), self._switches, 1)
        hint = f"did you mean {guess[0]}?" if guess else f"there are {', '.join(self._switches)}."
        raise UnknownFault(f"There is no fault {name[:40]!r}; {hint}")

    def _world_switch(self, name: str) -> Switch:
        return lambda on: self._world.set_fault(name, on)

    def close(self) -> None:
        """End the taps under way; cards that lie on the reader stay there. Idempotent."""
        with self._lock:
            for uid in list(self._taps):
                self._world.remove(uid)
                self._end_tap(uid)


def uid_of(card: str) -> str:
    """A UID as the reader names it. Raises BadCard."""
    uid = card.strip().replace(":", "").upper()
    if len(uid) not in CARD_LENGTHS or any(digit not in "0123456789ABCDEF" for digit in uid):
        raise BadCard("This is no card's UID: give 4, 7 or 10 bytes in hex, such as 04A1B2C3D4E5F6.")
    if len(uid) == min(CARD_LENGTHS) and uid.startswith("88"):
        raise BadCard("This is no card's UID: one of 4 bytes never starts with 88, the cascade tag (ISO/IEC 14443-3).")
    return uid
