"""Ending a session: end, pay, unlock, in this order, while the driver waits; then the vehicle is released anyway."""

from agent.answers import Problem
from agent.effects import ActName
from agent.facts import CallSettled
from agent.state import Payment, Phase, Progress, Session, Signal, Slot, Step, Visit
from agent.workflow.asking import tell_askers
from agent.workflow.faults import clear_fault, raise_fault
from agent.workflow.start import start_refused, start_settled
from agent.workflow.turn import Turn, derived, keys_of, session_light
from agent.workflow.visits import finish_at, overdue, refuse, visit_at

COUNTS_AS_ENDED = frozenset({404, 409, 410})
NOTHING_TO_PAY = frozenset({404, 410})
PAYMENT_REQUIRED = 402
CONFLICT = 409
UNLOCK_FAILED = "UnlockFailed"
LOCK_FORCED = "LockForced"
ENDED_LIGHT = {"action": "flicker", "color": "white", "duration": 3000}


def end_session(turn: Turn, session: Session, visit: Visit | None) -> None:
    """`end` and `pay` become owed; the bolt waits for them as long as the driver does."""
    turn.owe_session(session, ActName.END)
    turn.owe_session(session, ActName.PAY)
    turn.slot(session.slot, phase=Phase.ENDING)
    session = turn.session(session, end=Progress.OWED, payment=Payment.OWED)
    if visit:
        turn.visit(visit, step=Step.ENDING, slot=session.slot, session=session.id)
    if overdue(turn, visit):
        unlock_slot(turn, session)


def pay_again(turn: Turn, session: Session) -> None:
    """A new tap on a slot held unpaid is a new act with a new key."""
    turn.owe_session(session, ActName.PAY, refusals=session.pay_refusals)
    turn.slot(session.slot, phase=Phase.ENDING)
    turn.session(session, payment=Payment.OWED)


def call_settled(turn: Turn, fact: CallSettled) -> None:
    """A session's start, end or pay has its outcome; the vehicle goes as soon as nothing is waited for."""
    session = turn.station.session_called(fact.act.session)
    if session is None or not waits_for(session, fact.act.name):
        turn.settle(fact.act)
        return
    match fact.act.name:
        case ActName.START if fact.problem is None:
            session = start_settled(turn, fact, session)
        case ActName.START:
            session = start_refused(turn, fact, session)
        case ActName.END:
            session = end_settled(turn, fact, session)
        case _:
            session = process_payment(turn, fact, session)
    if session.released and not session.announced and session.start is not Progress.OWED:
        announce(turn, session)
    release_when_settled(turn, session)


def waits_for(session: Session, name: ActName) -> bool:
    """Whether this act's outcome still decides something."""
    match name:
        case ActName.START:
            return session.start is Progress.OWED
        case ActName.END:
            return session.end is Progress.OWED
        case ActName.PAY:
            return session.payment is Payment.OWED
        case _:
            return False


def end_settled(turn: Turn, fact: CallSettled, session: Session) -> Session:
    """A session that the supplier does not know counts as ended; any other refusal goes aside, and `pay` with it."""
    if fact.problem is None or fact.problem.status in COUNTS_AS_ENDED:
        turn.settle(fact.act)
        return turn.session(session, end=Progress.DONE)
    turn.set_aside(fact.act.key)
    session = turn.session(session, end=Progress.REFUSED)
    if session.payment is Payment.OWED:
        for key in keys_of(session, ActName.PAY, session.pay_refusals):
            turn.set_aside(key)
        session = settle_payment(turn, session, Payment.REFUSED)
    return session


