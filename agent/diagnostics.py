"""How the station is, for whoever has to find out from afar: no secret, no card in clear."""

import platform
import sqlite3
import sys
import threading
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from agent.clock import boottime
from agent.config.places import JOURNAL
from agent.config.settings import Config
from agent.heartbeats import Hearts
from agent.journal import Journal
from agent.logs import last_lines
from agent.version import VERSION
from agent.watch import BoltWatch, ReaderWatch

LIBRARIES = ("gpiozero", "lgpio", "mfrc522", "rpi-ws281x", "paho-mqtt", "requests", "msgspec")
SELF = Path("/proc/self")
PAGE_BYTES = 4096


class Diagnostics:
    """Collects it; `found` runs in main."""

    def __init__(self, config: Config, journal: Journal, reader: ReaderWatch, bolts: BoltWatch, hearts: Hearts) -> None:
        self._config = config
        self._journal = journal
        self._reader = reader
        self._bolts = bolts
        self._hearts = hearts
        self._began = boottime()

    def found(self, status: Mapping[str, Any]) -> dict[str, Any]:
        """Everything; `status` is the whole station in the shape of contract section 4."""
        return {
            "status": msgspec.to_builtins(status),
            "versions": versions(),
            "process": {
                "seconds": round(boottime() - self._began, 1),
                "residentBytes": resident_bytes(),
                "threads": sorted(thread.name for thread in threading.enumerate()),
                "heartbeats": heartbeats(self._hearts),
            },
            "config": msgspec.to_builtins(self._config, enc_hook=str),
            "journal": self._in_journal(),
            "reader": {"polls": self._reader.polls, "failures": self._reader.failures},
            "locks": [
                {"slotNumber": slot, "moves": self._bolts.moves[slot], "byItself": self._bolts.by_itself[slot]}
                for slot in sorted(each.number for each in self._config.wiring.slots)
            ],
            "log": last_lines(),
        }

    def _in_journal(self) -> dict[str, Any]:
        path = self._config.station.state_dir / JOURNAL
        parts = [path, path.with_name(f"{path.name}-wal")]
        return {
            **msgspec.to_builtins(self._journal.tally),
            "bytes": sum(part.stat().st_size for part in parts if part.exists()),
            "away": self._journal.away,
        }


def heartbeats(hearts: Hearts) -> dict[str, dict[str, float]]:
    """By thread: the seconds since its last beat and in its present step, and how often a fresh one took its place."""
    beat, busy, replaced = hearts.seconds(), hearts.busy(), hearts.replaced()
    return {
        name: {"seconds": round(beat[name], 1), "busy": round(busy.get(name, 0.0), 1), "replaced": replaced[name]}
        for name in sorted(beat)
    }


def versions() -> dict[str, str]:
    """What runs here."""
    found = {"station-agent": VERSION, "python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "not installed"
    return {**found, "system": f"{sys.platform} {platform.release()} {platform.machine()}"}


def resident_bytes() -> int:
    """The memory that this process holds (proc(5), statm)."""
    return int((SELF / "statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES
