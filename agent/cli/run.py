"""`station-agent run`: the daemon."""

import faulthandler
import logging
import os
from pathlib import Path

from agent import logs
from agent.config import load
from agent.config.credentials import with_credentials
from agent.config.insecure import open_lines
from agent.config.places import WORLD
from agent.config.settings import Config
from agent.control import SOCKET
from agent.daemon import run
from agent.folders import FolderError, held
from hardware.parts import PartMissing

RUNTIME = "run"

log = logging.getLogger(__name__)


def runtime_directory(state_dir: Path) -> Path:
    """systemd's first `$RUNTIME_DIRECTORY`, else a folder beside the journal."""
    given = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(given) if given else state_dir / RUNTIME


def run_station(config_file: Path) -> int:
    """Run until SIGTERM or SIGINT; gives the exit status. Raises the errors of what it opens."""
    faulthandler.enable()
    logs.set_up()
    config = with_credentials(load(config_file))
    need_world(config)
    for warning in open_lines(config):
        log.warning("%s", warning)
    with held(config.station.state_dir, "another agent"):
        runtime = runtime_directory(config.station.state_dir)
        make_runtime(runtime, config.station.state_dir / RUNTIME)
        return run(config, runtime)


def make_runtime(runtime: Path, beside: Path) -> None:
    """Make the folder; one elsewhere can be found `beside` the journal too. Raises FolderError.

    systemd tells only the service itself where `$RUNTIME_DIRECTORY` is, and `status` is typed into a person's shell.
    """
    try:
        if runtime == beside and beside.is_symlink():
            beside.unlink()
        runtime.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise FolderError(f"The folder {runtime} cannot be made: {error.strerror}. Check its rights.") from error
    try:
        lead(beside, runtime)
    except OSError as error:
        log.warning("commands will not find %s, as %s cannot lead there: %s", runtime, beside, error.strerror)


def lead(beside: Path, runtime: Path) -> None:
    """Make `beside` a link to `runtime`, in the place of an older link or of an empty folder. Raises OSError."""
    if beside.resolve() == runtime.resolve():
        return
    if beside.is_dir() and not beside.is_symlink():
        (beside / SOCKET).unlink(missing_ok=True)
        beside.rmdir()
    beside.unlink(missing_ok=True)
    beside.symlink_to(runtime.absolute())


def need_world(config: Config) -> None:
    """A simulated station lives in a world; without one, nothing is made or opened. Raises PartMissing."""
    world = config.station.state_dir / WORLD
    if config.wiring.kind == "simulated" and not os.path.exists(world):  # noqa: PTH110  Path.exists may raise
        raise PartMissing(f"no world is served at {world}: start one with `station-agent simulate`")
