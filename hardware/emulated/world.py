"""The world behind the emulated chips: cards in the field, bolts, vehicles and what the strip last showed.

It lives in a process of its own, so that killing the agent moves no bolt, and writes itself down at each change, so
that killing everything loses nothing.
"""

import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hardware.clock import boottime
from hardware.emulated.bolt import TRAVEL_S, Bolt, Place
from hardware.emulated.cards import Field, ReaderFault
from hardware.parts import Rgb
from hardware.wiring import LockWiring, MotorWiring, SlotWiring, Wiring

CARDS_AT_MOST = 10
LONG_S = 60.0
RELEASE_CLOSED = "release-closed"

logger = logging.getLogger(__name__)


class WorldRefused(ValueError):
    """What was asked of the world cannot be; the message says what can."""


@dataclass(frozen=True, slots=True)
class View:
    """What the chips see of the world: cards, pins that a contact closes to ground, faults, outputs that are high."""

    cards: tuple[str, ...] = ()
    closed: tuple[int, ...] = ()
    faults: tuple[str, ...] = ()
    high: tuple[int, ...] = ()


class _Slot:
    def __init__(self, wiring: SlotWiring, travel_s: float) -> None:
        self.number = wiring.number
        self.lock: LockWiring = wiring.lock
        self.presence_pin = wiring.presence_pin
        self.bolt = Bolt(travel_s=travel_s)
        self.burnt = False
        self.vehicle = False

    def pushed(self, high: set[int]) -> Place | None:
        """Where the outputs that are high push the bolt; a motor with power on both lines burns, and moves no more."""
        if not isinstance(self.lock, MotorWiring):
            return Place.LOCKED if self.lock.pin in high else Place.UNLOCKED
        lock, unlock = self.lock.lock_pin in high, self.lock.unlock_pin in high
        self.burnt = self.burnt or (lock and unlock)
        if self.burnt or lock == unlock:
            return None
        return Place.LOCKED if lock else Place.UNLOCKED

    @property
    def jam(self) -> str:
        return f"lock-jammed-{self.number}"

    @property
    def lever(self) -> str:
        return f"lock-forced-{self.number}"

    def closed_pins(self) -> set[int]:
        """Contacts: the sensor's closes to ground on the side that `sensor_locked` calls low."""
        pins = set()
        if self.lock.sensor_pin is not None:
            locked = self.bolt.place is Place.LOCKED
            if locked == (self.lock.sensor_locked == "low"):
                pins.add(self.lock.sensor_pin)
        if self.presence_pin is not None and self.vehicle:
            pins.add(self.presence_pin)
        return pins


