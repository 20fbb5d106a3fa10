"""Starting a session: acquire a slot, blue, lock, start; and giving back what cannot be used."""

from agent.answers import ActiveSession, Grant, Problem
from agent.effects import Act, ActName
from agent.facts import AcquireAnswered, CallSettled
from agent.state import NEVER, Payment, Phase, Progress, Session, Signal, Slot, Step, Visit
from agent.workflow.faults import raise_fault
from agent.workflow.turn import FRESH_S, Turn, derived, session_act, session_lane, session_light
from agent.workflow.visits import finish_at, refuse, visit_at

LOCK_FAILED = "LockFailed"
LOCK_FAILURES = 3
"""Visits in a row whose lock does not confirm before the slot is out of order (contract section 7)."""

BLUE_ON = {"action": "on", "color": "blue"}
LIGHT_OFF = {"action": "off"}
NO_SLOTS_LIGHT = {"action": "flicker", "color": "red", "duration": 3000}


def try_acquire_slot(turn: Turn, visit: Visit, *, named: str = "") -> None:
    """No session is active (`named` is over here): ask for a slot, if the station could use one."""
    reason = unable(turn)
    if reason:
        refuse(turn, visit.card, reason)
    else:
        acquire(turn, visit, attempt=0, leaving=turn.station.leaving(visit.card, named))


def unable(turn: Turn) -> str:
    """Why the station starts nothing now; empty if it could."""
    if "StorageFailure/0" in turn.station.faults:
        return "storage"
    usable = any(turn.station.usable(slot) for slot in turn.station.slots.values())
    return "" if turn.station.in_service and usable else "out-of-order"


def acquire(turn: Turn, visit: Visit, *, attempt: int, leaving: Session | None) -> None:
    """Owe the acquire under its key, behind an end of the same card that the supplier does not know yet."""
    lane = session_lane(leaving.id) if leaving else f"card:{visit.card}"
    key = derived(visit.tap, ActName.ACQUIRE, attempt)
    turn.visit(visit, step=Step.ACQUIRING, key=key)
    turn.owe(Act(name=ActName.ACQUIRE, key=key, lane=lane, card=visit.card))


def acquire_answered(turn: Turn, fact: AcquireAnswered) -> None:
    """The supplier gave a slot or refused; a driver who has gone gets nothing."""
    turn.settle(fact.act)
    visit = next((v for v in turn.station.visits.values() if v.key == fact.act.key), None)
    if visit is None or visit.step is not Step.ACQUIRING:
        if fact.grant:
            give_back_grant(turn, fact.act.card, fact.grant)
    elif fact.grant is None:
        acquire_refused(turn, visit, fact.problem or Problem(status=0))
    elif not fact.grant.session:
        ask_name(turn, visit, fact.grant)
    else:
        take_slot(turn, visit, fact.grant)


def acquire_refused(turn: Turn, visit: Visit, problem: Problem) -> None:
    """No slots, or not for this card."""
    if visit.spare:
        give_back_grant(turn, visit.card, visit.spare)
        refuse(turn, visit.card, "slot-unusable")
    elif problem.says_no_slots:
        no_slots_available(turn, visit)
    else:
        refuse(turn, visit.card, "card-refused")


def no_slots_available(turn: Turn, visit: Visit) -> None:
    """Red flicker and nothing else."""
    turn.signal(Signal.NO_SLOTS)
    turn.owe_main_light(NO_SLOTS_LIGHT)
    turn.finish(visit)


def ask_name(turn: Turn, visit: Visit, grant: Grant) -> None:
    """The answer had no session id: GET is asked for it."""
    visit = turn.visit(visit, step=Step.NAMING, grant=grant)
    turn.ask(visit, until=visit.deadline or turn.now)


def name_session(turn: Turn, visit: Visit, named: ActiveSession | None) -> None:
    """The session of a slot given without one: the supplier's, or else the station's own."""
    if visit.grant is None:
        return
    slot = visit.grant.slot
    fits = named and named.card == visit.card and named.slot == slot and named.id not in turn.station.sessions
    name = named.id if named and fits else ""
    if visit.driver:
        take_slot(turn, visit, Grant(slot=slot, session=name or derived(visit.key, "session")))
        return
    turn.finish(visit)
    if name:
        give_back(turn, session_id=name, card=visit.card, slot=slot)


