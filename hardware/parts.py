"""The promises of the station's parts, and the errors they raise.

A part is passive: it never starts a thread, never waits longer than it says here, and is used by one thread only.
Whoever owns it gives it the time. Every driver, on metal or on the emulated chips, keeps these promises.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class HardwareError(Exception):
    """A part does not do what it should; the message says which and what to do next."""


class PartMissing(HardwareError):
    """A part cannot be opened: wrong pins, a missing device or missing rights. Nothing was claimed."""


class ReaderFailure(HardwareError):
    """The card reader does not answer as its data sheet says; revive it."""


class LightsFailure(HardwareError):
    """The lights took no frame; show it again later."""


class LockFailure(HardwareError):
    """A lock's line could not be driven or its sensor not be read."""


class ContactFailure(HardwareError):
    """A contact cannot be read."""


class Position(StrEnum):
    """Where a bolt is, or should be."""

    LOCKED = "locked"
    UNLOCKED = "unlocked"


@dataclass(frozen=True, slots=True)
class NoCard:
    """The field is empty: every request timed out cleanly."""


@dataclass(frozen=True, slots=True)
class OneCard:
    """Exactly one card answered. `uid` is its whole UID in upper-case hex: 4, 7 or 10 bytes, no check byte."""

    uid: str


@dataclass(frozen=True, slots=True)
class SeveralCards:
    """Two or more cards answered (ISO/IEC 14443-3 collision). `uids` are those that could be told apart."""

    uids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Mangled:
    """Something answered, but not cleanly: noise, a card on the edge of the field or being torn away."""


Sighting = NoCard | OneCard | SeveralCards | Mangled


class Reader(Protocol):
    """Sees the cards in the field (ISO/IEC 14443-3 type A)."""

    def poll(self) -> Sighting:
        """Look once, at most 100 ms. A resting card is seen by every poll. Raises ReaderFailure."""
        ...

    def revive(self) -> None:
        """Reset and initialise the chip anew, at most 200 ms. Raises ReaderFailure if it still does not answer."""
        ...

    @property
    def repairs(self) -> int:
        """How often the chip had lost its settings and was set up again, since it was opened."""
        ...

    def version(self) -> int | None:
        """What the chip last said it is (VersionReg, data sheet section 9.3.4.8); None before it said anything."""
        ...

    def close(self) -> None:
        """Switch the field off and give the bus back. Idempotent, never raises."""
        ...


class Permit(Protocol):
    """Lets a slot's power electronics switch on."""

    @property
    def granted(self) -> bool | None:
        """Whether power may be on; None after a `grant` that failed."""
        ...

    def grant(self, granted: bool) -> None:
        """Let power be on, or forbid it, at once. Raises LockFailure."""
        ...


class Lock(Protocol):
    """Moves one slot's bolt, and protects its own coil or motor whatever is asked of it.

    Something may be under way for a while after `drive` (a motor's pulse, a coil's pull-in); whoever owns the lock
    ends it in time by calling `tend`. A bolt is not judged by its sensor before that is over.
    """

    @property
    def permit(self) -> Permit | None:
        """The power permit of the lock's slot, if it has one."""
        ...

    @property
    def kick_s(self) -> float:
        """Seconds to drive a stuck bolt the other way before the next attempt; 0 if that would not help."""
        ...

    def stays(self, position: Position) -> bool:
        """Whether a bolt that is there stays there with its lines as they are; False if nobody knows how those are."""
        ...

    def drive(self, position: Position) -> None:
        """Make one attempt to move the bolt there. Starts the move and returns at once.

        Raises LockFailure; before `ready_s` has passed it does so without driving anything.
        """
        ...

    def ready_s(self, position: Position) -> float:
        """Seconds until it may be driven there: coil or motor rest between two drives. Never wait to let go."""
        ...

    def tend(self) -> float | None:
        """End what `drive` began, once it is due; seconds until then, None if nothing is under way.

        Raises LockFailure if it cannot be ended: call again soon.
        """
        ...

    def settle_s(self, position: Position) -> float:
        """Seconds one attempt may take before it counts as failed (or, without a sensor, as done).

        Whatever `drive` began is over by then.
        """
        ...

    def seen(self) -> Position | None:
        """Where the sensor shows the bolt; None without a sensor. Raises LockFailure."""
        ...

    def halt(self) -> None:
        """End what `drive` began now, without letting the bolt go. Never raises."""
        ...

    def close(self) -> None:
        """Halt, and leave the bolt as it is: a held solenoid stays held. Idempotent, never raises."""
        ...


Rgb = tuple[int, int, int]


class Strip(Protocol):
    """Where frames go."""

    def show(self, frame: Sequence[Rgb]) -> None:
        """Put one colour per pixel on the strip, each channel 0-255, brightness applied.

        Pixels beyond the frame are dark. Raises LightsFailure, also for more colours than there are pixels.
        """
        ...

    def close(self) -> None:
        """Go dark and let go. Idempotent, never raises."""
        ...
