"""The release contact (key switch, fire panel): closed, it opens every lock (contract sections 2 and 7)."""

import dataclasses

from agent.facts import ReleaseSwitched
from agent.state import Phase, Slot
from agent.workflow.end import unlock_slot
from agent.workflow.faults import raise_fault
from agent.workflow.turn import Turn

RELEASED = "Released"


def release_switched(turn: Turn, fact: ReleaseSwitched) -> None:
    """Closed: every lock opens. Open again: nothing moves, and `clear-fault` puts the station back in service."""
    turn.station = dataclasses.replace(turn.station, letting_go=fact.closed)
    if fact.closed:
        let_everybody_go(turn)


def let_everybody_go(turn: Turn) -> None:
    """Open every slot; whoever charges may leave, and the session stays until its card, its end or its vehicle's going.

    Starts that are not confirmed are undone by the fault.
    """
    detail = "The release contact was closed; every lock opens. Open it again, then clear this fault."
    raise_fault(turn, RELEASED, "Released", detail)
    for slot in list(turn.station.slots.values()):
        let_go(turn, slot)


def let_go(turn: Turn, slot: Slot) -> None:
    """Open one slot, whatever it is doing."""
    session = turn.station.sessions.get(slot.session)
    match slot.phase:
        case Phase.AWAITING | Phase.STARTING:
            return
        case Phase.FREE:
            turn.move(slot.number)
        case Phase.CHARGING:
            turn.move(slot.number, forced=True)
        case _ if session is None:
            turn.move(slot.number, phase=Phase.OPENING)
        case Phase.HELD:
            unlock_slot(turn, turn.session(session, ended_by="station"))
        case _:
            unlock_slot(turn, session)
