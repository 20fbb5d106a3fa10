"""The GPIO lines: whether the chip can be opened, and who else holds a line."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from agent.check.finding import Finding, failed, ok
from agent.check.machine import Machine
from hardware.harness import wires_of
from hardware.parts import PartMissing
from hardware.pins import named, open_pins
from hardware.wiring import Wiring

PART = "pins"


def look(wiring: Wiring, machine: Machine, folder: Path) -> Iterator[Finding]:
    """Every line that is in use; `folder` is one that lgpio may write in. Claims nothing."""
    wires = [wire for wire in wires_of(wiring) if wire.claimed]
    try:
        with closing(open_pins(runtime=folder)) as pins:
            users = {wire: pins.user_of(wire.pad.bcm) for wire in wires if wire.pad.bcm is not None}
    except PartMissing as error:
        yield failed(PART, str(error))
        return
    busy = {wire: user for wire, user in users.items() if user}
    holders = ", ".join(machine.gpio_users()) if busy else ""
    who = f"; GPIO lines are open in {holders}" if holders else ""
    for wire, user in busy.items():
        said = f"{wire.pad.name} of {wire.label} (pin {wire.pad.number}) is in use by {named(user)}{who}"
        yield failed(PART, said, "stop that program, or wire another pin")
    if not busy:
        yield ok(PART, f"{len(wires)} lines are free to be claimed")
