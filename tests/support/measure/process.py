"""A process as the kernel sees it: memory, processor time, threads, wake-ups and bytes (proc(5))."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a process has used so far; `wakes` and `names` by thread id. `written`: bytes for the disk or its cache.

    The kernel keeps 15 letters of a name.
    """

    cpu_s: float
    wakes: dict[int, int]
    names: dict[int, str]
    written: int


def resident_mb(pid: int) -> float:
    """Resident memory, MB (1,000,000 bytes)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 1e6


def threads(pid: int) -> int:
    """How many threads it has."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def cpu_s(pid: int) -> float:
    """Processor time, user and system, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def seen(pid: int) -> Seen:
    """Everything so far."""
    wakes, names = {}, {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            status = (task / "status").read_text().splitlines()
            wakes[int(task.name)] = int(next(line for line in status if line.startswith("voluntary")).split()[1])
            names[int(task.name)] = status[0].split(maxsplit=1)[1] if int(task.name) != pid else "main"
    written = next(line for line in Path(f"/proc/{pid}/io").read_text().splitlines() if line.startswith("write_bytes"))
    return Seen(cpu_s(pid), wakes, names, int(written.split()[1]))


def woken(before: Seen, after: Seen) -> int:
    """How often its threads slept and woke up in between."""
    return sum(count - before.wakes.get(task, 0) for task, count in after.wakes.items())
