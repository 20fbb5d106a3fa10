"""Giving back what cannot be used, or what nobody wants any more (contract section 3, "Giving back")."""

from agent.answers import Grant
from agent.effects import ActName
from agent.state import NEVER, Progress, Session, Step, Visit
from agent.workflow.turn import Turn, derived, session_act, session_light

LIGHT_OFF = {"action": "off"}


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


def give_back_spare(turn: Turn, visit: Visit) -> None:
    """Give back the slot that could not be used."""
    if visit.spare:
        give_back_grant(turn, visit.card, visit.spare)


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


def take_back_offline(turn: Turn, session: Session) -> Session:
    """A start without the supplier that came to nothing: nothing of it has left but, perhaps, its acquire.

    What an acquire that has left still gets is given back when it is answered.
    """
    turn.abandon(session)
    turn.strike(session.acquire)
    return turn.session(session, acquire="", announced=True)
