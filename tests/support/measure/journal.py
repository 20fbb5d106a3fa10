"""What a session costs the disk and the processor: the station, a DBOS workflow, and requests without any journal."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any, Self

import support.bench
from support.journal_bench import QUICK, Cost, cost, metered
from support.measure.figures import Part, Plot, Scale, Table, plain, spread
from support.measure.rig import PlainSupplier, broker, scratch
from support.mqtt import Mosquitto, eventually

FSYNCS, KIB, CPU_RATIO = 6, 128, 2.0
SD_CARD_S = 0.02
"""How long a sync takes an SD card: think milliseconds to tens (measured cards: docs/durability.md names the order)."""
MEANS = {"station": "this station", "dbos": "DBOS on SQLite", "plain": "requests, no journal"}
CALL = re.compile(r'(write|pwrite64|fsync|fdatasync)\(\d+<([^>]*)>(?:, ""\.*, (\d+))?')
HOW = """*The whole agent* is the real one on emulated chips under strace: {sessions} sessions, each until
everything is told and its marks of delivery are written; every fortieth brings the log home. The three others make
the same ten calls of a session (two questions, eight acts) against one quick supplier on this machine, each in a
process of its own, {walks} sessions after {warm}: *this station* is its road, journal, lanes and supplier without
reader, lights, bolts and broker; *DBOS* runs a workflow a tap with a step a call; *requests* writes nothing down.
Counted with strace; timed without it. *SD card*: every sync takes {sd:.0f} ms longer (strace injects it)."""


@dataclass(frozen=True, slots=True)
class Walked:
    """What some sessions of one means came to."""

    cpu_s: float
    took_s: Sequence[float]

    @property
    def cpu_ms(self) -> float:
        """Processor time a session."""
        return 1000 * self.cpu_s / len(self.took_s)


class Walker:
    """A process that makes sessions by one means; a context manager. `go` lets it, once."""

    def __init__(self, means: str, url: str, folder: Path, sessions: int) -> None:
        folder.mkdir()
        command = [sys.executable, "-m", "support.measure.steps", means, "--url", url, "--folder", str(folder)]
        self._process = subprocess.Popen(
            [*command, "--sessions", str(sessions)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        self._said()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def go(self) -> Walked:
        """All of its sessions."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return Walked(**{name: value for name, value in self._said().items() if name in Walked.__slots__})

    def _said(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said


@contextmanager
def traced(pid: int, folder: Path, *options: str) -> Iterator[Path]:
    """strace on a process; gives what it writes, complete after the `with` block."""
    told, errors = folder / f"strace-{pid}.txt", folder / f"strace-{pid}.log"
    command = ["strace", "-f", "-y", "-s", "0", *options, "-o", str(told), "-p", str(pid)]
    with errors.open("wb") as log:
        strace = subprocess.Popen(command, stderr=log)
    assert eventually(lambda: b"attached" in errors.read_bytes()), errors.read_text()
    try:
        yield told
    finally:
        strace.terminate()
        strace.wait()


def measure(scale: Scale) -> Part:
    """The whole agent, then the three means."""
    sessions, walks = scale.of(41, 1), scale.of(200, 5)
    part = Part(title="Journal", how=HOW.format(sessions=sessions, walks=walks, warm=3, sd=1000 * SD_CARD_S))
    with broker() as mosquitto, scratch() as folder:
        whole_agent(part, mosquitto, folder, sessions)
    with PlainSupplier() as supplier, scratch() as folder:
        three_means(part, supplier.url, folder, walks, scale.of(30, 2))
    return part


def whole_agent(part: Part, mosquitto: Mosquitto, folder: Path, sessions: int) -> None:
    """Syncs and bytes of whole sessions of the real agent."""
    program, support.bench.AGENT = support.bench.AGENT, QUICK + support.bench.AGENT
    try:
        with support.bench.Bench(folder / "bench", mosquitto) as bench, metered(bench, folder) as meter:
            bench.settled()
            each = []
            for _ in range(sessions):
                parts = (*cost(bench, meter, "session-started"), *cost(bench, meter, "session-ended"))
                each.append(sum(parts, start=Cost()))
    finally:
        support.bench.AGENT = program
    for name, unit, limit, values in (
        ("fsyncs a session, the whole agent", "", FSYNCS, [float(one.syncs) for one in each]),
        ("written a session, the whole agent", "KiB", KIB, [one.kib for one in each]),
    ):
        average = f"{plain(mean(values))} {unit}".strip()
        shown = f"{average} (most of them {plain(median(values))}, one {plain(max(values))})"
        part.at_most(name, mean(values), limit, unit, shown=shown)


def three_means(part: Part, url: str, folder: Path, walks: int, few: int) -> None:
    """Counts, times and processor time of the same calls by three means."""
    counts = {means: counted(means, url, folder, few) for means in MEANS}
    timed: dict[str, Walked] = {}
    for means in MEANS:
        with Walker(means, url, folder / f"{means}-timed", walks) as walker:
            timed[means] = walker.go()
    slow = {means: slowed(means, url, folder, few) for means in MEANS}
    ratio = timed["station"].cpu_ms / timed["plain"].cpu_ms
    part.at_most("CPU a session against requests without a journal", ratio, CPU_RATIO, "times")
    part.says("fsyncs a session against DBOS", f"{plain(counts['dbos'][0] / counts['station'][0])} times fewer")
    rows = []
    for means, name in MEANS.items():
        syncs, kib = counts[means]
        times = [1000 * took for took in timed[means].took_s]
        slow_times = [1000 * took for took in slow[means].took_s]
        cpu = f"{plain(timed[means].cpu_ms)} ms"
        rows.append([name, plain(syncs), plain(kib), cpu, spread(times, "ms"), spread(slow_times, "ms")])
    columns = ("a session", "fsyncs", "KiB written", "CPU", "time", "time on an SD card")
    part.tables.append(Table(columns=columns, rows=rows))
    bars = [(name, median(slow[means].took_s), means == "station") for means, name in MEANS.items()]
    part.plots.append(Plot(file="session.svg", title="One session, syncs as slow as an SD card's", unit="s", bars=bars))
    bars = [(name, counts[means][0], means == "station") for means, name in MEANS.items()]
    part.plots.append(Plot(file="fsyncs.svg", title="fsyncs of one session", unit="count", bars=bars, limit=FSYNCS))


def counted(means: str, url: str, folder: Path, sessions: int) -> tuple[float, float]:
    """Syncs and KiB a session, whatever file of its own they went to."""
    calls = "trace=write,pwrite64,fsync,fdatasync"
    place = folder / f"{means}-counted"
    with Walker(means, url, place, sessions) as walker:
        with traced(walker.pid, folder, "-e", calls) as told:
            walker.go()
        found = [call for call in CALL.findall(told.read_text()) if call[1].startswith(str(place))]
    syncs = sum(name.endswith("sync") for name, _, _ in found)
    return syncs / sessions, sum(int(size or 0) for _, _, size in found) / 1024 / sessions


def slowed(means: str, url: str, folder: Path, sessions: int) -> Walked:
    """The same with a disk whose syncs take long."""
    inject = f"inject=fsync,fdatasync:delay_exit={SD_CARD_S * 1e6:.0f}"
    with (
        Walker(means, url, folder / f"{means}-slow", sessions) as walker,
        traced(walker.pid, folder, "-e", "trace=fsync,fdatasync", "-e", inject),
    ):
        return walker.go()
