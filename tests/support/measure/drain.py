"""Events that waited for the broker leave, and drivers tap meanwhile."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from support.bench import CARD, Bench
from support.measure.moments import looked, noted, noting, wait_s
from support.measure.paho_alone import event
from support.measure.process import resident_mb
from support.measure.rig import ready_s, wait
from support.measure.taps import Taps
from support.mqtt import Mosquitto, eventually
from support.owing import tap

from agent.journal import Journal, Writing
from agent.state import Station
from hardware.emulated.world_server import WorldServer

LOOK_S = 0.1
AWAY_S = 0.9
"""A card that was away for as long taps again, and no light flashes for the fourth time in a second."""


@dataclass(frozen=True, slots=True)
class Lit:
    """Taps until their white light, in seconds: `took` in all, `after` of it after the look that saw the card.

    `wait_s` is what a card waits for a look on average; what it was for so few taps is chance.
    """

    took: list[float]
    after: list[float]
    wait_s: float

    @property
    def light_s(self) -> float:
        """Seconds that a driver may expect."""
        return self.wait_s + median(self.after)


@dataclass(frozen=True, slots=True)
class Drain:
    """Events a second, MB more than before, and the light of taps, before it and meanwhile."""

    rate: float
    more_mb: float
    quiet: Lit
    busy: Lit


def all_of(runs: Sequence[Lit]) -> Lit:
    """The taps of some runs as one."""
    took = [one for run in runs for one in run.took]
    after = [one for run in runs for one in run.after]
    return Lit(took, after, sum(run.wait_s for run in runs) / len(runs))


def drain_once(bench: Bench, mosquitto: Mosquitto, count: int, taps: int) -> Drain:
    """So many events that waited for the broker."""
    fill(bench.folder / "state" / "journal.db", count)
    mosquitto.kill()
    file = bench.folder / "moments"
    bench.program = noting(file)
    with unconnected(bench):
        quiet = tapped(bench, taps)
        before = resident_mb(bench.pid)
        mosquitto.start()
        rate, peak, busy = drain(bench, count, taps)
    moments = noted(file, 0.0)
    return Drain(rate, peak - before, lit(quiet, moments), lit(busy, moments))


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


def tapped(bench: Bench, taps: int, going_on: Callable[[], bool] = lambda: True) -> list[tuple[float, float]]:
    """When the card came and when the light, for some taps of which each may begin or end a session."""
    each = Taps(bench)
    found: list[tuple[float, float]] = []
    while len(found) < taps and (going_on() or not found):
        took = each.tap(CARD)
        found.append((each.placed, each.placed + took))
        wait(AWAY_S)
        each.await_dark()
    return found


def lit(taps: Sequence[tuple[float, float]], moments: Sequence[tuple[float, str]]) -> Lit:
    """What these taps waited for, by the looks that the agent noted meanwhile."""
    began, ended = taps[0][0], taps[-1][1] + AWAY_S
    looks = [at for at, name in moments if name == "look" and began <= at <= ended]
    took = [light - placed for placed, light in taps]
    return Lit(took, [light - looked(placed, moments) for placed, light in taps], wait_s(looks))


def drain(bench: Bench, count: int, taps: int) -> tuple[float, float, list[tuple[float, float]]]:
    """Events a second, the highest memory in MB, and taps meanwhile."""
    assert eventually(lambda: any("Connected to the broker" in line for line in list(bench.log)), 120)
    began, peak = time.monotonic(), 0.0
    with ThreadPoolExecutor(1, "tapper") as tapper:
        draining = True
        tapping = tapper.submit(lambda: tapped(bench, taps, lambda: draining))
        while bench.owed()["broker"] > 0:
            peak = max(peak, resident_mb(bench.pid))
            wait(LOOK_S)
        took, draining = time.monotonic() - began, False
        return count / took, peak, tapping.result()


def paho_alone(mosquitto: Mosquitto, count: int) -> float:
    """Events a second."""
    command = [sys.executable, "-m", "support.measure.paho_alone", "--port", str(mosquitto.port), "--count", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return count / float(done.stdout)
