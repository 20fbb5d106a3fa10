"""Where the files that belong to the station are: its own, in a clone and installed, and those in `state_dir`."""

import sysconfig
from pathlib import Path

CLONE = Path(__file__).parent.parent.parent / "config"

CREDENTIALS = Path("/etc/station-agent/credentials")
"""Where the installer keeps what systemd hands over to the service."""
JOURNAL = "journal.db"
"""The journal, in `state_dir`."""
UNWRITTEN = "unwritten"
"""What the journal's disk did not take, in the runtime directory."""
WORLD = "world.sock"
"""Where a simulated station's world listens, in `state_dir`."""


def config_file(name: str) -> Path:
    """The file `config/{name}`: of the clone that runs (or is installed editable), else of the installed wheel.

    Raises FileNotFoundError, naming both places.
    """
    installed = Path(sysconfig.get_path("data"), "share", "station-agent")
    for place in (CLONE, installed):
        if (place / name).is_file():
            return place / name
    raise FileNotFoundError(f"{name} is neither in {CLONE} nor in {installed}: install the station again")
