"""A card at the reader, and the question whether its session is active."""

from dataclasses import replace

from agent.answers import ActiveSession, Problem
from agent.facts import ActiveAnswered, AnswerUnusable, CardRemoved, CardTapped, SeveralCardsSeen
from agent.state import Phase, Progress, Seen, Session, Signal, Step, Visit
from agent.workflow.acquire import name_session, try_acquire_slot
from agent.workflow.aside import send_again
from agent.workflow.end import end_session, pay_again, unlock_slot
from agent.workflow.faults import raise_fault
from agent.workflow.giving_back import give_back
from agent.workflow.offline import start_offline
from agent.workflow.remote import tell_tap
from agent.workflow.turn import Turn
from agent.workflow.visits import open_visit, refuse, refuse_card


def card_tapped(turn: Turn, fact: CardTapped) -> None:
    """A tap: white light at once, then what its card stands for (contract section 6, "Taps")."""
    if not acknowledge(turn, fact.card, resting=True):
        return
    if turn.rules.remote:
        tell_tap(turn, fact)
    else:
        if turn.rules.triggers:
            turn.emit("card-scanned", {"stationId": turn.rules.station_id, "card": fact.card})
        take_card(turn, fact.card, known=fact.known)


def acknowledge(turn: Turn, card: str, *, resting: bool) -> bool:
    """White light at once. False: the card's own tap is being worked on, or was a moment ago; that is all it gets."""
    turn.wink()
    seen = turn.station.lately.get(card, Seen(until=turn.now, resting=False))
    turn.seen(card, replace(seen, resting=resting or seen.resting))
    return turn.station.visit_of(card) is None and seen.until <= turn.now


def card_removed(turn: Turn, fact: CardRemoved) -> None:
    """The guard time of a card that tapped runs from its removal, if that is later than its result."""
    seen = turn.station.lately.get(fact.card)
    if seen:
        until = max(seen.until, turn.now + turn.rules.retap_guard_s)
        turn.seen(fact.card, Seen(until=until, resting=False))


def several_cards_seen(turn: Turn, fact: SeveralCardsSeen) -> None:  # noqa: ARG001  every handler takes its fact
    """Two cards at once: neither is taken."""
    turn.signal(Signal.TWO_CARDS)


def take_card(turn: Turn, card: str, *, known: bool) -> None:
    """The journal goes before GET."""
    session = turn.station.session_of(card)
    if session is None:
        try_get_active_session(turn, open_visit(turn, card, Step.ASKING, known=known))
        return
    match turn.station.slots[session.slot].phase:
        case Phase.CHARGING:
            try_get_active_session(turn, open_visit(turn, card, Step.ASKING, session=session))
        case Phase.OPENING:
            open_visit(turn, card, Step.OPENING, session=session)
            unlock_slot(turn, session)
        case Phase.HELD if session.start is Progress.REFUSED:
            open_visit(turn, card, Step.OPENING, session=session)
            unlock_slot(turn, session)
        case Phase.HELD:
            open_visit(turn, card, Step.ENDING, session=session)
            pay_again(turn, session)
        case _:
            return


def try_get_active_session(turn: Turn, visit: Visit) -> None:
    """Ask the supplier; the question dies with the driver's wait."""
    turn.ask(visit, until=visit.deadline or turn.now)


def active_answered(turn: Turn, fact: ActiveAnswered) -> None:
    """The supplier says which session is active, that none is, or refuses to say."""
    visit = turn.station.visits.get(fact.visit)
    if visit is None:
        return
    if visit.step is Step.NAMING:
        name_session(turn, visit, fact.session)
    elif visit.step is Step.ASKING:
        _answered(turn, visit, fact)


def answer_unusable(turn: Turn, fact: AnswerUnusable) -> None:
    """An answer of the wrong shape, or about another card, is told on `errors`; it decides nothing."""
    turn.problem(fact.problem)


def _answered(turn: Turn, visit: Visit, fact: ActiveAnswered) -> None:
    session = turn.station.session_of(visit.card)
    if fact.session and not believable(turn, visit, fact.session):
        detail = f"The supplier says that session {fact.session.id} is this card's, which cannot be; it was not used."
        turn.problem(Problem(status=502, title="Unusable Answer", detail=detail))
        journal_decides(turn, visit)
    elif session:
        handle_active_session(turn, visit, session, fact.session)
    elif fact.problem:
        refuse_card(turn, visit)
    elif fact.session and fact.aside:
        send_again(turn, fact.aside)
        try_acquire_slot(turn, visit, named=fact.session.id)
    elif fact.session and fact.session.id not in turn.station.sessions:
        handle_foreign_session(turn, visit, fact.session)
    else:
        try_acquire_slot(turn, visit, named=fact.session.id if fact.session else "")


def believable(turn: Turn, visit: Visit, named: ActiveSession) -> bool:
    """Whether the session can be this card's: not another card's, and in a slot that is here."""
    known = turn.station.sessions.get(named.id)
    return named.slot in turn.station.slots and named.card == visit.card and (not known or known.card == visit.card)


def handle_active_session(turn: Turn, visit: Visit, session: Session, named: ActiveSession | None) -> None:
    """The card's vehicle stands here: its session ends in its slot, whatever the supplier named.

    While its acquire is unanswered, whatever GET names may be what that acquire made: its answer will tell.
    """
    if named and named.id != session.id and not session.acquire:
        if named.slot == session.called_slot and named.id not in turn.station.sessions:
            session = turn.rename(session, named.id, named.slot)
            visit = turn.station.visits[visit.number]
        elif turn.station.slots[named.slot].phase is Phase.FREE:
            give_back(turn, session_id=named.id, card=visit.card, slot=named.slot)
    end_session(turn, session, visit)


def handle_foreign_session(turn: Turn, visit: Visit, named: ActiveSession) -> None:
    """Only the supplier knows this session: it ends if its slot can hold its vehicle, else nobody's lock moves."""
    slot = turn.station.slots[named.slot]
    if not slot.session:
        session = Session(id=named.id, card=visit.card, slot=named.slot, tapped=visit.tapped, start=Progress.DONE)
        turn.slot(named.slot, session=named.id)
        end_session(turn, session, visit)
        return
    detail = f"The supplier says that session {named.id} is in slot {named.slot}, where another card's vehicle stands."
    raise_fault(turn, "SlotMismatch", "Slot Mismatch", detail, slot=named.slot)
    refuse(turn, visit.card, "slot-unusable", slot=named.slot)


def journal_decides(turn: Turn, visit: Visit) -> None:
    """No answer that can be used came in time."""
    session = turn.station.session_of(visit.card)
    if session:
        end_session(turn, session, visit)
    elif not start_offline(turn, visit):
        refuse(turn, visit.card, "supplier-unreachable")
