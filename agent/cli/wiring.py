"""`station-agent wiring`: the pin table and the 40-pin header, as the config says."""

from collections.abc import Iterator
from pathlib import Path

import click

from agent.cli.errors import Failed
from agent.config import load
from agent.drawing import svg, terminal
from hardware.harness import Wire, wires_of

GROUND = "GND is one net: a part without a GND pin of its own shares any other's."


def show_wiring(config_file: Path, drawing: str) -> None:
    """Print the wiring; or, with `drawing`, write it as SVG to that file ("-": standard output).

    Raises ConfigError and Failed.
    """
    config = load(config_file)
    wires = wires_of(config.wiring)
    if not drawing:
        click.echo("\n".join(text(config.station.id, wires)))
        return
    try:
        with click.open_file(drawing, "w", encoding="utf-8") as file:
            file.write("\n".join(svg.drawn(config.station.id, wires)) + "\n")
    except OSError as error:
        raise Failed(f"{drawing} cannot be written: {error.strerror}; name another file.") from error


def text(station: str, wires: tuple[Wire, ...]) -> Iterator[str]:
    """The table, and the header below it."""
    yield f"station {station}"
    yield ""
    yield from terminal.table(wires)
    yield GROUND
    yield ""
    yield from terminal.header(wires)
