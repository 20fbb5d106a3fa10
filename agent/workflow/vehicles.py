"""What the presence contacts show: a start waits for its vehicle, and one that drove off has ended its session."""

from agent.facts import VehicleMoved
from agent.state import Payment, Phase, Slot
from agent.workflow.end import end_session, unlock_slot
from agent.workflow.remote import let_go_remotely
from agent.workflow.start import close_bolt
from agent.workflow.turn import Turn
from agent.workflow.visits import visit_at

DESERTED_S = 60.0
"""How long a vehicle is gone, with its bolt open, until its session ends (contract section 6, `presence_pin`)."""


def vehicle_moved(turn: Turn, fact: VehicleMoved) -> None:
    """A vehicle came: the slot that waits for it locks. One that went is counted by `note_deserted`."""
    slot = turn.slot(fact.slot, vehicle=fact.there)
    if fact.there and slot.phase is Phase.AWAITING:
        close_bolt(turn, slot)


def note_deserted(turn: Turn) -> None:
    """Since when the vehicles that should be here are gone."""
    for slot in list(turn.station.slots.values()):
        since = slot.deserted or turn.fact.at if is_deserted(slot) else None
        if since != slot.deserted:
            turn.slot(slot.number, deserted=since)


def is_deserted(slot: Slot) -> bool:
    """Whether a session stands in a slot that its vehicle could leave, and has left."""
    is_open = slot.forced if slot.seen is None else not slot.seen
    return slot.phase in (Phase.CHARGING, Phase.HELD) and slot.vehicle is False and is_open


def deserted_until(slot: Slot, boot: str) -> float | None:
    """When the slot's session ends by itself, CLOCK_BOOTTIME seconds of this boot; None if it will not."""
    if slot.deserted is None:
        return None
    return slot.deserted.boottime + DESERTED_S if slot.deserted.boot == boot else 0.0


def vehicle_gone(turn: Turn, slot: Slot) -> None:
    """The vehicle has been gone for long enough: its session ends, whoever waits or not."""
    session = turn.session(turn.station.sessions[slot.session], ended_by="station")
    if session.remote:
        let_go_remotely(turn, session, payment=Payment.OWED)
    elif slot.phase is Phase.CHARGING:
        end_session(turn, session, visit_at(turn, slot.number))
    else:
        unlock_slot(turn, session)
