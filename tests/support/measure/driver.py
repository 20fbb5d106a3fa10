"""What a driver waits for: white light, locked slot, open slot; at a supplier that is quick, slow or dead."""

from collections.abc import Sequence

from support.measure import moments
from support.measure.driven import SLOTS, Driven, Waits
from support.measure.figures import Part, Plot, Scale, Table, percentile, plain
from support.measure.rig import POLL_MS, PlainSupplier, broker, scratch, station

LIGHT_MS, OWN_MS = 100.0, 15.0
SLOW_S, WAIT_S = 0.2, 0.3
HOW = """{taps} taps in all at random moments of the reader's poll ({poll} ms), on the emulated chip of the real
agent with {slots} slots, half of them starts and half ends. *Card seen* is the time from a card entering the field
to the first white frame on the strip. *Locked* is the time until the bolt is home, *confirmed* that until the station
has seen it there, written it down and told of it; *released* is the time until it has done so with an open bolt. The
station's *own share* is what remains without the supplier's own time, from a call's first line to the answer's last,
and the bolt's travel to its lock (an opening one shows at once that it has left). *Dead*: the supplier takes
connections and never answers; its drivers are known here and start without it (`offline_start`, `driver_wait_s`
{wait})."""
WHY = """The steps say what a tap has beyond the wait for a look of the reader, of which the worst is a whole poll: the
card is read in frames of 106 kbit/s with naps between them, both calls are the HTTP library's and this machine's
threads, each commit is a sync of the disk, and the supplier's own time is in these steps. The median tap comes amid a
wait."""


def measure(scale: Scale) -> Part:
    """Taps at each of the three."""
    counts = {"instant": scale.of(300, 4), "200 ms": scale.of(150, 3), "dead": scale.of(150, 3)}
    taps = 2 * sum(counts.values())
    how = HOW.format(taps=taps, poll=POLL_MS, slots=SLOTS, wait=WAIT_S)
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
    part.tables.append(moments.starts(scale.of(40, 3)))
    part.notes.append(WHY)
    return part


def tell(part: Part, found: dict[str, Waits]) -> None:
    """Figures, table and plot."""
    every = [took for waits in found.values() for took in waits.light]
    for name, waits in found.items():
        part.at_most(f"card seen, p99, supplier {name}", percentile(waits.light, 0.99), LIGHT_MS, "ms")
    for name, share in (("median", 0.5), ("p99", 0.99)):
        own = percentile(found["instant"].locked, share)
        part.at_most(f"own share of tap to locked, {name}, the wait for a poll in it", own, POLL_MS + OWN_MS, "ms")
    rows = [row(f"card seen, supplier {name}", waits.light) for name, waits in found.items()]
    rows.append(row("card seen, all of them", every))
    for name in ("instant", "200 ms"):
        rows.append(row(f"own share of tap to locked, supplier {name}", found[name].locked))
        rows.append(row(f"own share of tap to confirmed, supplier {name}", found[name].confirmed))
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
