"""A driver's taps on the emulated reader, and when the station answered them."""

import random
import re
from collections.abc import Iterator, Mapping
from typing import Any

from support.bench import MAIN, WHITE, Bench
from support.measure.rig import POLL_MS, wait
from support.mqtt import eventually

from agent.clock import boottime
from hardware.emulated.bolt import Place

PATIENCE_S = 20.0
SAID = re.compile(r"slot (?P<slot>\d+) is (?:charging for card \.\.(?P<card>\w{4})|free$)")


class Taps:
    """Cards that come and go on one station; everything in seconds of CLOCK_BOOTTIME, as frames are stamped."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.placed = 0.0
        self._charging: dict[str, tuple[float, int]] = {}
        self._free: dict[int, float] = {}
        self._left: dict[int, float] = {}
        self._travelled: dict[int, float] = {}
        self._home: dict[int, float] = {}
        bench.on_line = self._hear
        bench.on_world = self._look

    def _hear(self, line: str) -> None:
        found = SAID.search(line)
        if found and found["card"]:
            self._charging[found["card"]] = boottime(), int(found["slot"])
        elif found:
            self._free[int(found["slot"])] = boottime()

    def _look(self, snapshot: Mapping[str, Any]) -> None:
        for slot in snapshot["slots"]:
            number, now = slot["number"], boottime()
            if slot["bolt"] == Place.BETWEEN:
                self._left.setdefault(number, now)
            elif number in self._left:
                self._travelled[number] = now - self._left.pop(number)
                if slot["bolt"] == Place.LOCKED:
                    self._home[number] = now

    def travel_s(self, slot: int) -> float:
        """Seconds that this slot's bolt was last under way."""
        return self._travelled[slot]

    def home(self, slot: int) -> float:
        """Seconds from the last tap until this slot's bolt was home."""
        return self._home[slot] - self.placed

    def tap(self, card: str, rest_s: float = 0.15) -> float:
        """Hold a card to the reader at a random moment between two polls; gives seconds until the white light."""
        wait(random.uniform(0.0, POLL_MS / 1000))
        known = len(self._bench.frames)
        self._bench.world.place(card)
        placed = self.placed = boottime()
        light = self._light(known)
        wait(rest_s)
        self._bench.world.remove(card)
        return light - placed

    def _light(self, known: int) -> float:
        assert eventually(lambda: next(self._white(known), None) is not None, PATIENCE_S), self._bench.told()
        return next(self._white(known))

    def _white(self, known: int) -> Iterator[float]:
        return (at for at, pixels in self._bench.frames[known:] if pixels[MAIN] == WHITE)

    def locked(self, card: str) -> tuple[float, int]:
        """Seconds from the last tap until this card's slot was said to charge, and the slot's number."""
        last = card[-4:]
        came = eventually(lambda: self._charging.get(last, (0.0, 0))[0] > self.placed, PATIENCE_S)
        assert came, self._bench.told()
        at, slot = self._charging[last]
        return at - self.placed, slot

    def released(self, slot: int) -> float:
        """Seconds from the last tap until this slot was said to be free."""
        assert eventually(lambda: self._free.get(slot, 0.0) > self.placed, PATIENCE_S), self._bench.told()
        return self._free[slot] - self.placed

    def await_dark(self) -> None:
        """Wait until the main light has nothing more to say."""
        assert eventually(lambda: self._bench.frames[-1][1][MAIN] == (0, 0, 0), PATIENCE_S), self._bench.told()
