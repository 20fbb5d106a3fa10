"""What the locks report: a move is over, or a bolt moved."""

from agent.facts import BoltMoved, LockSettled
from agent.state import Phase, Slot
from agent.workflow.asking import tell_askers
from agent.workflow.end import LOCK_FORCED, UNLOCK_FAILED, slot_opened, unlock_failed
from agent.workflow.faults import clear_fault, raise_fault
from agent.workflow.start import lock_failed, slot_locked
from agent.workflow.turn import Turn

LOCK_SENSOR = "LockSensor"


def lock_settled(turn: Turn, fact: LockSettled) -> None:
    """A move is over; an older one than the last asked for says nothing any more."""
    before = turn.station.slots[fact.slot]
    slot = look(turn, fact.slot, fact.locked)
    if fact.move != slot.move:
        return
    judge_sensor(turn, before, fact.locked)
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
        case Phase.FREE | Phase.AWAITING | Phase.CHARGING:
            tell_askers(turn, slot.number, done=not fact.locked)
        case _:
            return


def judge_sensor(turn: Turn, before: Slot, locked: bool | None) -> None:
    """A move that counts as done and changed nothing at the sensor, or did not lock a session again, is a warning.

    `before`: the slot as it was until this move was over; `locked`: what the sensor shows now.
    """
    session = turn.station.sessions.get(before.session)
    if locked is None or before.forced:
        return
    was_locked = session is not None and session.locked
    match before.phase:
        case Phase.OPENING if not locked and before.seen is False and was_locked:
            detail = f"The sensor of slot {before.number} did not change when the slot opened."
        case Phase.STARTING if locked and before.seen:
            detail = f"The sensor of slot {before.number} did not change when the slot locked."
        case Phase.CHARGING | Phase.HELD if not locked and was_locked:
            detail = f"The lock of slot {before.number} was driven again and did not confirm; its session stays."
        case _:
            if before.seen is not locked:
                clear_fault(turn, LOCK_SENSOR, before.number)
            return
    detail += " Look at bolt, sensor and wire."
    raise_fault(turn, LOCK_SENSOR, "Lock Sensor", detail, slot=before.number, warning=True)


def bolt_moved(turn: Turn, fact: BoltMoved) -> None:
    """A bolt that would not open and now shows open has let its vehicle go; so has one of which nobody knew.

    Any other that leaves its place was forced. It is not moved back: somebody may stand in between.
    """
    slot = look(turn, fact.slot, fact.locked)
    if slot.phase in (Phase.OPENING, Phase.UNKNOWN) and not fact.locked:
        slot_opened(turn, slot)
    elif belongs_locked(turn, slot) is not None and belongs_locked(turn, slot) is not fact.locked:
        went = "locked" if fact.locked else "opened"
        detail = f"The bolt of slot {fact.slot} {went} by itself; look at lock and sensor, then clear this fault."
        raise_fault(turn, LOCK_FORCED, "Lock Forced", detail, slot=fact.slot)


def belongs_locked(turn: Turn, slot: Slot) -> bool | None:
    """Whether a resting bolt's place is locked (True) or unlocked (False); None if nobody has put it anywhere."""
    session = turn.station.sessions.get(slot.session)
    if slot.phase in (Phase.FREE, Phase.AWAITING) or slot.forced:
        return False
    if slot.phase in (Phase.CHARGING, Phase.ENDING, Phase.HELD) and session and session.locked:
        return True
    return None


def look(turn: Turn, number: int, locked: bool | None) -> Slot:
    """What the sensor shows; a bolt that is seen open did not fail to open."""
    if locked is False:
        clear_fault(turn, UNLOCK_FAILED, number)
    return turn.slot(number, seen=locked)
