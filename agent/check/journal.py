"""The journal and its disk. Nothing of it is changed."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agent.check.finding import Finding, failed, ok, warning
from agent.config.places import JOURNAL, UNWRITTEN
from agent.config.settings import Config
from agent.health import LOW_BYTES
from agent.journal import Journal, JournalError, Unwritten
from agent.rooms import restored
from agent.state import Phase, Slot, Station

PART = "journal"
DISK = "disk"
PROBE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the journal says. Without a `station`, nobody knows where the bolts belong, and none may be claimed.

    `newest`: the newest moment in it, Unix seconds.
    """

    findings: tuple[Finding, ...]
    station: Station | None = None
    newest: float = 0.0


def look(config: Config, runtime: Path) -> Remembered:
    """Read the journal, and see what its disk did not take."""
    numbers = [slot.number for slot in config.wiring.slots]
    path = config.station.state_dir / JOURNAL
    if _waits(runtime / UNWRITTEN):
        said = f"{runtime / UNWRITTEN} holds what the disk did not take"
        return Remembered((failed(PART, said, "make room and start the agent, which writes it down"),))
    try:
        if not path.exists() and not any(path.parent.glob(f"{JOURNAL}*")):
            free = Station(slots={number: Slot(number=number) for number in numbers})
            return Remembered((ok(PART, f"none yet: the first start makes {path}"),), free)
        with closing(Journal(path, read_only=True)) as journal:
            station = restored(journal, numbers)
            return Remembered(tuple(_read(journal, station)), station, journal.newest())
    except (JournalError, OSError) as error:
        unknown = Station(slots={number: Slot(number=number, phase=Phase.UNKNOWN) for number in numbers})
        mend = "at its next start the station keeps it aside and knows of no session"
        return Remembered((failed(PART, str(error).rstrip("."), mend),), unknown)


def _waits(path: Path) -> bool:
    if not path.exists():
        return False
    with closing(Unwritten(path)) as unwritten:
        return unwritten.record is not None


def _read(journal: Journal, station: Station) -> Iterator[Finding]:
    if journal.lost:
        yield warning(
            PART, f"the one before was lost ({journal.lost})", "look at each slot, then clear-fault JournalLost"
        )
    sessions = sum(1 for session in station.sessions.values() if not session.released)
    counts = journal.counts()
    yield ok(
        PART, f"sessions: {sessions}; owed: {counts['supplier']} to the supplier, {counts['broker']} to the broker"
    )
    if counts["refused"]:
        yield warning(PART, f"{counts['refused']} refused and set aside", "see `station-agent owed list`")


def look_at_disk(folder: Path) -> Iterator[Finding]:
    """Whether the journal's folder takes something, and how much is left."""
    if not folder.exists():
        return
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, PROBE_BYTES)
            os.fsync(file.fileno())
    except OSError as error:
        mend = "make room, or look at its rights, its mount and its card"
        yield failed(DISK, f"{folder} takes nothing ({error.strerror})", mend)
        return
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    said = f"{free // 1024 // 1024} MiB free for {folder}"
    yield warning(DISK, said, "make room before it is full") if free < LOW_BYTES else ok(DISK, said)
