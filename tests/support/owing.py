"""Facts, acts and a clock for tests of what is written down and of what leaves."""

from dataclasses import dataclass
from typing import Any

from agent.clock import At
from agent.effects import Act, ActName, Renamed
from agent.facts import CardTapped, EventReceived

CARD = "04A1B2C3D4E5F6"
WALL = 1_800_000_000.0


def at(seconds: float = 0.0, *, wall: float | None = None) -> At:
    """A moment, `seconds` into the test."""
    return At("boot-1", 100.0 + seconds, WALL + seconds if wall is None else wall)


def tap(seconds: float = 0.0, *, wall: float | None = None, card: str = CARD) -> CardTapped:
    return CardTapped(at=at(seconds, wall=wall), id=f"tap-{seconds}", card=card)


def inbox_event(event_id: str, *, seconds: float = 0.0, source: str = "urn:power") -> EventReceived:
    return EventReceived(at=at(seconds), id=f"fact-{event_id}", type="x.v1", source=source, event_id=event_id)


def act(name: ActName, key: str = "", *, session: str = "S1", lane: str = "", **values: Any) -> Act:
    """An act of a session, under a key called after both unless told otherwise."""
    return Act(name=name, key=key or f"{session}-{name}", lane=lane or f"session:{session}", session=session, **values)


def renamed(old: str, new: str, slot: int = 1) -> Renamed:
    """A session goes by another id at the supplier."""
    return Renamed(old=old, new=new, slot=slot)


def light_on(key: str, light: str = "1", *, colour: str = "blue", **values: Any) -> Act:
    return act(ActName.LEDS, key, light=light, body={"action": "on", "color": colour}, **values)


def flicker(key: str, light: str = "1", *, duration: int = 3000, **values: Any) -> Act:
    body = {"action": "flicker", "color": "white", "duration": duration}
    return act(ActName.LEDS, key, light=light, body=body, **values)


@dataclass(slots=True)
class HandClock:
    """Seconds that pass only when the test says so."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def pass_(self, seconds: float) -> None:
        self.seconds += seconds


def longest(_low: float, high: float) -> float:
    """Jitter at its upper end."""
    return high
