"""A driver's visit: from a tap to its result, which is a locked slot, an open one, or a refusing light."""

from agent.state import Session, Signal, Step, Visit
from agent.workflow.turn import Turn


def open_visit(turn: Turn, card: str, step: Step, *, session: Session | None = None, known: bool = False) -> Visit:
    """Begin to work on a tap; its driver waits until the deadline."""
    return turn.visit(
        Visit(
            number=turn.count_visit(),
            card=card,
            tap=turn.fact.id,
            tapped=turn.fact.at,
            step=step,
            deadline=turn.now + turn.rules.driver_wait_s,
            slot=session.slot if session else 0,
            session=session.id if session else "",
            known=known,
        )
    )


def visit_at(turn: Turn, slot: int) -> Visit | None:
    """The visit that waits for this slot."""
    return next((v for v in turn.station.visits.values() if v.slot == slot and v.driver), None)


def overdue(turn: Turn, visit: Visit | None) -> bool:
    """Whether nobody waits any more; without a visit, nobody does."""
    return visit is None or (visit.deadline is not None and visit.deadline <= turn.now)


def finish_at(turn: Turn, slot: int) -> None:
    """The driver who waits for this slot has the result."""
    visit = visit_at(turn, slot)
    if visit:
        turn.finish(visit)


def refuse_card(turn: Turn, visit: Visit) -> None:
    """The supplier does not take this card."""
    turn.refuse(visit.card)
    refuse(turn, visit.card, "card-refused")


def refuse(turn: Turn, card: str, reason: str, *, slot: int = 0) -> None:
    """Turn a tap away: red on the main light, `refused.v1`, and its visit is over."""
    turn.signal(Signal.REFUSED)
    turn.emit("refused", {"card": card, "reason": reason}, slot=slot)
    visit = turn.station.visit_of(card)
    if visit:
        turn.finish(visit)
