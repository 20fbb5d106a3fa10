"""What a station shows: lights and locks drawn from its state, never stored beside it (contract section 5)."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.state import Phase, Show, Signal, Slot, Station
from hardware.looks import DARK, Colour, Look, Rhythm
from hardware.parts import Position

CARD_SEEN_S = 0.2
ENDED_S = 3.0
MAIN = "main"

SIGNALS: Mapping[Signal, tuple[tuple[Colour, ...], Rhythm, float]] = {
    Signal.REFUSED: ((Colour.RED,), Rhythm.TWO_BLINKS, 0.8),
    Signal.TWO_CARDS: ((Colour.RED, Colour.WHITE), Rhythm.TWO_BLINKS, 0.8),
    Signal.NO_SLOTS: ((Colour.RED,), Rhythm.FLICKER, 3.0),
}
"""Colours, rhythm and seconds of what the main light says in passing."""

WANTED: Mapping[Phase, Position | None] = {
    Phase.FREE: Position.UNLOCKED,
    Phase.AWAITING: Position.UNLOCKED,
    Phase.STARTING: Position.LOCKED,
    Phase.CHARGING: Position.LOCKED,
    Phase.ENDING: Position.LOCKED,
    Phase.OPENING: Position.UNLOCKED,
    Phase.HELD: Position.LOCKED,
    Phase.UNKNOWN: None,
}
"""Where a slot's bolt belongs; a free slot stands open, an unknown one is not moved."""

BLUE = frozenset({Phase.AWAITING, Phase.STARTING, Phase.CHARGING, Phase.ENDING})
RED = frozenset({Phase.HELD, Phase.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Bolt:
    """Where a slot's bolt should be, the move that brings it there, and whether its power electronics may charge."""

    wanted: Position | None
    move: int
    permit: bool = False


@dataclass(frozen=True, slots=True)
class Face:
    """Lights by name ("main", "1", ...), bolts by slot, and when time alone changes them (CLOCK_BOOTTIME seconds)."""

    lights: Mapping[str, Look]
    bolts: Mapping[int, Bolt]
    until: float | None


def face(station: Station, now: float, boot: str) -> Face:
    """What the station shows at `now` (CLOCK_BOOTTIME seconds of boot `boot`)."""
    lights = {MAIN: main_light(station, now)}
    lights |= {str(slot.number): slot_light(station, slot, now, boot) for slot in station.slots.values()}
    bolts = {
        slot.number: Bolt(wanted(station, slot), slot.move, permitted(station, slot)) for slot in station.slots.values()
    }
    return Face(lights, bolts, changes_at(station, now, boot))


def wanted(station: Station, slot: Slot) -> Position | None:
    """Where a slot's bolt belongs; a session that only the supplier knew leaves it as it is until it opens.

    One that was forced open stays open until its session has ended. One that moved by itself is not moved back.
    """
    session = station.sessions.get(slot.session)
    if slot.forced:
        return Position.UNLOCKED
    if slot.phase in (Phase.ENDING, Phase.HELD) and session and not session.locked:
        return None
    belongs = WANTED[slot.phase]
    return None if belongs is Position.LOCKED and f"LockForced/{slot.number}" in station.faults else belongs


def permitted(station: Station, slot: Slot) -> bool:
    """Whether the slot's vehicle may get power: locked, confirmed and charging (contract section 2)."""
    session = station.sessions.get(slot.session)
    sure = session is not None and session.locked and slot.seen is not False
    return sure and slot.phase is Phase.CHARGING and wanted(station, slot) is Position.LOCKED


def main_light(station: Station, now: float) -> Look:
    """Passing patterns go before standing ones, a card seen before all."""
    if now < station.winked + CARD_SEEN_S:
        return Look((Colour.WHITE,), Rhythm.STEADY, station.winked)
    if station.signal:
        colours, rhythm, lasts = SIGNALS[station.signal]
        if now < station.signalled + lasts:
            return Look(colours, rhythm, station.signalled)
    if waiting_since(station) + CARD_SEEN_S <= now:
        return Look((Colour.WHITE,), Rhythm.BREATHING, waiting_since(station) + CARD_SEEN_S)
    return shown(station.shows.get(MAIN), now) if station.in_service else Look((Colour.RED,))


def waiting_since(station: Station) -> float:
    """When the driver who waits longest tapped; infinite if nobody waits."""
    return min((v.tapped.boottime for v in station.visits.values() if v.driver), default=float("inf"))


def slot_light(station: Station, slot: Slot, now: float, boot: str) -> Look:
    """White flicker when a session ended, then red, then blue."""
    if slot.ended and slot.ended.boot == boot and now < slot.ended.boottime + ENDED_S:
        return Look((Colour.WHITE,), Rhythm.FLICKER, slot.ended.boottime)
    if not station.usable(slot) or slot.phase in RED:
        return Look((Colour.RED,))
    return Look((Colour.BLUE,)) if slot.phase in BLUE else shown(station.shows.get(str(slot.number)), now)


def shown(show: Show | None, now: float) -> Look:
    """What a `lights` command wants of a light that has nothing of its own to say."""
    if show is None or now >= show.until:
        return DARK
    return Look((Colour(show.colour),), Rhythm.FLICKER if show.action == "flicker" else Rhythm.STEADY, show.since)


def changes_at(station: Station, now: float, boot: str) -> float | None:
    """When a passing pattern ends or a waiting driver's light begins to breathe."""
    moments = [station.winked + CARD_SEEN_S, waiting_since(station) + CARD_SEEN_S]
    if station.signal:
        moments.append(station.signalled + SIGNALS[station.signal][2])
    moments += [s.ended.boottime + ENDED_S for s in station.slots.values() if s.ended and s.ended.boot == boot]
    moments += [show.until for show in station.shows.values()]
    return min((moment for moment in moments if now < moment < float("inf")), default=None)
