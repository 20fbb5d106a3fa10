"""The board: whether it can be what the config wants, and what else is on its header."""

from collections.abc import Iterator

from agent.check.finding import Finding, failed, ok, warning
from agent.check.machine import Machine
from agent.check.overlays import audio_is_on, taken
from hardware.harness import Wire, wires_of
from hardware.header import ID_EEPROM, PULLED_UP_AT_BOOT
from hardware.models import MODEL, board_model, lights_fit
from hardware.wiring import Wiring

PART = "board"
PWM_LINES = (12, 13, 18, 19)


def look(wiring: Wiring, machine: Machine) -> Iterator[Finding]:
    """The model, then every clash between boot settings and config."""
    model = board_model(machine.at(str(MODEL)))
    unfit = lights_fit(model, wiring.lights.kind)
    if unfit:
        yield failed(PART, unfit)
    elif model.startswith("Raspberry Pi"):
        yield ok(PART, model)
    else:
        name = f"is a {model}" if model else "says no model"
        yield warning(PART, f"{name}, so it is taken for a Raspberry Pi", "compare its header with `wiring`")
    wires = [wire for wire in wires_of(wiring) if wire.pad.bcm is not None]
    yield from _clashes(wires, machine.boot_settings())
    yield from _moved_at_boot(wires)
    if wiring.lights.kind == "ws281x" and wiring.lights.pin in PWM_LINES and audio_is_on(machine.boot_settings()):
        yield warning(PART, "sound and the strip need the same PWM", "set dtparam=audio=off in config.txt and reboot")


def _clashes(wires: list[Wire], settings: tuple[str, ...]) -> Iterator[Finding]:
    claimed = {wire.pad.bcm: wire for wire in wires if wire.claimed}
    for setting, lines in taken(settings):
        for line in lines:
            if line in claimed:
                wire = claimed[line]
                mend = "take it out and reboot, or wire another pin"
                yield warning(PART, f"{setting} in config.txt takes {wire.pad.name} of {wire.label}", mend)


def _moved_at_boot(wires: list[Wire]) -> Iterator[Finding]:
    for wire in wires:
        if wire.pad.bcm in ID_EEPROM:
            yield warning(
                PART, f"{wire.pad.name} of {wire.label} is used at boot to look for a HAT", "wire another pin"
            )
        elif wire.claimed and wire.direction == "out" and wire.rest == "low" and wire.pad.bcm in PULLED_UP_AT_BOOT:
            said = f"{wire.pad.name} of {wire.label} is pulled high while the Pi boots"
            yield warning(PART, said, "wire one of GPIO9 to GPIO27, so that nothing moves by itself")
