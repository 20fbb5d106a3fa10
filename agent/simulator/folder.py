"""The folder in which a simulated station remembers itself. It is marked, so that nothing else is ever overwritten."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.folders import FolderError, held

MARK = "simulated-station"
MARK_SAYS = "Here `station-agent simulate` remembers a simulated station; `--fresh` deletes it.\n"
CONFIG = "station.toml"
WORLD_FILE = "world.json"
BOOKS = "supplier.json"
AGENT = "agent"
BROKER = "broker"
TAPPING = "tapping"
OURS = (CONFIG, WORLD_FILE, BOOKS, AGENT, BROKER, TAPPING)


@contextmanager
def opened(state: Path, *, fresh: bool) -> Iterator[None]:
    """Hold the folder for one simulation; `fresh` forgets what the simulated station remembered there.

    Raises FolderError, also for a folder that holds anything else.
    """
    with held(state, "another simulation"):
        try:
            _claim(state)
            if fresh:
                _forget(state)
            for name in (AGENT, BROKER, TAPPING):
                (state / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise FolderError(f"{state} cannot be written: {error.strerror}. Name another folder with --state.") from (
                error
            )
        yield


def _claim(state: Path) -> None:
    mark = state / MARK
    if mark.exists():
        return
    if any(state.iterdir()):
        raise FolderError(f"{state} is not a simulated station's folder: name another one with --state.")
    mark.write_text(MARK_SAYS, encoding="utf-8")


def _forget(state: Path) -> None:
    for path in (state / name for name in OURS):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
