"""Every wire between the header and the station's parts, for a table, a drawing, and whoever looks for a fault."""

from collections.abc import Iterator
from dataclasses import dataclass

from hardware.header import GROUNDS, HEADER, PADS, SPI, Pad
from hardware.wiring import MotorWiring, SlotWiring, Wiring

READER = "reader"
LIGHTS = "lights"
RELEASE = "release"
POWER_3V3 = 17
"""The pad beside SPI0's."""
POWER_5V = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One wire. `whose` is a part ("reader", "slot 1"), `end` where on it; a line's `direction` is the Pi's own.

    `rest`: the level ("low", "high") while the station is free and nobody is there; empty for power. `claimed`: it is
    a line that the agent itself claims by number.
    """

    whose: str
    end: str
    pad: Pad
    direction: str
    rest: str = ""
    note: str = ""
    claimed: bool = True

    @property
    def label(self) -> str:
        """Which wire it is, in a few words."""
        return f"{self.whose}: {self.end}"


def wires_of(wiring: Wiring) -> tuple[Wire, ...]:
    """All wires, part by part; each part's ground is the nearest pad that no other part has."""
    lines = [*_reader(wiring), *_lights(wiring), *_release(wiring)]
    for slot in wiring.slots:
        lines += _slot(slot)
    parts = list(dict.fromkeys(wire.whose for wire in lines))
    grounds = dict(_grounds(parts, lines))
    return tuple(
        wire
        for part in parts
        for wire in (*(line for line in lines if line.whose == part), *([grounds[part]] if part in grounds else []))
    )


def slot_name(number: int) -> str:
    """A slot as a part."""
    return f"slot {number}"


def _line(whose: str, end: str, bcm: int, direction: str, rest: str, note: str = "", *, claimed: bool = True) -> Wire:
    return Wire(whose=whose, end=end, pad=PADS[bcm], direction=direction, rest=rest, note=note, claimed=claimed)


def _reader(wiring: Wiring) -> Iterator[Wire]:
    reader = wiring.reader
    bus = SPI[reader.spi_bus]
    name = f"spi{reader.spi_bus}"
    yield Wire(whose=READER, end="3V3", pad=HEADER[POWER_3V3 - 1], direction="power", note="never 5 V", claimed=False)
    yield _line(READER, "SDA", bus.selects[reader.spi_device], "out", "high", f"{name} chip select", claimed=False)
    yield _line(READER, "SCK", bus.sclk, "out", "low", f"{name} clock", claimed=False)
    yield _line(READER, "MOSI", bus.mosi, "out", "low", f"{name}, to the reader", claimed=False)
    yield _line(READER, "MISO", bus.miso, "in", "low", f"{name}, from the reader", claimed=False)
    yield _line(READER, "RST", reader.reset_pin, "out", "high", "low resets the chip")


def _lights(wiring: Wiring) -> Iterator[Wire]:
    if wiring.lights.kind == "none":
        return
    if wiring.lights.kind == "rgb":
        for light, pins in wiring.lights.rgb_pins.items():
            for colour, bcm in zip(("red", "green", "blue"), pins, strict=True):
                yield _line(LIGHTS, f"{light} {colour}", bcm, "out", "low", f"gate of {colour}'s MOSFET")
        return
    shifter = "for its level shifter alone"
    yield Wire(whose=LIGHTS, end="5V", pad=HEADER[POWER_5V - 1], direction="power", note=shifter, claimed=False)
    yield _line(LIGHTS, "DIN", wiring.lights.pin, "out", "low", "through a 5 V level shifter", claimed=False)


def _release(wiring: Wiring) -> Iterator[Wire]:
    if wiring.release_pin is not None:
        yield _line(RELEASE, "contact", wiring.release_pin, "in", "high", "closed opens every lock")


def _slot(slot: SlotWiring) -> Iterator[Wire]:
    whose, lock = slot_name(slot.number), slot.lock
    if isinstance(lock, MotorWiring):
        pulse = f"pulse of {lock.pulse_ms} ms"
        yield _line(whose, "motor lock", lock.lock_pin, "out", "low", pulse)
        yield _line(whose, "motor unlock", lock.unlock_pin, "out", "low", pulse)
    else:
        yield _line(whose, "lock", lock.pin, "out", "low", "gate of its MOSFET, pull-down")
    if lock.sensor_pin is not None:
        closed, rest = ("locked", "high") if lock.sensor_locked == "low" else ("unlocked", "low")
        yield _line(whose, "sensor", lock.sensor_pin, "in", rest, f"closed when {closed}")
    if slot.presence_pin is not None:
        yield _line(whose, "vehicle", slot.presence_pin, "in", "high", "closed when a vehicle is there")
    if slot.power_permit_pin is not None:
        yield _line(whose, "power permit", slot.power_permit_pin, "out", "low", "high only while charging")


def _grounds(parts: list[str], lines: list[Wire]) -> Iterator[tuple[str, Wire]]:
    free = list(GROUNDS)
    for part in parts[: len(free)]:
        beside = next(wire.pad.number for wire in reversed(lines) if wire.whose == part)
        pad = min(free, key=lambda pad: abs(pad.number - beside))
        free.remove(pad)
        yield part, Wire(whose=part, end="GND", pad=pad, direction="power", claimed=False)
