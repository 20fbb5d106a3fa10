"""100,000 events that waited for the broker, and a journal with a million facts."""

import sqlite3
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median

from support.bench import CARD, Bench
from support.measure.drain import AWAY_S, Drain, Lit, all_of, drain_once, paho_alone
from support.measure.figures import Part, Plot, Scale, percentile, plain, spread
from support.measure.rig import PlainSupplier, broker, connected, idle, ready_s, scratch, wait
from support.measure.taps import Taps

from agent.journal import Journal

RATE_RATIO, MEMORY_MB, SLOWER, OLD_RATIO = 0.7, 10.0, 1.5, 1.2
RUNS = 3
HOW = """{count} events are written into the journal by its own code, 100 a commit, as they are when the broker is
away. Then the agent starts, and after it the broker, with nobody subscribed. *paho alone* is the library in a
process of its own, QoS 1 and 20 in flight like the station, with the same messages in memory; each answer lets the
next one leave. Both run three times, in turns, and the best rate of each counts. The light is the white one after a
card, on a station that drains and on one that rests: the mean wait for a look of the reader, by all its looks, and the
median of what each of the taps took after the look that saw its card. *A million facts*: {facts} rows in the history,
300 bytes each, against an empty journal."""


def measure(scale: Scale) -> Part:
    """Drain, then age."""
    count, facts = scale.of(100_000, 5_000), scale.of(1_000_000, 100_000)
    how = HOW.format(count=f"{count:,}".replace(",", " "), facts=f"{facts:,}".replace(",", " "))
    part = Part(title="Outbox", how=how)
    drained(part, count, scale.of(20, 3))
    aged(part, facts, scale.of(9, 3))
    return part


def drained(part: Part, count: int, taps: int) -> None:
    """How fast everything leaves once the broker is back, and what that costs memory and drivers."""
    alone, runs = list[float](), list[Drain]()
    with broker() as mosquitto, scratch() as folder, PlainSupplier() as supplier:
        for run in range(RUNS):
            alone.append(paho_alone(mosquitto, count))
            runs.append(drain_once(idle(folder / f"bench-{run}", mosquitto, supplier), mosquitto, count, taps))
    rates = [run.rate for run in runs]
    quiet, busy = all_of([run.quiet for run in runs]), all_of([run.busy for run in runs])
    part.at_least("drain rate against paho alone", max(rates) / max(alone), RATE_RATIO, "of its rate")
    part.at_most("more memory while it drains", max(run.more_mb for run in runs), MEMORY_MB, "MB")
    part.at_most("card-seen light while it drains, against at rest", busy.light_s / quiet.light_s, SLOWER, "times")
    part.says("drain rate", f"{each(rates)} events/s; paho alone {each(alone)}")
    part.says("card-seen light while it drains", waited(busy))
    part.says("card-seen light at rest", waited(quiet))
    bars = [("this station, from its journal", max(rates), True), ("paho alone, from memory", max(alone), False)]
    part.plots.append(Plot(file="drain.svg", title=f"{count} waiting events", unit="events a second", bars=bars))


def each(rates: Sequence[float]) -> str:
    """Each run's."""
    return ", ".join(plain(rate) for rate in rates)


def waited(lit: Lit) -> str:
    """What a driver waited for."""
    after = spread([1000 * one for one in lit.after], "ms")
    worst = f"the worst of {len(lit.took)} taps {plain(1000 * percentile(lit.took, 1.0))} ms"
    return f"{plain(1000 * lit.light_s)} ms: {plain(1000 * lit.wait_s)} until a look, {after} after it; {worst}"


def aged(part: Part, facts: int, starts: int) -> None:
    """Start-up and a tap with a long history, against none."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    with broker() as mosquitto, scratch() as folder, PlainSupplier() as supplier, ExitStack() as life:
        benches = {}
        for name, rows in (("empty", 0), ("old", facts)):
            bench = idle(folder / name, mosquitto, supplier)
            bench.station = "ST-42" if name == "empty" else "ST-43"
            remember(bench.folder / "state" / "journal.db", rows)
            benches[name] = life.enter_context(bench)
            found[name] = ([], [])
        for _ in range(starts):  # in turns, so that whatever else the machine does falls on both
            for name, bench in benches.items():
                bench.stop()
                found[name][0].append(ready_s(bench))
                connected(bench)
        for name, bench in benches.items():
            found[name][1].extend(locked(bench, starts))
    (empty_start, empty_tap), (old_start, old_tap) = found["empty"], found["old"]
    shown = f"{spread(old_start, 's')} against {spread(empty_start, 's')}"
    ratio = median(old_start) / median(empty_start)
    name = f"start-up with {facts} facts, against none"
    part.at_most(name, ratio, OLD_RATIO, "times", shown=f"{plain(ratio)} times: {shown}")
    ratio = median(old_tap) / median(empty_tap)
    shown = f"{plain(ratio)} times: {spread([1000 * one for one in old_tap], 'ms')}"
    part.at_most("tap to locked with them, once the card is seen, against none", ratio, OLD_RATIO, "times", shown=shown)


def remember(path: Path, rows: int) -> None:
    """A journal with a long history."""
    Journal(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(
            "INSERT INTO history (wall, kind, fact) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
            " WHERE i < ?) SELECT ?, 'CardTapped', zeroblob(240) FROM n WHERE ? > 0",
            (rows, time.time() - 3600, rows),
        )
        db.commit()


def locked(bench: Bench, taps: int) -> list[float]:
    """Seconds from the light that says a card was seen to its locked slot, sessions ended in between."""
    each = Taps(bench)
    took = []
    for _ in range(taps):
        seen_s = each.tap(CARD)
        took.append(each.locked(CARD)[0] - seen_s)
        bench.settled()
        wait(AWAY_S)
        each.tap(CARD)
        each.released(1)
        bench.settled()
        wait(AWAY_S)
    return took
