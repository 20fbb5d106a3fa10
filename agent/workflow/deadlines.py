"""What becomes due without anybody doing anything."""

from agent.facts import DeadlinePassed
from agent.state import Fault, Station, Step, Visit
from agent.workflow.acquire import turn_away
from agent.workflow.end import unlock_slot
from agent.workflow.faults import clear
from agent.workflow.offline import start_offline
from agent.workflow.remote import nobody_answered
from agent.workflow.start import LOCK_FAILED, undo_start
from agent.workflow.taps import journal_decides
from agent.workflow.turn import Turn
from agent.workflow.vehicles import deserted_until, vehicle_gone

LOCK_FAILED_S = 3600.0
"""After this long a slot whose lock failed is offered again; one more failure raises it anew (contract section 7)."""

UNREACHABLE = "supplier-unreachable"


def deadline_passed(turn: Turn, fact: DeadlinePassed) -> None:
    """Everything that is due now."""
    for visit in list(turn.station.visits.values()):
        if visit.deadline is not None and visit.deadline <= turn.now:
            visit_due(turn, visit)
    for slot in list(turn.station.slots.values()):
        until = deserted_until(slot, fact.at.boot)
        if until is not None and until <= turn.now:
            vehicle_gone(turn, slot)
    for fault in list(turn.station.faults.values()):
        if is_lock_failed(fault) and lock_failed_until(fault, fact.at.boot) <= turn.now:
            clear(turn, fault)


def visit_due(turn: Turn, visit: Visit) -> None:
    """The driver has waited long enough."""
    match visit.step:
        case Step.ASKING:
            journal_decides(turn, visit)
        case Step.ACQUIRING:
            if not start_offline(turn, visit):
                turn_away(turn, visit, "previous-session-owed" if turn.station.leaving(visit.card) else UNREACHABLE)
        case Step.NAMING:
            turn_away(turn, visit, UNREACHABLE)
        case Step.REMOTE:
            nobody_answered(turn, visit)
        case Step.PARKING:
            undo_start(turn, turn.station.slots[visit.slot], "undone")
        case Step.ENDING:
            unlock_slot(turn, turn.station.sessions[visit.session])
        case _:
            return


def is_lock_failed(fault: Fault) -> bool:
    """Whether a fault is the station's own `LockFailed`."""
    return fault.code == LOCK_FAILED and fault.origin == "station"


def lock_failed_until(fault: Fault, boot: str) -> float:
    """When the slot is offered again, CLOCK_BOOTTIME seconds of this boot."""
    return fault.raised.boottime + LOCK_FAILED_S if fault.raised.boot == boot else 0.0


def next_deadline(station: Station, boot: str) -> float | None:
    """When something will be due, CLOCK_BOOTTIME seconds of this boot; None if nothing will."""
    due = [visit.deadline for visit in station.visits.values() if visit.deadline is not None]
    due += [lock_failed_until(fault, boot) for fault in station.faults.values() if is_lock_failed(fault)]
    due += [until for s in station.slots.values() if (until := deserted_until(s, boot)) is not None]
    return min(due, default=None)
