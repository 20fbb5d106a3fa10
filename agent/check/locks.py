"""The locks, as far as can be told without moving them: their sensors, and what a power cut would do."""

from collections.abc import Iterator, Mapping

from agent.check.finding import Finding, failed, ok, warning
from agent.face import wanted
from agent.state import Phase, Slot, Station
from hardware.harness import slot_name
from hardware.parts import Lock, LockFailure, Position
from hardware.wiring import MotorWiring, SlotWiring


def look(slots: tuple[SlotWiring, ...], locks: Mapping[int, Lock], station: Station) -> Iterator[Finding]:
    """One line for each slot, and one more for what only a person can see."""
    for wiring in slots:
        slot = station.slots[wiring.number]
        yield _seen(wiring, locks[wiring.number], slot, wanted(station, slot))
        yield from power_cut(wiring)


def _seen(wiring: SlotWiring, lock: Lock, slot: Slot, belongs: Position | None) -> Finding:
    part = slot_name(wiring.number)
    try:
        seen = lock.seen()
    except LockFailure as failure:
        return failed(part, str(failure), "look at its wire, or wire another pin")
    if slot.phase is Phase.UNKNOWN:
        return warning(part, f"nobody knows whose vehicle is in it; sensor: {seen or 'none'}", "see `unlock`")
    if seen is None:
        return warning(
            part, f"{slot.phase}; it has no sensor, so every move is believed", "fit one, and set sensor_pin"
        )
    if belongs not in (None, seen):
        mend = "try it with --move: the bolt is stuck, or its sensor or sensor_locked is wrong"
        return failed(part, f"{slot.phase}, so {belongs}, but its sensor shows {seen}", mend)
    return ok(part, f"{slot.phase}, its sensor shows {seen}")


def power_cut(wiring: SlotWiring) -> Iterator[Finding]:
    """What no sensor can tell of a motor lock (contract section 6)."""
    if isinstance(wiring.lock, MotorWiring):
        said = "a motor lock stays locked in a power cut"
        yield warning(slot_name(wiring.number), said, "see that it has a battery or a mechanical release")
