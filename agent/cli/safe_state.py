"""`station-agent safe-state`: what systemd does to the lines when the agent is gone."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from agent.clock import boottime
from agent.config import load
from agent.config.places import WORLD
from agent.folders import FolderError, FolderTaken, held
from hardware.board import make_safe

LOOK_S = 0.05
"""Seconds between looks whether an agent has ended: it may be gone for two seconds only."""


def make_station_safe(config_file: Path, *, let_go: bool, wait_s: float) -> None:
    """Make the lines safe, unless an agent has them for longer than `wait_s`. Raises ConfigError and PartMissing."""
    config = load(config_file)
    folder = config.station.state_dir
    try:
        with ExitStack() as life:
            life.enter_context(alone(folder, wait_s))
            # lgpio wants a folder to write in, and the agent's may be gone.
            runtime = Path(life.enter_context(TemporaryDirectory(prefix="station-agent-")))
            for line in make_safe(config.wiring, world=folder / WORLD, runtime=runtime, everything=let_go):
                click.echo(line)
    except FolderTaken as error:
        click.echo(f"Its lines are left alone. {error}")


@contextmanager
def alone(folder: Path, wait_s: float) -> Iterator[None]:
    """No agent runs inside the `with` block, as far as its folder can tell. Raises FolderTaken."""
    until, never = boottime() + wait_s, threading.Event()
    with ExitStack() as life:
        while True:
            try:
                if folder.exists():
                    life.enter_context(held(folder, "an agent"))
                break
            except FolderTaken:
                if boottime() >= until:
                    raise
                never.wait(LOOK_S)
            except (FolderError, OSError) as error:
                # A broken disk is no reason to leave a motor on; the lines of an agent that runs are busy anyway.
                click.echo(f"Whether an agent runs cannot be told. {error}", err=True)
                break
        yield