class World:
    """A station's surroundings. Thread-safe; `step` lets its time pass, everything else only changes or shows it."""

    def __init__(
        self,
        wiring: Wiring,
        state_file: Path | None = None,
        *,
        clock: Callable[[], float] = boottime,
        travel_s: float = TRAVEL_S,
    ) -> None:
        """Read the world back from `state_file`, or make a new one: no cards, bolts open, strip dark.

        Raises WorldRefused for a file that is no world.
        """
        self._clock = clock
        self._file = state_file
        self._slots = {slot.number: _Slot(slot, travel_s) for slot in wiring.slots}
        self._release_pin = wiring.release_pin
        self._field = Field()
        self._faults: set[str] = set()
        self._lines: dict[int, int] = {}
        self._pixels: tuple[Rgb, ...] = ((0, 0, 0),) * wiring.lights.pixels
        self._shown_at = clock()
        self._subscribers: list[Callable[[dict[str, Any]], None]] = []
        self._lock = threading.RLock()
        if state_file is not None and state_file.exists():
            self._read(state_file)
        self.step()

    @property
    def fault_names(self) -> tuple[str, ...]:
        """Every fault that can be switched on."""
        return (
            ReaderFault.ABSENT.value,
            ReaderFault.NOISE.value,
            *(slot.jam for slot in self._slots.values()),
            *(slot.lever for slot in self._slots.values()),
            "lights-dead",
            *([RELEASE_CLOSED] if self._release_pin is not None else []),
        )

    def place(self, uid: str) -> None:
        """Bring a card (4, 7 or 10 bytes in upper-case hex) into the field. It may be there already."""
        with self._lock:
            before = self._field.uids()
            if len(before | {uid}) > CARDS_AT_MOST:
                raise WorldRefused(f"{CARDS_AT_MOST} cards are in the field: remove one first")
            try:
                self._field.place(uid)
            except ValueError as error:
                raise WorldRefused(str(error)) from error
            if uid not in before:
                self._changed()

    def remove(self, uid: str) -> None:
        """Take a card out of the field. It may be gone already."""
        with self._lock:
            if uid in self._field.uids():
                self._field.remove(uid)
                self._changed()

    def set_fault(self, name: str, on: bool) -> None:
        """Switch one of `fault_names` on or off."""
        if name not in self.fault_names:
            raise WorldRefused(f"no fault {name!r}; there are {', '.join(self.fault_names)}")
        with self._lock:
            if on != (name in self._faults):
                self._faults ^= {name}
                self._changed()
                self.step()

    def set_vehicle(self, slot: int, there: bool) -> None:
        """Drive a vehicle into a slot, or out of it."""
        if slot not in self._slots:
            raise WorldRefused(f"no slot {slot}; there are {', '.join(map(str, self._slots))}")
        with self._lock:
            if self._slots[slot].vehicle != there:
                self._slots[slot].vehicle = there
                self._changed()

    def set_line(self, pin: int, level: int | None) -> None:
        """An output of the station went low or high, or (None) was let go of and is pulled low."""
        with self._lock:
            if self._lines.get(pin) == level:
                return
            if level is None:
                del self._lines[pin]
            else:
                self._lines[pin] = level
            self._move()
            self._changed()

    def show(self, pixels: Sequence[Rgb], at: float) -> None:
        """The strip took a frame `at` this moment of its own clock."""
        with self._lock:
            self._pixels = tuple(pixels)
            self._shown_at = at
            self._changed()

    def step(self) -> float:
        """Let the bolts move as far as they have got by now; seconds until the next will arrive."""
        with self._lock:
            if self._move():
                self._changed()
            now = self._clock()
            due = [slot.bolt.arrives for slot in self._slots.values() if slot.bolt.arrives is not None]
            return max(0.0, min(due, default=now + LONG_S) - now)

    def view(self) -> View:
        """What the chips see."""
        with self._lock:
            closed = {pin for slot in self._slots.values() for pin in slot.closed_pins()}
            if self._release_pin is not None and RELEASE_CLOSED in self._faults:
                closed.add(self._release_pin)
            return View(
                cards=tuple(sorted(self._field.uids())),
                closed=tuple(sorted(closed)),
                faults=tuple(sorted(self._faults)),
                high=tuple(sorted(self._high())),
            )

    def snapshot(self) -> dict[str, Any]:
        """Everything, ready for JSON: cards, slots with bolt, burnt motor and vehicle, lines, strip, faults."""
        with self._lock:
            return {
                "cards": sorted(self._field.uids()),
                "slots": [
                    {
                        "number": slot.number,
                        "bolt": slot.bolt.place.value,
                        "burnt": slot.burnt,
                        "vehicle": slot.vehicle,
                    }
                    for slot in self._slots.values()
                ],
                "lines": {str(pin): level for pin, level in sorted(self._lines.items())},
                "strip": {"pixels": [list(pixel) for pixel in self._pixels], "at": self._shown_at},
                "faults": sorted(self._faults),
            }

    def subscribe(self, callback: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Call back with the new snapshot after each change, in order; returns what ends this.

        It is called by whoever changed the world, while the world waits: put the snapshot somewhere and return.
        """
        with self._lock:
            self._subscribers.append(callback)

        def unsubscribe() -> None:
            with self._lock:
                self._subscribers = [other for other in self._subscribers if other is not callback]

        return unsubscribe

    def _move(self) -> bool:
        """Let time and forces act on every bolt; whether one has changed its place."""
        now = self._clock()
        moved = [slot for slot in self._slots.values() if self._follow(slot, now)]
        return bool(moved)

    def _follow(self, slot: _Slot, now: float) -> bool:
        pushed = slot.pushed(self._high())
        wanted = Place.UNLOCKED if slot.lever in self._faults else pushed
        return slot.bolt.follow(now, wanted=wanted, jammed=slot.jam in self._faults)

    def _high(self) -> set[int]:
        return {pin for pin, level in self._lines.items() if level}

    def _changed(self) -> None:
        snapshot = self.snapshot()
        if self._file is not None:
            self._write(self._file, snapshot)
        for callback in list(self._subscribers):
            callback(snapshot)

    def _write(self, file: Path, snapshot: dict[str, Any]) -> None:
        # No fsync: this outlives every process, and the machine's own end is not simulated.
        new = file.with_name(f"{file.name}.new")
        try:
            new.write_text(json.dumps(snapshot), encoding="utf-8")
            new.replace(file)
        except OSError as error:
            logger.warning("the world cannot be written to %s (%s): make room there", file, error)

    def _read(self, file: Path) -> None:
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            for uid in kept["cards"]:
                self._field.place(uid)
            self._faults = {str(name) for name in kept["faults"]} & set(self.fault_names)
            self._lines = {int(pin): int(level) for pin, level in kept["lines"].items()}
            self._pixels = tuple((int(r), int(g), int(b)) for r, g, b in kept["strip"]["pixels"])
            for entry in kept["slots"]:
                self._read_slot(entry)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise WorldRefused(f"{file} holds no world ({error!r}): move it away, or start with --fresh") from error

    def _read_slot(self, entry: dict[str, Any]) -> None:
        slot = self._slots.get(entry["number"])
        if slot is not None:
            slot.bolt.place = Place(entry["bolt"])
            slot.burnt = bool(entry.get("burnt", False))
            slot.vehicle = bool(entry["vehicle"])


def encode_view(view: View) -> dict[str, Any]:
    """The view as it travels to the chips."""
    return asdict(view)
