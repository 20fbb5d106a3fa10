"""Syncs and bytes that a start and an end cost the disk, as the kernel sees them: scripts/bench journal."""

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.bench import Bench
from support.mqtt import eventually

MARKS_S = 2.0
"""When marks of delivery are written here: by themselves as after the real 5 s, in less than half the time."""
REST_S = MARKS_S + 0.5
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
