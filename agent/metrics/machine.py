"""What the station stands on: the reader, the locks, the journal and its disk, as figures."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from agent.health import THERMAL, free_bytes, hottest
from agent.journal import Journal
from agent.metrics.catalogue import (
    ATTEMPTS,
    BY_ITSELF,
    COMMITS,
    FREE,
    JOURNAL,
    LOCK_FAILURES,
    MOVES,
    POLLS,
    READER_FAILURES,
    REPAIRS,
    RESETS,
    TEMPERATURE,
    WRITTEN,
    Found,
    Labels,
    Metric,
)
from agent.watch import BoltWatch, ReaderWatch
from hardware.lock_keeper import LockKeeper

IO = Path("/proc/self/io")


def reader_so_far(reader: ReaderWatch) -> Iterator[Found]:
    """Polls, and what was done about those that failed."""
    yield _one(POLLS, reader.polls)
    yield _one(READER_FAILURES, reader.failures)
    yield _one(RESETS, reader.revivals)
    yield _one(REPAIRS, reader.repairs)


def locks_so_far(slots: Iterable[int], keeper: LockKeeper, bolts: BoltWatch) -> Iterator[Found]:
    """What the bolts did."""
    counts = {
        MOVES: bolts.moves,
        ATTEMPTS: keeper.attempts,
        LOCK_FAILURES: keeper.failures,
        BY_ITSELF: bolts.by_itself,
    }
    numbers = tuple(slots)
    for metric, count in counts.items():
        yield Found(metric, {(str(slot),): count[slot] for slot in numbers})


def disk_now(journal: Journal, path: Path, io: Path = IO, thermal: Path = THERMAL) -> Iterator[Found]:
    """The journal at `path`, its disk, and the processor's temperature; what cannot be told is left out."""
    done, refused = journal.commits
    yield Found(COMMITS, {("done",): done, ("refused",): refused})
    yield Found(JOURNAL, _sizes({"main": path, "log": path.with_name(f"{path.name}-wal")}))
    yield _one(WRITTEN, written_bytes(io))
    yield _one(FREE, free_bytes(path.parent))
    yield _one(TEMPERATURE, hottest(thermal))


def _one(metric: Metric, value: float | None) -> Found:
    return Found(metric, {} if value is None else {(): value})


def _sizes(files: Mapping[str, Path]) -> Mapping[Labels, float]:
    sizes: dict[Labels, float] = {}
    for name, file in files.items():
        try:
            sizes[(name,)] = float(file.stat().st_size)
        except OSError:  # there is no log after it was brought home, and no file on a disk that is gone
            continue
    return sizes


def written_bytes(io: Path) -> int | None:
    """What this process has had a disk write (proc(5), io: write_bytes); None if the kernel does not tell."""
    try:
        lines = io.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.partition(":")[2]) for line in lines if line.startswith("write_bytes:")), None)
