"""Hands and eyes at a station: in an emulated world they are the test's own, at a real one a person's."""

import re
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import pytest
from support.patience import until

from hardware.emulated.world import RELEASE_CLOSED, World
from hardware.emulated.world_link import WorldLink
from hardware.emulated.world_server import WorldServer
from hardware.lights import segments_of
from hardware.wiring import Wiring

CARDS = ("04A1B2C3D4E5F6", "04A5B211223344")
"""Two that part within a byte, as most do."""

NOBODYS_PIN = 53

Shown = dict[str, Any]
"""What the world shows, see World.snapshot."""


class Hands(Protocol):
    """Whoever stands at the station. Each method fails the test if it cannot be done, and says what to do."""

    def lay(self, cards: int) -> None:
        """Have exactly so many cards on the reader: 0, 1 (always the same) or 2."""
        ...

    def keep_off(self, slot: int) -> None:
        """The bolt of this slot will move."""
        ...

    def no_power(self, slot: int) -> None:
        """The power permit of this slot will be high without a session: nothing may be fed by it."""
        ...

    def vehicle(self, slot: int, *, there: bool) -> None:
        """Close or open the contact of a slot's vehicle."""
        ...

    def release(self, *, closed: bool) -> None:
        """Close or open the release contact."""
        ...

    def sees(self, question: str, truth: Callable[[Shown], bool]) -> bool:
        """Whether it is so, or soon is; `truth` tells it of an emulated world."""
        ...

    def edges(self, slot: int) -> Callable[[], list[int]] | None:
        """Counts the edges of the slot's lock lines from now on; None where nobody can."""
        ...


class OwnHands:
    """The test's own, in the world that it serves."""

    def __init__(self, wiring: Wiring, folder: Path) -> None:
        self.world = World(wiring, travel_s=0.005)
        self.socket = folder / "world.sock"
        self._wiring = wiring
        self._server = WorldServer(self.world, self.socket)
        self._link: WorldLink | None = None
        self.close = self._server.close

    def linked(self, path: Path, lost: Callable[[], None]) -> WorldLink:
        """The chips' end of the world, so that what they said can be waited for."""
        self._link = WorldLink(path, lost)
        return self._link

    def lay(self, cards: int) -> None:
        """See Hands."""
        for number, uid in enumerate(CARDS):
            (self.world.place if number < cards else self.world.remove)(uid)

    def keep_off(self, slot: int) -> None:
        """See Hands."""

    def no_power(self, slot: int) -> None:
        """See Hands."""

    def vehicle(self, slot: int, *, there: bool) -> None:
        """See Hands."""
        self.world.set_vehicle(slot, there)

    def release(self, *, closed: bool) -> None:
        """See Hands."""
        self.world.set_fault(RELEASE_CLOSED, closed)

    def sees(self, question: str, truth: Callable[[Shown], bool]) -> bool:
        """See Hands."""
        del question
        return until(lambda: truth(self.world.snapshot()))

    def edges(self, slot: int) -> Callable[[], list[int]]:
        """See Hands."""
        lines = [str(pin) for pin in lock_pins(self._wiring, slot)]

        def levels(shown: Shown) -> list[int]:
            return [shown["lines"].get(line, 0) for line in lines]

        def counted() -> list[int]:
            self._hear_out()
            return [sum(after) for before, after in pairwise(seen) if before != after]

        self._hear_out()
        seen = [levels(self.world.snapshot())]
        self.world.subscribe(lambda shown: seen.append(levels(shown)))
        return counted

    def _hear_out(self) -> None:
        """Wait until the world has heard all that the chips have said: a word of ours comes behind it."""
        level = 1 - int(self.world.snapshot()["lines"].get(str(NOBODYS_PIN), 0))
        try:
            assert self._link is not None
            self._link.drive(NOBODYS_PIN, level)
        except OSError:
            assert until(lambda: self._server._agent is None)
            return
        assert until(lambda: self.world.snapshot()["lines"].get(str(NOBODYS_PIN)) == level)


