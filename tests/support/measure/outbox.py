"""100,000 events that waited for the broker, and a journal with a million facts."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from support.bench import CARD, Bench
from support.measure.figures import Part, Plot, Scale, percentile, plain, spread
from support.measure.paho_alone import event
from support.measure.process import resident_mb
from support.measure.rig import PlainSupplier, broker, connected, idle, ready_s, scratch
from support.measure.taps import Taps
from support.mqtt import Mosquitto, eventually
from support.owing import tap

from agent.journal import Journal, Writing
from agent.state import Station
from hardware.emulated.world_server import WorldServer

RATE_RATIO, MEMORY_MB, SLOWER, OLD_RATIO = 0.7, 10.0, 1.5, 1.2
LOOK_S = 0.1
RUNS = 2
AWAY_S = 0.9
"""A card that was away for as long taps again, and no light flashes for the fourth time in a second."""
HOW = """{count} events are written into the journal by its own code, 100 a commit, as they are when the broker is
away. Then the agent starts, and after it the broker, with nobody subscribed. *paho alone* is the library in a
process of its own, QoS 1 and 20 in flight like the station, with the same messages in memory; each answer lets the
next one leave. Both run twice, in turns, and the better rate of each counts. Taps are the white light after a card,
on a station that drains and on one that rests. *A million facts*: {facts} rows in the history, 300 bytes each,
against an empty journal."""


@dataclass(frozen=True, slots=True)
class Drain:
    """Events a second, MB more than before, and seconds until the light of taps, before it and meanwhile."""

    rate: float
    more_mb: float
    quiet: list[float]
    busy: list[float]


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
    busy = [took for run in runs for took in run.busy]
    ratio = median(busy) / median([took for run in runs for took in run.quiet])
    part.at_least("drain rate against paho alone", max(rates) / max(alone), RATE_RATIO, "of its rate")
    part.at_most("more memory while it drains", max(run.more_mb for run in runs), MEMORY_MB, "MB")
    part.at_most("card-seen light while it drains, against at rest", ratio, SLOWER, "times (median)")
    part.says("drain rate", f"{both(rates)} events/s; paho alone {both(alone)}")
    worst = f"{1000 * percentile(busy, 1.0):.0f} ms"
    part.says("card-seen light while it drains", f"{spread([1000 * one for one in busy], 'ms')}, worst {worst}")
    bars = [("this station, from its journal", max(rates), True), ("paho alone, from memory", max(alone), False)]
    part.plots.append(Plot(file="drain.svg", title=f"{count} waiting events", unit="events a second", bars=bars))


def both(rates: Sequence[float]) -> str:
    """Each run's."""
    return " and ".join(plain(rate) for rate in rates)


def drain_once(bench: Bench, mosquitto: Mosquitto, count: int, taps: int) -> Drain:
    """So many events that waited for the broker."""
    fill(bench.folder / "state" / "journal.db", count)
    mosquitto.kill()
    with unconnected(bench):
        quiet = lit(bench, taps)
        before = resident_mb(bench.pid)
        mosquitto.start()
        rate, peak, busy = drain(bench, count, taps)
    return Drain(rate, peak - before, quiet, busy)


def fill(path: Path, count: int) -> None:
    """A journal in which so many events wait."""
    nothing = Station(slots={})
    with closing(Journal(path)) as journal:
        for number in range(count):
            messages = ((journal.new_id("messages"), event(number)),)
            journal.stage(Writing(fact=tap(), before=nothing, after=nothing, messages=messages))
            if number % 100 == 99:
                journal.commit()


@contextmanager
def unconnected(bench: Bench) -> Iterator[None]:
    """A running station whose broker is away; nobody else listens to that broker either."""
    with ExitStack() as life:
        life.enter_context(WorldServer(bench.world, bench.folder / "state" / "world.sock"))
        life.callback(bench.world.subscribe(bench._remember))
        bench.config = bench.folder / "station.toml"
        bench.config.write_text(bench._config(), encoding="utf-8")
        ready_s(bench)
        life.callback(bench.stop)
        yield


def lit(bench: Bench, taps: int, going_on: Callable[[], bool] = lambda: True) -> list[float]:
    """Seconds until the light, for some taps of which each may begin or end a session, as long as it goes on."""
    each = Taps(bench)
    took: list[float] = []
    while len(took) < taps and (going_on() or not took):
        took.append(each.tap(CARD))
        threading.Event().wait(AWAY_S)
        each.await_dark()
    return took


def drain(bench: Bench, count: int, taps: int) -> tuple[float, float, list[float]]:
    """Events a second, the highest memory in MB, and seconds until the light of taps meanwhile."""
    assert eventually(lambda: any("Connected to the broker" in line for line in list(bench.log)), 120)
    began, peak = time.monotonic(), 0.0
    with ThreadPoolExecutor(1, "tapper") as tapper:
        draining = True
        tapping = tapper.submit(lambda: lit(bench, taps, lambda: draining))
        while bench.owed()["broker"] > 0:
            peak = max(peak, resident_mb(bench.pid))
            threading.Event().wait(LOOK_S)
        took, draining = time.monotonic() - began, False
        return count / took, peak, tapping.result()


def paho_alone(mosquitto: Mosquitto, count: int) -> float:
    """Events a second."""
    command = [sys.executable, "-m", "support.measure.paho_alone", "--port", str(mosquitto.port), "--count", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return count / float(done.stdout)


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
        threading.Event().wait(AWAY_S)
        each.tap(CARD)
        each.released(1)
        bench.settled()
        threading.Event().wait(AWAY_S)
    return took
