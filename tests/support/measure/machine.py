"""What this was measured on: no name and no path of it."""

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path


def machine() -> str:
    """The machine in a sentence."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith(("model name", "Model"))
        ),
        platform.machine(),
    )
    memory = int(Path("/proc/meminfo").read_text(encoding="ascii").split()[1]) / 1e6
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    return (
        f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GB of memory, {platform.machine()}, {system}, Linux"
        f" {platform.release().partition('-')[0]}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version},"
        f" paho-mqtt {version('paho-mqtt')}, requests {version('requests')}, DBOS {version('dbos')}"
    )


def commit(clone: Path) -> str:
    """Which state of the station's code, short."""
    command = ["git", "-c", "safe.directory=*", "-C", str(clone), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
