"""Syncs and bytes that a start and an end cost the disk, as the kernel sees them: scripts/bench-journal."""

import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import support.bench
from support.bench import Bench
from support.mqtt import Mosquitto, eventually

SESSIONS = 50
MARKS_S = 2.0
"""When marks of delivery are written here: by themselves as after the real 5 s, in less than half the time."""
REST_S = MARKS_S + 0.5
IDLE_S = 10.0
QUICK = f"import agent.journal; agent.journal.FLUSH_S = {MARKS_S}\n"
CALLS = "write,pwrite64,fsync,fdatasync"
CALL = re.compile(r'(write|pwrite64|fsync|fdatasync)\(\d+<([^>]*)>(?:, ""\.*, (\d+))?')
"""One call as strace tells it when it begins, with the file's path and the bytes it writes."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What went to the journal's log and its file: syncs of either, and bytes of each."""

    syncs: int = 0
    log: int = 0
    file: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.syncs + other.syncs, self.log + other.log, self.file + other.file)

    @property
    def kib(self) -> float:
        """All bytes, KiB."""
        return (self.log + self.file) / 1024


def cost_of(trace: str) -> Cost:
    """What these lines of strace come to, as far as they are about the journal."""
    syncs = log = file = 0
    for name, path, size in CALL.findall(trace):
        if path.endswith(("journal.db", "journal.db-wal")):
            syncs += name.endswith("sync")
            log += int(size or 0) if path.endswith("-wal") else 0
            file += int(size or 0) if path.endswith(".db") else 0
    return Cost(syncs, log, file)


class Meter:
    """strace on a running agent; `read` tells what went to the journal since the last time."""

    def __init__(self, pid: int, folder: Path) -> None:
        self._told = folder / "strace.txt"
        self._errors = folder / "strace.log"
        self._at = 0
        command = ["strace", "-f", "-y", "-s", "0", "-e", f"trace={CALLS}", "-o", str(self._told), "-p", str(pid)]
        with self._errors.open("wb") as errors:
            self._strace = subprocess.Popen(command, stderr=errors)
        if not eventually(lambda: b"attached" in self._errors.read_bytes() or self._strace.poll() is not None):
            self.close()
        if self._strace.poll() is not None:
            raise SystemExit(f"strace cannot attach, run this as root: {self._errors.read_text()}")

    def read(self) -> Cost:
        """Since the last call."""
        with self._told.open(encoding="utf-8") as trace:
            trace.seek(self._at)
            lines = trace.read()
            self._at = trace.tell()
        return cost_of(lines)

    def close(self) -> None:
        self._strace.terminate()
        self._strace.wait()


@contextmanager
def metered(bench: Bench, folder: Path) -> Iterator[Meter]:
    """The agent of this bench, watched."""
    meter = Meter(bench.pid, folder)
    try:
        yield meter
    finally:
        meter.close()


def rest(seconds: float = REST_S) -> None:
    """Let time go by."""
    threading.Event().wait(seconds)


def cost(bench: Bench, meter: Meter, event: str) -> tuple[Cost, Cost]:
    """What one tap costs until everything is told, and what its marks cost afterwards."""
    meter.read()
    told = len(bench.events(event))
    bench.tap()
    bench.wait(lambda: len(bench.events(event)) > told)
    bench.settled()
    own = meter.read()
    rest()
    return own, meter.read()


def table(name: str, costs: Sequence[tuple[Cost, Cost]]) -> Iterator[str]:
    """Three lines: its own, its marks, and both."""
    kinds: tuple[tuple[str, Callable[[tuple[Cost, Cost]], Cost]], ...] = (
        ("", lambda each: each[0]),
        ("its marks", lambda each: each[1]),
        ("with marks", lambda each: each[0] + each[1]),
    )
    for kind, chosen in kinds:
        found = [chosen(each) for each in costs]
        yield (
            f"{f'{name} {kind}':<17}{mean(c.syncs for c in found):8.2f}{max(c.syncs for c in found):5}"
            f"{mean(c.kib for c in found):9.1f}{max(c.kib for c in found):7.1f}"
            f"{mean(c.log for c in found) / 1024:9.1f}{mean(c.file for c in found) / 1024:12.1f}"
        )


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def main(sessions: int = SESSIONS) -> None:
    """Print the figures."""
    support.bench.AGENT = QUICK + support.bench.AGENT
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mosquitto = Mosquitto(folder).start()
        try:
            with Bench(folder / "bench", mosquitto) as bench, metered(bench, folder) as meter:
                bench.settled()
                rest()
                costs = [
                    (cost(bench, meter, "session-started"), cost(bench, meter, "session-ended"))
                    for _ in range(sessions)
                ]
                rest(IDLE_S)
                idle = meter.read()
        finally:
            mosquitto.kill()
    say(f"{sessions} sessions      fsyncs  max      KiB    max     -wal  journal.db")
    for line in (*table("start", [start for start, _ in costs]), *table("end", [end for _, end in costs])):
        say(line)
    say(f"{IDLE_S:.0f} s at rest{idle.syncs:13}{idle.kib:17.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
