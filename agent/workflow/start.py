"""Starting a session in a slot that was given: blue, lock, start."""

from agent.effects import ActName
from agent.facts import CallSettled
from agent.state import Payment, Phase, Progress, Session, Slot, Step, Visit
from agent.workflow.asking import tell_askers
from agent.workflow.faults import raise_fault
from agent.workflow.giving_back import give_back_session, take_back_offline
from agent.workflow.turn import FRESH_S, Turn, derived, keys_of, session_light
from agent.workflow.visits import finish_at, refuse, visit_at

LOCK_FAILED = "LockFailed"
LOCK_FAILURES = 3
"""Visits in a row whose lock does not confirm before the slot is out of order (contract section 7)."""

PARKING_S = 30.0
"""How long a slot waits for the vehicle before it is given back (contract section 6, `presence_pin`)."""

UNCONFIRMED = frozenset({Phase.AWAITING, Phase.STARTING})
"""Phases in which a start can still be undone."""

BLUE_ON = {"action": "on", "color": "blue"}


def unable(turn: Turn) -> str:
    """Why the station starts nothing now; empty if it could."""
    if turn.station.full or "StorageFailure/0" in turn.station.faults:
        return "storage"
    usable = any(turn.station.usable(slot) for slot in turn.station.slots.values())
    return "" if turn.station.in_service and usable else "out-of-order"


def start_session(turn: Turn, visit: Visit, session: Session) -> None:
    """Blue, then lock once the vehicle is there; `lock` and `start` become owed when the bolt is confirmed."""
    light = session_light(session, BLUE_ON)
    turn.session(session, light=light.key)
    turn.owe(light)
    visit = turn.visit(visit, slot=session.slot, session=session.id, grant=None, spare=None)
    await_vehicle(turn, visit, turn.slot(session.slot, phase=Phase.AWAITING, session=session.id, ended=None))


def await_vehicle(turn: Turn, visit: Visit, slot: Slot) -> None:
    """Lock a slot that was given, as soon as the vehicle is there; without a presence contact that is at once."""
    if slot.vehicle is False:
        turn.visit(visit, step=Step.PARKING, deadline=turn.now + PARKING_S)
    else:
        close_bolt(turn, slot)


def close_bolt(turn: Turn, slot: Slot) -> None:
    """Lock a slot that was given, or go on locking it.

    It is written down already whose it is. Where a sensor shows after a kill how far the bolt has come, that is enough.
    """
    turn.move(slot.number, durable=slot.seen is None, phase=Phase.STARTING)
    visit = visit_at(turn, slot.number)
    if visit:
        turn.visit(visit, step=Step.LOCKING, deadline=None)


def slot_locked(turn: Turn, slot: Slot) -> None:
    """The bolt is confirmed: the session is on, and the supplier is told so."""
    session = turn.station.sessions[slot.session]
    turn.slot(slot.number, phase=Phase.CHARGING, lock_failures=0)
    if session.remote:
        turn.session(session, locked=True)
        tell_askers(turn, slot.number, done=True)
    else:
        turn.owe_session(session, ActName.LOCK)
        turn.owe_session(session, ActName.START)
        turn.session(session, start=Progress.OWED, locked=True)
    finish_at(turn, slot.number)


def lock_failed(turn: Turn, slot: Slot) -> None:
    """The bolt did not confirm: the slot is given back, red."""
    failures = slot.lock_failures + 1
    undo_start(turn, slot, "lock-failed")
    turn.slot(slot.number, lock_failures=failures)
    if failures >= LOCK_FAILURES:
        detail = (
            f"The lock of slot {slot.number} did not confirm for {failures} visits in a row; look at bolt and sensor."
        )
        raise_fault(turn, LOCK_FAILED, "Lock Failed", detail, slot=slot.number)


def undo_start(turn: Turn, slot: Slot, reason: str) -> None:
    """Give back a slot whose bolt was not confirmed yet; it stays its card's until it is open again."""
    session = turn.station.sessions[slot.session]
    if session.remote:
        turn.session(session, announced=True)
        why = f"Slot {slot.number} was not locked: {reason}."
        tell_askers(turn, slot.number, done=False, why=why, title="Not Locked")
    else:
        (take_back_offline if session.acquire else give_back_session)(turn, session)
    turn.move(slot.number, phase=Phase.OPENING)
    refuse(turn, session.card, reason, slot=slot.number)


def start_settled(turn: Turn, fact: CallSettled, session: Session) -> Session:
    """`start` was delivered: the session has started, and an end that came before may now be told."""
    if not session.released:
        turn.again()  # it is owed until this is written down, and its answer and event are the same each time
    session = turn.session(session, start=Progress.DONE)
    data = {"id": session.id, "card": session.card, "slotNumber": session.slot}
    turn.emit("session-started", data, event_id=derived(session.id, "session-started"), slot=session.slot)
    turn.settle(fact.act)
    return session


def start_refused(turn: Turn, fact: CallSettled, session: Session) -> Session:
    """`end` follows, never `pay`. A fresh driver sees the slot open, red; later it stays locked until the card taps."""
    turn.settle(fact.act)
    turn.refuse(session.card)
    if session.payment is Payment.OWED:
        for key in keys_of(session, ActName.PAY, session.pay_refusals):
            turn.forget(key)
    session = turn.session(session, start=Progress.REFUSED, payment=Payment.NONE)
    if session.end is not Progress.NONE:
        return session
    if fact.at.age_of(session.tapped) < FRESH_S:
        session = give_back_session(turn, session)
        turn.move(session.slot, phase=Phase.OPENING)
        refuse(turn, session.card, "start-refused", slot=session.slot)
        return session
    turn.owe_session(session, ActName.END)
    visit = visit_at(turn, session.slot)
    if visit:
        turn.visit(visit, step=Step.ENDING)
    turn.slot(session.slot, phase=Phase.ENDING if visit else Phase.HELD)
    return turn.session(session, end=Progress.OWED)
