"""Starting without the supplier: a card known here gets a free slot, and everything is owed in order.

Contract section 6, `offline_start = "known-cards"`. The acquire goes first, under its key; its answer may come days
later, when the vehicle has long gone.
"""

from agent.answers import Grant, Problem
from agent.effects import Act, ActName
from agent.facts import AcquireAnswered
from agent.state import NEVER, Payment, Phase, Progress, Session, Slot, Step, Visit
from agent.workflow.end import announce, settle_payment, unlock_slot
from agent.workflow.giving_back import take_back_offline
from agent.workflow.start import UNCONFIRMED, start_session, unable
from agent.workflow.turn import Turn, card_lane, derived
from agent.workflow.visits import refuse, visit_at


def start_offline(turn: Turn, visit: Visit) -> bool:
    """Start if this card may without the supplier, and a slot is free; gives whether it did."""
    slot = free_slot(turn)
    if slot is None or not may_start(turn, visit):
        return False
    key = visit.key or derived(visit.tap, ActName.ACQUIRE, 0)
    lane = card_lane(visit.card)
    if not visit.key:
        turn.owe(Act(name=ActName.ACQUIRE, key=key, lane=lane, card=visit.card))
    session = Session(
        id=derived(key, "session"),
        card=visit.card,
        slot=slot.number,
        tapped=visit.tapped,
        lane=lane,
        offline=True,
        acquire=key,
    )
    start_session(turn, visit, session)
    return True


def may_start(turn: Turn, visit: Visit) -> bool:
    """Whether this card is known, and nothing of an earlier start without the supplier is undecided."""
    of_card = [session for session in turn.station.sessions.values() if session.card == visit.card]
    undecided = turn.station.leaving(visit.card) or any(session.offline for session in of_card)
    fresh = visit.spare is None and visit.grant is None
    return visit.known and fresh and not undecided and turn.rules.offline_start == "known-cards" and not unable(turn)


def free_slot(turn: Turn) -> Slot | None:
    """The first slot that stands open and may be used, rather one that a vehicle stands in."""
    slots = [s for s in turn.station.slots.values() if s.phase is Phase.FREE and turn.station.usable(s)]
    return max(slots, key=lambda slot: slot.vehicle is True, default=None)


def offline_answered(turn: Turn, fact: AcquireAnswered, session: Session) -> None:
    """The supplier has heard of the start at last."""
    if fact.grant is None:
        turn.settle(fact.act)
        deny(turn, session, fact.problem or Problem(status=0))
    elif fact.grant.session:
        turn.settle(fact.act)
        grant_offline(turn, session, fact.grant)
    elif not any(visit.key == fact.act.key for visit in turn.station.visits.values()):
        ask_name_offline(turn, fact, session, fact.grant)


def ask_name_offline(turn: Turn, fact: AcquireAnswered, session: Session, grant: Grant) -> None:
    """GET is asked for the id that the answer lacked; until then the acquire holds up what stands behind it."""
    visit = Visit(
        number=turn.count_visit(),
        card=session.card,
        tap=fact.id,
        tapped=fact.at,
        step=Step.NAMING,
        deadline=None,
        session=session.id,
        key=fact.act.key,
        grant=grant,
        driver=False,
    )
    turn.ask(turn.visit(visit), until=NEVER)


def name_offline(turn: Turn, visit: Visit, name: str) -> None:
    """GET has answered: its id, or else the station's own, is the session's."""
    session = turn.station.sessions[visit.session]
    turn.forget(visit.key)
    if visit.grant:
        grant_offline(turn, session, Grant(slot=visit.grant.slot, session=name or session.id))


def grant_offline(turn: Turn, session: Session, grant: Grant) -> None:
    """The supplier's id replaces the station's own; its slot number is used in calls and comparisons only."""
    name = session.id if grant.session in turn.station.sessions else grant.session
    session = turn.rename(session, name, grant.slot)
    turn.session(session, acquire="")
    turn.durable()


def deny(turn: Turn, session: Session, problem: Problem) -> None:
    """Refused, or no slots: nothing more is sent; the vehicle stays locked, red, until its card taps."""
    if not problem.says_no_slots:
        turn.refuse(session.card)
    slot = turn.station.slot_of(session)
    if slot and slot.phase in UNCONFIRMED:
        take_back_offline(turn, session)
        turn.move(slot.number, phase=Phase.OPENING)
        refuse(turn, session.card, "slot-unusable" if problem.says_no_slots else "card-refused", slot=slot.number)
        return
    turn.abandon(session)
    settled = {"start": Progress.REFUSED, "end": Progress.NONE, "acquire": "", "denied": True}
    session = settle_payment(turn, turn.session(session, **settled), Payment.REFUSED)
    if session.released and not session.announced:
        announce(turn, session)
    if slot and slot.phase is Phase.ENDING:
        unlock_slot(turn, session)
    elif slot and slot.phase is Phase.CHARGING:
        lock_in(turn, session, slot)


def lock_in(turn: Turn, session: Session, slot: Slot) -> None:
    """Held until its card taps; if that has just tapped, the slot opens."""
    if visit_at(turn, slot.number):
        unlock_slot(turn, session)
    else:
        turn.slot(slot.number, phase=Phase.HELD)
