"""From what the reader sees to what people do: one tap for each time a card comes (contract section 6).

Pure: no clock, no chip. Whoever polls the reader hands over each sighting with its time.
"""

from dataclasses import dataclass, field

from hardware.parts import Mangled, NoCard, OneCard, SeveralCards, Sighting

_CLEAN_MISSES = 3
_ABSENT_S = 0.5
_TWO = 2
_MOST_CARDS = 16


@dataclass(frozen=True, slots=True)
class Tapped:
    """A card that was away has come."""

    uid: str


@dataclass(frozen=True, slots=True)
class Removed:
    """A card is away for good, tapped or not; it was last there at `last_seen`."""

    uid: str
    last_seen: float


@dataclass(frozen=True, slots=True)
class Several:
    """Two or more cards met in the field. Told once a meeting; none of its cards is taken."""


Presented = Tapped | Removed | Several


@dataclass(slots=True)
class _Stay:
    """How long something has been here and how often it was cleanly missed since."""

    last_seen: float
    misses: int = 0

    def seen(self, now: float) -> None:
        self.last_seen = now
        self.misses = 0

    def missed(self) -> None:
        self.misses += 1

    def is_over(self, now: float) -> bool:
        return self.misses >= _CLEAN_MISSES and now - self.last_seen >= _ABSENT_S


@dataclass(slots=True)
class _Meeting(_Stay):
    """Several cards at once, from their first sighting until they were cleanly not seen together for a while."""

    named: set[str] = field(default_factory=set)


class Presence:
    """Follows the cards in the field of one reader."""

    def __init__(self) -> None:
        self._here: dict[str, _Stay] = {}
        self._meeting: _Meeting | None = None
        self._starting = True

    def restart(self) -> None:
        """The reader has just come back: whatever card it sees first may have been there all along."""
        self._starting = True

    def see(self, sighting: Sighting, now: float) -> tuple[Presented, ...]:
        """What one poll at `now` (seconds, never going back) means.

        A mangled answer says that whatever was here still is. A card that shows up at the first clear sighting, or in a
        meeting, is here without having been tapped.
        """
        match sighting:
            case NoCard():
                presented = self._miss_all_but(None, now)
            case OneCard(uid):
                presented = (*self._miss_all_but(uid, now), *self._one(uid, now))
            case SeveralCards(uids):
                presented = self._several(uids, now)
            case Mangled():
                self._all_still_here(now)
                return ()
        self._starting = False
        return presented

    def _one(self, uid: str, now: float) -> tuple[Presented, ...]:
        if uid in self._here:
            self._here[uid].seen(now)
            return ()
        if len(self._here) >= _MOST_CARDS:
            return ()
        self._here[uid] = _Stay(now)
        return () if self._starting or self._meets_strangers() else (Tapped(uid),)

    def _meets_strangers(self) -> bool:
        """A meeting is not over and its cards were never all named: a card nobody knows is one of them."""
        return self._meeting is not None and len(self._meeting.named) < _TWO

    def _several(self, uids: frozenset[str], now: float) -> tuple[Presented, ...]:
        self._all_still_here(now)
        for uid in sorted(uids)[: _MOST_CARDS - len(self._here)]:
            self._here.setdefault(uid, _Stay(now))
        if self._meeting is not None:
            self._meeting.named |= uids if self._meets_strangers() else set()
            return ()
        self._meeting = _Meeting(now, named=set(uids))
        return (Several(),)

    def _all_still_here(self, now: float) -> None:
        for stay in self._stays():
            stay.seen(now)

    def _miss_all_but(self, uid: str | None, now: float) -> tuple[Presented, ...]:
        for stay in self._stays():
            if stay is not self._here.get(uid or ""):
                stay.missed()
        if self._meeting is not None and self._meeting.is_over(now):
            self._meeting = None
        over = {gone: stay for gone, stay in self._here.items() if stay.is_over(now)}
        for gone in over:
            del self._here[gone]
        return tuple(Removed(gone, stay.last_seen) for gone, stay in over.items())

    def _stays(self) -> list[_Stay]:
        return [*self._here.values(), *([self._meeting] if self._meeting else [])]
