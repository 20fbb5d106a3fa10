"""What the locks report: a move is over, or a bolt moved."""

from agent.facts import BoltMoved, LockSettled
from agent.state import Phase, Slot
from agent.workflow.end import UNLOCK_FAILED, slot_opened, unlock_failed
from agent.workflow.faults import clear_fault
from agent.workflow.start import lock_failed, slot_locked
from agent.workflow.turn import Turn
from agent.workflow.visits import tell_askers


def lock_settled(turn: Turn, fact: LockSettled) -> None:
    """A move is over; an older one than the last asked for says nothing any more."""
    slot = look(turn, fact.slot, fact.locked)
    if fact.move != slot.move:
        return
    match slot.phase:
        case Phase.STARTING if fact.locked is False:
            lock_failed(turn, slot)
        case Phase.STARTING:
            slot_locked(turn, slot)
        case Phase.OPENING if fact.locked:
            unlock_failed(turn, slot)
        case Phase.OPENING:
            slot_opened(turn, slot)
        case Phase.FREE if fact.locked:
            unlock_failed(turn, slot)
        case Phase.FREE | Phase.CHARGING:
            tell_askers(turn, slot.number, done=not fact.locked)
        case _:
            return


def bolt_moved(turn: Turn, fact: BoltMoved) -> None:
    """A bolt that would not open and now shows open has let its vehicle go; so has one of which nobody knew."""
    slot = look(turn, fact.slot, fact.locked)
    if slot.phase in (Phase.OPENING, Phase.UNKNOWN) and not fact.locked:
        slot_opened(turn, slot)


def look(turn: Turn, number: int, locked: bool | None) -> Slot:
    """What the sensor shows; a bolt that is seen open did not fail to open."""
    if locked is False:
        clear_fault(turn, UNLOCK_FAILED, number)
    return turn.slot(number, seen=locked)