def take_slot(turn: Turn, visit: Visit, grant: Grant) -> None:
    """Use the slot that was given; one that cannot be used is given back once another has been named."""
    slot = turn.station.slots.get(grant.slot)
    reason = unable(turn)
    if reason:
        give_back_grant(turn, visit.card, grant)
        give_back_spare(turn, visit)
        refuse(turn, visit.card, reason)
    elif slot and slot.phase is Phase.FREE and turn.station.usable(slot) and grant.session not in turn.station.sessions:
        give_back_spare(turn, visit)
        start_session(turn, visit, grant)
    elif visit.spare is None:
        visit = turn.visit(visit, spare=grant, grant=None)
        acquire(turn, visit, attempt=1, leaving=turn.station.leaving(visit.card))
    else:
        give_back_spare(turn, visit)
        give_back_grant(turn, visit.card, grant)
        refuse(turn, visit.card, "slot-unusable")


def start_session(turn: Turn, visit: Visit, grant: Grant) -> None:
    """Blue and lock; `lock` and `start` become owed when the bolt is confirmed."""
    session = Session(id=grant.session, card=visit.card, slot=grant.slot, tapped=visit.tapped)
    light = session_light(session, BLUE_ON)
    turn.session(session, light=light.key)
    turn.owe(light)
    turn.move(grant.slot, phase=Phase.STARTING, session=session.id, ended=None)
    turn.visit(visit, step=Step.LOCKING, slot=grant.slot, session=session.id, deadline=None, grant=None, spare=None)


def slot_locked(turn: Turn, slot: Slot) -> None:
    """The bolt is confirmed: the session is on, and the supplier is told so."""
    session = turn.station.sessions[slot.session]
    turn.slot(slot.number, phase=Phase.CHARGING, lock_failures=0)
    turn.owe_soon(session, ActName.LOCK)
    turn.owe_soon(session, ActName.START)
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
    give_back_session(turn, session)
    turn.move(slot.number, phase=Phase.OPENING)
    refuse(turn, session.card, reason, slot=slot.number)


def start_settled(turn: Turn, fact: CallSettled, session: Session) -> Session:
    """`start` was delivered: the session has started, and an end that came before may now be told."""
    session = turn.session(session, start=Progress.DONE)
    data = {"id": session.id, "card": session.card, "slotNumber": session.slot}
    turn.emit("session-started", data, event_id=derived(session.id, "session-started"), slot=session.slot)
    turn.settle(fact.act)
    return session


def start_refused(turn: Turn, fact: CallSettled, session: Session) -> Session:
    """`end` follows, never `pay`. A fresh driver sees the slot open, red; later it stays locked until the card taps."""
    turn.settle(fact.act)
    if session.payment is Payment.OWED:
        turn.forget(derived(session.id, ActName.PAY, session.pay_refusals))
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


def turn_away(turn: Turn, visit: Visit, reason: str) -> None:
    """Refuse a driver who still waits for a slot; what was given so far is given back."""
    if visit.step is Step.ACQUIRING:
        turn.strike(visit.key)
    for grant in (visit.spare, visit.grant):
        if grant:
            give_back_grant(turn, visit.card, grant)
    refuse(turn, visit.card, reason)


def give_back_spare(turn: Turn, visit: Visit) -> None:
    """Give back the slot that could not be used."""
    if visit.spare:
        give_back_grant(turn, visit.card, visit.spare)


def give_back_grant(turn: Turn, card: str, grant: Grant) -> None:
    """Give back what an acquire got; without a session id GET is asked for it first."""
    if not grant.session:
        ghost = Visit(
            number=turn.count_visit(),
            card=card,
            tap=turn.fact.id,
            tapped=turn.fact.at,
            step=Step.NAMING,
            deadline=None,
            grant=grant,
            driver=False,
        )
        turn.ask(turn.visit(ghost), until=NEVER)
    else:
        give_back(turn, session_id=grant.session, card=card, slot=grant.slot)


def give_back(turn: Turn, *, session_id: str, card: str, slot: int) -> None:
    """`PUT end` for a session that never had a bolt or a light here; one that is known here has its own end."""
    if session_id not in turn.station.sessions:
        session = Session(id=session_id, card=card, slot=slot, tapped=turn.fact.at, released=True)
        give_back_session(turn, session)


def give_back_session(turn: Turn, session: Session) -> Session:
    """`PUT end`; `unlock` if `lock` had become owed; light off if blue had. Never `pay`, no `session-ended`."""
    turn.owe_session(session, ActName.END)
    if session.locked:
        turn.undo(derived(session.id, ActName.LOCK, 0), session_act(session, ActName.UNLOCK))
    if session.light:
        turn.undo(session.light, session_light(session, LIGHT_OFF))
    return turn.session(session, end=Progress.OWED, announced=True)
