"""The agent as a process: start, memory, threads, wake-ups, and what it does while nothing happens."""

import subprocess
import sys
from pathlib import Path
from statistics import median

from support.bench import Bench
from support.measure.figures import Part, Plot, Scale, Table, plain, spread
from support.measure.process import resident_mb, seen, threads, woken
from support.measure.rig import Drivers, PlainSupplier, broker, connected, ready_s, scratch, station, wait

READY_S, RESIDENT_MB, GROWTH_MB = 1.0, 45.0, 1.0
BUSY_SLOTS = 7
SELDOM = 0.05
"""Wake-ups a second below which a thread is not listed."""
WARM = 2000
"""Sessions after which the allocators' pools have seen their busiest moments."""
HOW = """The real agent with two slots on emulated chips, a mosquitto and a supplier. *At rest*: connected, nobody
there, 20 polls of the reader a second. The memory is what proc(5) calls resident, shared libraries counted whole;
MB are 1,000,000 bytes. The sessions are tapped from afar (`remote_cards`) into seven slots, so that {sessions} of
them pass through the whole agent in minutes, after {warm} that fill the allocators' pools. *An idle hour* is that of
another such station, which stands there beside everything else that is measured; its bytes are those that the
kernel counts as written for its process. Wake-ups and CPU at rest are counted over {rest} s."""


def measure(scale: Scale) -> Part:
    """Start, rest and many sessions."""
    rest_s = scale.of(180, 5)
    sessions = scale.of(10_000, 40)
    shown = f"{sessions:,}".replace(",", " ")
    part = Part(title="Body", how=HOW.format(sessions=shown, warm=scale.of(WARM, 10), rest=rest_s))
    with (
        broker() as mosquitto,
        scratch() as folder,
        PlainSupplier() as supplier,
        station(folder / "bench", mosquitto, supplier) as bench,
    ):
        starts(part, bench, scale.of(15, 2))
        at_rest(part, bench, rest_s)
    imports(part)
    with broker() as mosquitto, scratch() as folder:
        many(part, mosquitto.port, folder, mosquitto, sessions, scale)
    return part


def starts(part: Part, bench: Bench, count: int) -> None:
    """From exec to READY=1, the journal and the world being there."""
    took = []
    for _ in range(count):
        bench.stop()
        took.append(ready_s(bench))
    shown = spread(took, "s")
    part.at_most("start to READY", median(took), READY_S, "s", shown=shown)
    connected(bench)


def at_rest(part: Part, bench: Bench, seconds: float) -> None:
    """Nobody is there."""
    bench.settled()
    wait(5.0)
    part.at_most("resident memory at rest", resident_mb(bench.pid), RESIDENT_MB, "MB")
    before = seen(bench.pid)
    wait(seconds)
    after = seen(bench.pid)
    part.says("threads", str(threads(bench.pid)))
    part.says("wake-ups per second at rest", plain(woken(before, after) / seconds))
    part.says("CPU at rest", f"{100 * (after.cpu_s - before.cpu_s) / seconds:.2g} % of one core")
    rates = {thread: (count - before.wakes.get(thread, 0)) / seconds for thread, count in after.wakes.items()}
    busiest = sorted(rates, key=lambda thread: rates[thread], reverse=True)
    rows = [[after.names[thread], plain(rates[thread])] for thread in busiest if rates[thread] >= SELDOM]
    part.tables.append(Table(columns=("thread", "wake-ups a second"), rows=rows))


def imports(part: Part) -> None:
    """Modules that the daemon has imported before it opens anything."""
    code = "import sys; import agent.cli.run; print(len(sys.modules), sum(n.startswith('agent') for n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules, own = done.stdout.split()
    part.says("modules imported", f"{modules}, {own} of them the agent's")


def many(part: Part, port: int, folder: Path, mosquitto: object, sessions: int, scale: Scale) -> None:
    """Memory over many sessions."""
    warm = scale.of(WARM, 10)
    with (
        Drivers(port, BUSY_SLOTS) as drivers,
        PlainSupplier(drivers.cards) as supplier,
        station(folder / "busy", mosquitto, supplier, BUSY_SLOTS, remote_cards="true") as bench,  # type: ignore[arg-type]
    ):
        drivers.sessions(warm)
        sizes = [settled_mb(bench)]
        before = seen(bench.pid)
        for _ in range(5):
            drivers.sessions(sessions // 5)
            sizes.append(settled_mb(bench))
        cpu_ms = 1000 * (seen(bench.pid).cpu_s - before.cpu_s) / sessions
    part.at_most(f"growth over {sessions} sessions", sizes[-1] - sizes[0], GROWTH_MB, "MB")
    part.says("CPU a session, everything counted", f"{plain(cpu_ms)} ms")
    bars = [(f"after {warm + number * (sessions // 5)}", size, True) for number, size in enumerate(sizes)]
    part.plots.append(Plot(file="memory.svg", title="Resident memory over sessions, seven slots", unit="MB", bars=bars))


def settled_mb(bench: Bench) -> float:
    """Once everything is told."""
    bench.settled()
    return resident_mb(bench.pid)
