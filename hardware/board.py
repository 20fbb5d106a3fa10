"""From wiring to parts: opens what the station touches, by name, and closes it in reverse."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from hardware.chips import Chips, PiChips
from hardware.contacts import Contacts, open_contacts
from hardware.late import LateReader, LateStrip
from hardware.lights import names_of
from hardware.locks import open_lock
from hardware.parts import LightsFailure, Lock, PartMissing, Position, Reader, Strip
from hardware.pins import Pins, RgbLed
from hardware.safe_state import end_pulses, let_go
from hardware.strips.none import NoStrip
from hardware.strips.pio import PioStrip
from hardware.strips.rgb import RgbStrip
from hardware.wiring import Wiring


class Board:
    """The station's parts, each in use by one thread at a time."""

    def __init__(
        self, reader: Reader, locks: Mapping[int, Lock], contacts: Contacts, strip: Strip, life: ExitStack
    ) -> None:
        self.reader = reader
        self.locks = locks
        self.contacts = contacts
        self.strip = strip
        self._life = life

    def close(self) -> None:
        """Close every part in reverse order; bolts stay where they are. Idempotent."""
        self._life.close()


def open_board(
    wiring: Wiring,
    positions: Mapping[int, Position],
    *,
    world: Path | None,
    lost: Callable[[], None],
    runtime: Path | None = None,
    lights_process: Sequence[str] = (),
    permitted: frozenset[int] = frozenset(),
) -> Board:
    """Open every part; a slot's lock is claimed where `positions` (by slot) says, so that a held bolt stays held.

    `permitted` are the slots whose session charges: their power permit stays on if the bolt is locked.
    `wiring.kind` picks the chips: the Pi's own, or emulated ones at the socket `world`, with `lost` called when that
    world goes away. `runtime` is a folder to write in, for lgpio and locks. `lights_process` is the command, but for
    the socket that is added, which starts the lights process where we are root and nobody else has started it. A
    missing reader or strip is only logged: the parts say it when used and come back when they can. Raises PartMissing
    for a lock's or contact's line that cannot be claimed, a missing GPIO chip or world; then nothing stays open.
    """
    with ExitStack() as life:
        chips = _chips(wiring, world, lost, runtime, lights_process)
        life.callback(chips.close)
        pins = chips.pins()
        life.callback(pins.close)
        pwm = chips.pwm()
        locks: dict[int, Lock] = {}
        for slot in wiring.slots:
            locks[slot.number] = open_lock(
                slot,
                pins,
                positions.get(slot.number),
                pwm=pwm,
                permitted=slot.number in permitted,
                notes=runtime,
            )
            life.callback(locks[slot.number].close)
        contacts = open_contacts(wiring, pins)
        life.callback(contacts.close)
        strip = LateStrip(lambda: _strip(wiring, chips, pins))
        life.callback(strip.close)
        reader = LateReader(lambda: _reader(wiring, chips, pins))
        life.callback(reader.close)
        for lock in locks.values():
            life.callback(lock.close)  # before all others too: a reader or strip that hangs must not keep a pulse up
        return Board(reader, locks, contacts, strip, life.pop_all())


def make_safe(wiring: Wiring, *, world: Path | None, runtime: Path, everything: bool) -> Iterator[str]:
    """End every motor's pulse and put the lights out where this process can; says what was done, in lines.

    `everything`: withdraw power permits and let the solenoids go too. Lines that another process holds are left alone.
    Raises PartMissing for chips or PWM that cannot be opened.
    """
    with ExitStack() as life:
        chips = _chips(wiring, world, lambda: None, runtime, ())
        life.callback(chips.close)
        pins = chips.pins()
        life.callback(pins.close)
        yield from end_pulses(wiring.slots, pins)
        if everything:
            yield from let_go(wiring.slots, pins, chips.pwm(), threading.Event().wait)
        if wiring.lights.kind != "none":
            yield f"lights: {_put_out(wiring, chips, pins)}"


def _put_out(wiring: Wiring, chips: Chips, pins: Pins) -> str:
    try:
        strip = _strip(wiring, chips, pins)
        with closing(strip):
            strip.show([(0, 0, 0)] * wiring.lights.pixels)
    except (PartMissing, LightsFailure) as error:
        return f"left alone: {error}"
    return "dark"


def _chips(
    wiring: Wiring,
    world: Path | None,
    lost: Callable[[], None],
    runtime: Path | None,
    lights_process: Sequence[str],
) -> Chips:
    if wiring.kind == "raspberry-pi":
        return PiChips(wiring, runtime, lights_process)
    if world is None:
        raise PartMissing("a simulated station needs a world: start it with `station-agent simulate`")
    from hardware.emulated.chips import EmulatedChips  # which a station with chips of its own does not need

    return EmulatedChips(wiring, world, lost)


def _strip(wiring: Wiring, chips: Chips, pins: Pins) -> Strip:
    match wiring.lights.kind:
        case "ws281x":
            return chips.ws281x(wiring.lights)
        case "pio":
            return PioStrip(chips.leds(wiring.lights), wiring.lights)
        case "rgb":
            return RgbStrip(_rgb_leds(wiring, pins))
        case "none":
            return NoStrip()


def _rgb_leds(wiring: Wiring, pins: Pins) -> list[RgbLed]:
    with ExitStack() as life:
        leds = []
        for name in names_of(wiring):
            leds.append(pins.rgb_led(wiring.lights.rgb_pins[name]))
            life.callback(leds[-1].close)
        life.pop_all()
        return leds


def _reader(wiring: Wiring, chips: Chips, pins: Pins) -> Reader:
    spidev = chips.spidev()
    try:
        from hardware.reader import open_reader
    except ImportError as error:
        raise PartMissing(f"mfrc522 cannot be loaded ({error}): install the extra `pi`") from error
    reset = pins.output(wiring.reader.reset_pin, high=True)
    try:
        return open_reader(wiring.reader, spidev, reset)
    except PartMissing:
        reset.close()
        raise