class PersonsHands:
    """A person's, at the terminal. The cards are asked for only when others should lie there than do."""

    def __init__(self) -> None:
        self._cards: int | None = None
        self._done_for_all: set[str] = set()

    def lay(self, cards: int) -> None:
        """See Hands."""
        if cards != self._cards:
            self._cards = None
            self._done(
                (
                    "take every card away from the reader",
                    "lay one card flat on the reader, always the same, and take every other away",
                    "lay a second card on the reader beside the first, so that both are read",
                )[cards]
            )
            self._cards = cards

    def keep_off(self, slot: int) -> None:
        """See Hands."""
        self._once(f"keep your hands off the bolt of slot {slot}: it will move")

    def no_power(self, slot: int) -> None:
        """See Hands."""
        self._once(f"cut the supply of slot {slot}'s power electronics: its power permit will be on")

    def vehicle(self, slot: int, *, there: bool) -> None:
        """See Hands."""
        self._done(f"{'close' if there else 'open'} the vehicle contact of slot {slot}")

    def release(self, *, closed: bool) -> None:
        """See Hands."""
        self._done(f"{'close' if closed else 'open'} the release contact")

    def sees(self, question: str, truth: Callable[[Shown], bool]) -> bool:
        """See Hands."""
        del truth
        while True:
            answer = self._answer(f"{question} [y/n]").strip().lower()
            if answer in ("y", "n"):
                return answer == "y"

    def edges(self, slot: int) -> None:
        """See Hands."""

    def _once(self, what: str) -> None:
        if what not in self._done_for_all:
            self._done(what)
            self._done_for_all.add(what)

    def _done(self, what: str) -> None:
        if self._answer(f"Please {what} [Enter when done, n if you cannot]").strip():
            pytest.fail(f"it takes somebody to {what}: run scripts/test --pi again when you can")

    def _answer(self, question: str) -> str:
        sys.stdout.write(f"\n>>> {question}: ")
        sys.stdout.flush()
        answer = sys.stdin.readline()
        if not answer:
            pytest.fail("nobody answered: run scripts/test --pi in a terminal, with somebody at the station")
        return answer


def lock_pins(wiring: Wiring, slot: int) -> list[int]:
    """The lines that drive a slot's bolt."""
    lock = next(one.lock for one in wiring.slots if one.number == slot)
    return [lock.lock_pin, lock.unlock_pin] if lock.kind == "motor" else [lock.pin]


def bolt_is(slot: int, place: str) -> Callable[[Shown], bool]:
    """Whether the world shows the slot's bolt there."""
    return lambda shown: any(one["number"] == slot and one["bolt"] == place for one in shown["slots"])


def line_is(pin: int, level: int) -> Callable[[Shown], bool]:
    """Whether the world shows an output of the station at this level."""
    return lambda shown: bool(shown["lines"].get(str(pin), 0) == level)


def only_lit(wiring: Wiring, light: str | None) -> Callable[[Shown], bool]:
    """Whether the world shows this light red and all others dark; None: all dark."""
    if wiring.lights.kind == "rgb":
        red = None if light is None else wiring.lights.rgb_pins[light][0]
        pins = [pin for lines in wiring.lights.rgb_pins.values() for pin in lines]
        return lambda shown: {pin for pin in pins if shown["lines"].get(str(pin))} == ({red} - {None})
    first, last = (0, -1) if light is None else segments_of(wiring)[light]

    def lit(shown: Shown) -> bool:
        pixels = [tuple(pixel) for pixel in shown["strip"]["pixels"]]
        return all(
            (red > 0) is (first <= number <= last) and not green and not blue
            for number, (red, green, blue) in enumerate(pixels)
        )

    return lit


class Performer:
    """Does in a world what a person is asked for at the terminal, and answers as one who sees it."""

    def __init__(self, own: OwnHands) -> None:
        self._own = own

    def answer(self, question: str) -> str:
        """What the person types."""
        if "[y/n]" in question:
            return "y"
        if found := re.search(r"(close|open) the vehicle contact of slot (\d+)", question):
            self._own.vehicle(int(found[2]), there=found[1] == "close")
        elif found := re.search(r"(close|open) the release contact", question):
            self._own.release(closed=found[1] == "close")
        elif "card" in question:
            self._own.lay(0 if "every card away" in question else 2 if "second card" in question else 1)
        return ""