def process_payment(turn: Turn, fact: CallSettled, session: Session) -> Session:
    """Paid, nothing to pay, or refused; only a plain 402 may hold the vehicle, and only if configured."""
    payment = payment_of(fact.problem, repeated=fact.repeated)
    unpaid = fact.problem is not None and fact.problem.status == PAYMENT_REQUIRED
    if payment is Payment.REFUSED and not unpaid:
        turn.set_aside(fact.act.key)
    else:
        turn.settle(fact.act)
    if payment is Payment.PAID:
        turn.know(session.card)
    elif payment is Payment.REFUSED:
        turn.refuse(session.card)
        session = turn.session(session, pay_refusals=session.pay_refusals + 1)
    session = settle_payment(turn, session, payment)
    slot = turn.station.slot_of(session)
    if unpaid and slot and slot.phase is Phase.ENDING and turn.rules.unpaid_release == "hold":
        turn.slot(session.slot, phase=Phase.HELD)
        refuse(turn, session.card, "payment-refused", slot=session.slot)
        tell_askers(turn, slot.number, done=False, why=f"Slot {slot.number} is held: its payment was refused.")
    return session


def settle_payment(turn: Turn, session: Session, payment: Payment) -> Session:
    """The payment is decided; who was told before that it is owed hears of it."""
    session = turn.session(session, payment=payment)
    if session.announced:
        data = {"id": session.id, "payment": payment}
        event_id = derived(session.id, "session-settled", payment, session.pay_refusals)
        turn.emit("session-settled", data, event_id=event_id, slot=session.slot)
    return session


def payment_of(problem: Problem | None, *, repeated: bool) -> Payment:
    """What an answer to `pay` means (contract section 3, refusals)."""
    if problem is None or (problem.status == CONFLICT and repeated):
        return Payment.PAID
    return Payment.NONE if problem.status in NOTHING_TO_PAY else Payment.REFUSED


def release_when_settled(turn: Turn, session: Session) -> None:
    """Open as soon as the supplier has answered both `end` and `pay`."""
    slot = turn.station.slot_of(session)
    answered = session.end is not Progress.OWED and session.payment is not Payment.OWED
    if slot and slot.phase is Phase.ENDING and answered:
        unlock_slot(turn, session)


def unlock_slot(turn: Turn, session: Session) -> None:
    """Let the vehicle go: the lock is driven once more, whatever its sensor shows.

    Its end is written down already. Where a sensor shows after a kill how far the bolt has come, that is enough.
    """
    slot = turn.station.slots[session.slot]
    turn.move(slot.number, durable=slot.phase is not Phase.ENDING or slot.seen is None, phase=Phase.OPENING)
    visit = visit_at(turn, session.slot)
    if visit:
        turn.visit(visit, step=Step.OPENING, deadline=None)


def slot_opened(turn: Turn, slot: Slot) -> None:
    """The bolt is confirmed open: the vehicle is released, and the supplier is told so."""
    clear_fault(turn, UNLOCK_FAILED, slot.number)
    turn.durable()
    session = turn.station.sessions.get(slot.session)
    turn.slot(slot.number, phase=Phase.FREE, session="", forced=False)
    tell_askers(turn, slot.number, done=True)
    if session is None:
        return
    clear_fault(turn, LOCK_FORCED, slot.number)
    if not session.announced:
        if not session.denied and not session.remote:
            turn.owe_session(session, ActName.UNLOCK)
            turn.owe(session_light(session, ENDED_LIGHT))
        turn.slot(slot.number, ended=turn.fact.at)
    session = turn.session(session, released=True)
    if not session.announced and session.start is not Progress.OWED:
        announce(turn, session)
    finish_at(turn, slot.number)


def unlock_failed(turn: Turn, slot: Slot) -> None:
    """The bolt did not open: the support is called, and the next tap of the card tries again."""
    detail = f"The lock of slot {slot.number} did not open; its card, a command or a hand on site may try again."
    raise_fault(turn, UNLOCK_FAILED, "Unlock Failed", detail, slot=slot.number)
    tell_askers(turn, slot.number, done=False)
    visit = visit_at(turn, slot.number)
    if visit:
        turn.signal(Signal.REFUSED)
        turn.finish(visit)


def announce(turn: Turn, session: Session) -> None:
    """`session-ended`: the vehicle was released, and the supplier knows of its start."""
    data = {
        "id": session.id,
        "card": session.card,
        "slotNumber": session.slot,
        "payment": session.payment,
        "endedBy": session.ended_by,
    }
    turn.emit("session-ended", data, event_id=derived(session.id, "session-ended"), slot=session.slot)
    turn.session(session, announced=True)
