"""`station-agent lights`: the process that puts frames on a ws281x strip, as root."""

import faulthandler
import signal
import sys
from pathlib import Path
from types import FrameType

import click

from agent import logs
from agent.notify import notify
from hardware.parts import PartMissing, Strip
from hardware.strips.door import listen_at, users_of
from hardware.strips.server import LightsServer
from hardware.strips.ws281x import Ws281xStrip, load_ws281x


def open_strip(pin: int, pixels: int) -> Strip:
    """A library that does not load is the asking agent's to hear, so it is loaded only now. Raises PartMissing."""
    return Ws281xStrip(load_ws281x(), pin, pixels)


def run_lights(path: Path, user: str, *, child: bool) -> int:
    """Serve a strip at `path` until SIGTERM or SIGINT; gives the exit status.

    As a `child`, say when it listens on standard output, and end when standard input does. A process of root loads
    nothing of the agent that it does not need, so its errors are told here.
    """
    faulthandler.enable()
    logs.set_up()
    try:
        listener = listen_at(path, user)
    except PartMissing as error:
        click.echo(f"station-agent: {error}", err=True)
        return 1
    server = LightsServer(listener, users_of(user), open_strip)

    def handler(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  signal's own signature
        server.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)
    if child:
        server.end_with(sys.stdin.fileno())
        click.echo("ready")
    notify("READY=1")
    server.run()
    return 0
