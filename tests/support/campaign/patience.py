"""Drivers who stand in a slot and tap: the bolt opens in time, whatever the network does.

Pure: lines of the agent's log, bolts and excuses go in, with their time.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

SLACK_S = 3.0
"""Beyond `driver_wait_s`: the bolt, a disk that fails, and a busy machine."""

CHARGING = re.compile(r"slot (\d+) is charging for card (\.\.\w{4})")
OTHERWISE = re.compile(r"slot (\d+) is (?!charging)")
TAPPED = re.compile(r"card (\.\.\w{4}) tapped$")


@dataclass(slots=True)
class Patience:
    """Who stands where, who wants out and until when; `wait_s` is how long the station may keep a driver waiting."""

    wait_s: float
    standing: dict[int, str] = field(default_factory=dict)
    waiting: dict[int, float] = field(default_factory=dict)

    def line(self, text: str, now: float) -> None:
        """The agent's log says something."""
        if charging := CHARGING.search(text):
            self.standing[int(charging[1])] = charging[2]
        elif otherwise := OTHERWISE.search(text):
            self.standing.pop(int(otherwise[1]), None)
            if "is held" in text:
                self.excuse(int(otherwise[1]))
        elif tapped := TAPPED.search(text):
            for slot, card in list(self.standing.items()):
                if card == tapped[1]:
                    self.waiting.setdefault(slot, now + self.wait_s + SLACK_S)

    def bolts(self, places: Mapping[int, str]) -> None:
        """Where the bolts are now."""
        for slot, place in places.items():
            if place == "unlocked":
                self.waiting.pop(slot, None)

    def excuse(self, slot: int = 0) -> None:
        """The contract allows that this vehicle (0: any) waits until its driver taps again."""
        for number in [slot] if slot else list(self.waiting):
            self.waiting.pop(number, None)

    def overdue(self, now: float) -> list[int]:
        """Slots whose drivers have waited for too long."""
        return [slot for slot, until in list(self.waiting.items()) if now > until]
