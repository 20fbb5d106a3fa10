"""The runtime directory: the control socket's place, and where lgpio makes its pipe."""

import os
from collections.abc import Iterator
from pathlib import Path

from agent.check.finding import Finding, failed, ok

PART = "folder"


def look(runtime: Path) -> Iterator[Finding]:
    """Where lgpio works: `$LG_WD` if somebody set it, else the runtime directory, which `run` makes."""
    given = os.environ.get("LG_WD", "")
    folder = Path(given or runtime)
    if not folder.exists() and not given:
        yield ok(PART, f"{folder} is made at the next start")
    elif not folder.is_dir():
        yield failed(PART, f"LG_WD={folder} is no folder, so lgpio cannot be loaded", "unset it, or make the folder")
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield failed(PART, f"{folder} cannot be written, so lgpio cannot be loaded", "look at its rights and its mount")
    else:
        yield ok(PART, f"{folder} can be written")
