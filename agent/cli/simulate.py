"""`station-agent simulate` and `simulate-supplier`: the only way into the simulator."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from agent.cli.errors import Failed
from agent.config.address import host_and_port, is_loopback
from agent.config.places import config_file as packaged
from agent.http.feed import Feed
from agent.http.server import CannotListen
from agent.simulator.broker import SimulatedBrokerError
from agent.simulator.folder import BOOKS
from agent.simulator.follower import AgentNotReady
from agent.simulator.keeper import simulate
from agent.simulator.supplier import BooksUnreadable
from agent.simulator.supplier_server import serve_supplier
from agent.simulator.telling import Telling
from hardware.emulated.world import WorldRefused

STATE = "station-agent-sim"
CANNOT = (AgentNotReady, BooksUnreadable, CannotListen, SimulatedBrokerError, WorldRefused)


def state_directory() -> Path:
    """`$XDG_STATE_HOME/station-agent-sim` (XDG Base Directory Specification: a relative one does not count).

    Raises Failed for a user without a home.
    """
    home = Path(os.environ.get("XDG_STATE_HOME", ""))
    if home.is_absolute():
        return home / STATE
    try:
        return Path.home() / ".local" / "state" / STATE
    except RuntimeError as error:
        raise Failed("There is no home to remember the simulated station in: name a folder with --state.") from error


def run_simulation(listen: str, config: Path | None, state: Path | None, *, fresh: bool, stop: threading.Event) -> None:
    """A whole station until `stop`. Raises click.UsageError, ConfigError, FolderError and Failed."""
    if not is_loopback(_host(listen)):
        raise click.UsageError(f"--listen {listen}: a simulated station listens on loopback only: try 127.0.0.1:8080")
    with _failing():
        simulate(
            config or packaged("simulated.toml"), listen, (state or state_directory()).absolute(), stop, fresh=fresh
        )


def run_supplier(listen: str, state: Path | None, slots: Sequence[int], stop: threading.Event) -> None:
    """Only the supplier, until `stop`. Raises click.UsageError and Failed."""
    _host(listen)
    with _failing():
        books = state / BOOKS if state else None
        told = Telling(Feed()).called
        serve_supplier(listen, books, slots, stop=stop, ready=lambda url: click.echo(f"ready {url}"), called=told)


def _host(listen: str) -> str:
    try:
        return host_and_port(listen)[0]
    except ValueError as error:
        raise click.UsageError(f"--listen: {error}") from error


@contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except CANNOT as error:
        raise Failed(str(error)) from error
