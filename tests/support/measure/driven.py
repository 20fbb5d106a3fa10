"""Taps of many cards on one station, a session each, and what their drivers waited for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from support.bench import Bench
from support.measure.rig import PlainSupplier, wait
from support.measure.taps import Taps

SLOTS = 4
BEFORE_LOCKED, BEFORE_OPEN = 2, 3
"""Calls that have to be answered first: the question and acquire; the question, end and pay."""
REST_S = 0.12
AWAY_S = 0.6
PAUSE_S = 0.36


@dataclass(slots=True)
class Waits:
    """Milliseconds of the taps at one supplier, until light, bolt home, confirmed lock and confirmed open one."""

    light: list[float] = field(default_factory=list)
    locked: list[float] = field(default_factory=list)
    confirmed: list[float] = field(default_factory=list)
    released: list[float] = field(default_factory=list)


class Driven:
    """Many cards, one session each: the card that came before ends its own while the next one's goes on.

    `starts`: when each card came, and when its slot was said to charge (CLOCK_BOOTTIME seconds).
    """

    def __init__(self, bench: Bench, supplier: PlainSupplier) -> None:
        self._bench = bench
        self._supplier = supplier
        self._taps = Taps(bench)
        self.starts: list[tuple[float, float]] = []

    def sessions(self, cards: Sequence[int]) -> Waits:
        """Two taps of each card."""
        waits = Waits()
        slots = dict[str, int]()
        for card, ends_now in order(cards):
            uid = f"04A1B2{card:08X}"
            self._supplier.slots[uid] = card % SLOTS + 1
            waits.light.append(1000 * self._taps.tap(uid, REST_S))
            if ends_now:
                slot = slots.pop(uid)
                released_s = self._taps.released(slot)
                waits.released.append(1000 * (released_s - self._supplier_s(BEFORE_OPEN)))
            else:
                took, slots[uid] = self._taps.locked(uid)
                self.starts.append((self._taps.placed, self._taps.placed + took))
                others_s = self._taps.travel_s(slots[uid]) + self._supplier_s(BEFORE_LOCKED)
                waits.locked.append(1000 * (self._taps.home(slots[uid]) - others_s))
                waits.confirmed.append(1000 * (took - others_s))
            self._taps.await_dark()
            wait(PAUSE_S - REST_S)
        return waits

    def _supplier_s(self, calls: int) -> float:
        """The supplier's own time of the first calls after the last tap; one without an answer has none."""
        since = sorted(own for own in self._supplier.own if own[0] > self._taps.placed)
        return sum(ended - began for began, ended in since[:calls])


def order(cards: Sequence[int]) -> Iterator[tuple[int, bool]]:
    """Each card and whether it ends its session, with other cards' taps in between: it has to be away meanwhile."""
    waiting: list[int] = []
    for card in cards:
        yield card, False
        waiting.append(card)
        if len(waiting) == SLOTS - 1:
            yield waiting.pop(0), True
    for card in waiting:
        wait(AWAY_S)
        yield card, True
