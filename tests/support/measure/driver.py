"""What a driver waits for: white light, locked slot, open slot; at a supplier that is quick, slow or dead."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from support.bench import Bench
from support.measure.figures import Part, Plot, Scale, Table, percentile, plain
from support.measure.rig import POLL_MS, PlainSupplier, broker, scratch, station
from support.measure.taps import Taps

LIGHT_MS, OWN_MS = 100.0, 15.0
TRAVEL_MS = 50.0
"""How long an emulated bolt travels."""
SLOW_S, WAIT_S = 0.2, 0.3
SLOTS = 4
BEFORE_LOCKED, BEFORE_OPEN = 2, 3
"""Calls that have to be answered first: the question and acquire; the question, end and pay."""
REST_S = 0.12
AWAY_S = 0.6
PAUSE_S = 0.36
HOW = """{taps} taps in all at random moments of the reader's poll ({poll} ms), on the emulated chip of the real
agent with {slots} slots, half of them starts and half ends. *Card seen* is the time from a card entering the field
to the first white frame on the strip. *Locked* is the time to the confirmed lock, *released* that to the confirmed
open one; the station's *own share* is what remains without the supplier's own time and the bolt's travel of
{travel:.0f} ms. *Dead*: the supplier takes connections and never answers; its drivers are known here and start
without it (`offline_start`, `driver_wait_s` {wait})."""


@dataclass(slots=True)
class Waits:
    """Milliseconds of the taps at one supplier."""

    light: list[float] = field(default_factory=list)
    locked: list[float] = field(default_factory=list)
    released: list[float] = field(default_factory=list)


def measure(scale: Scale) -> Part:
    """Taps at each of the three."""
    counts = {"instant": scale.of(200, 4), "200 ms": scale.of(150, 3), "dead": scale.of(150, 3)}
    taps = 2 * sum(counts.values())
    how = HOW.format(taps=taps, poll=POLL_MS, slots=SLOTS, travel=TRAVEL_MS, wait=WAIT_S)
    part = Part(title="Driver", how=how)
    found = {}
    with broker() as mosquitto, scratch() as folder, PlainSupplier() as supplier:
        options = {"driver_wait_s": WAIT_S, "offline_start": "known-cards"}
        with station(folder / "bench", mosquitto, supplier, SLOTS, **options) as bench:
            driven = Driven(bench, supplier)
            found["instant"] = driven.sessions(range(counts["instant"]))
            supplier.hangs.set()
            found["dead"] = driven.sessions(range(counts["dead"]))
            supplier.hangs.clear()
            supplier.goes_on.set()
            bench.kill()
    with broker() as mosquitto, scratch() as folder, PlainSupplier() as supplier:
        supplier.delay_s = SLOW_S
        with station(folder / "bench", mosquitto, supplier, SLOTS) as bench:
            found["200 ms"] = Driven(bench, supplier).sessions(range(counts["200 ms"]))
    tell(part, {name: found[name] for name in counts})
    return part


class Driven:
    """Many cards, one session each: the card that came before ends its own while the next one's goes on."""

    def __init__(self, bench: Bench, supplier: PlainSupplier) -> None:
        self._bench = bench
        self._supplier = supplier
        self._taps = Taps(bench)

    def sessions(self, cards: Sequence[int]) -> Waits:
        """Two taps of each card."""
        waits = Waits()
        calls, spent = self._supplier.calls, self._supplier.spent_s
        starts, ends, slots = list[float](), list[float](), dict[str, int]()
        for card, ends_now in order(cards):
            uid = f"04A1B2{card:08X}"
            self._supplier.slots[uid] = card % SLOTS + 1
            waits.light.append(1000 * self._taps.tap(uid, REST_S))
            if ends_now:
                ends.append(1000 * self._taps.released(slots.pop(uid)))
            else:
                took, slots[uid] = self._taps.locked(uid)
                starts.append(1000 * took)
            self._taps.await_dark()
            threading.Event().wait(PAUSE_S - REST_S)
        calls, spent = self._supplier.calls - calls, self._supplier.spent_s - spent
        answer_ms = 1000 * spent / calls if calls else 0.0
        waits.locked = [took - TRAVEL_MS - BEFORE_LOCKED * answer_ms for took in starts]
        waits.released = [took - TRAVEL_MS - BEFORE_OPEN * answer_ms for took in ends]
        return waits


def order(cards: Sequence[int]) -> Iterator[tuple[int, bool]]:
    """Each card and whether it ends its session, with other cards' taps in between: it has to be away meanwhile."""
    waiting: list[int] = []
    for card in cards:
        yield card, False
        waiting.append(card)
        if len(waiting) == SLOTS - 1:
            yield waiting.pop(0), True
    for card in waiting:
        threading.Event().wait(AWAY_S)
        yield card, True


def tell(part: Part, found: dict[str, Waits]) -> None:
    """Figures, table and plot."""
    every = [took for waits in found.values() for took in waits.light]
    for name, waits in found.items():
        part.at_most(f"card seen, p99, supplier {name}", percentile(waits.light, 0.99), LIGHT_MS, "ms")
    own = percentile(found["instant"].locked, 0.99)
    part.at_most("own share of tap to locked, p99, a whole poll in it", own, POLL_MS + OWN_MS, "ms")
    rows = [row(f"card seen, supplier {name}", waits.light) for name, waits in found.items()]
    rows.append(row("card seen, all of them", every))
    for name in ("instant", "200 ms"):
        rows.append(row(f"own share of tap to locked, supplier {name}", found[name].locked))
        rows.append(row(f"own share of tap to released, supplier {name}", found[name].released))
    part.tables.append(Table(columns=("ms", "taps", "p50", "p99", "max"), rows=rows))
    bars = [
        (f"p{share:.0%}"[:-1] + f", {name}", percentile(waits.light, share), True)
        for name, waits in found.items()
        for share in (0.5, 0.99)
    ]
    part.plots.append(Plot(file="light.svg", title="Card seen, by supplier", unit="ms", bars=bars, limit=LIGHT_MS))


def row(name: str, values: Sequence[float]) -> list[str]:
    """Percentiles of one kind."""
    return [name, str(len(values)), *(plain(percentile(values, share)) for share in (0.5, 0.99, 1.0))]
