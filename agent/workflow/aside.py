"""What was set aside because the supplier refused it goes again: refused, as a new act under a new key."""

from collections.abc import Sequence
from dataclasses import replace

from agent.effects import Act, ActName, Aside
from agent.state import Payment, Progress, Session
from agent.workflow.turn import Turn, derived, session_act

MOST_REFUSALS = 1000
"""How many keys of an act are tried to find out how often it was refused before."""


def send_again(turn: Turn, rows: Sequence[Aside]) -> None:
    """The first of them was refused; what comes after it in its session was only waiting behind it."""
    for number, row in enumerate(rows):
        if row.act:
            owe_again(turn, row.act, refused=number == 0)
        elif row.message:
            turn.send(row.message)
        turn.drop_row(row)


def owe_again(turn: Turn, act: Act, *, refused: bool) -> None:
    """One act of a session that is over here."""
    session = turn.station.session_called(act.session) or over(turn, act)
    refusals = refusals_before(act) + refused
    if act.name is ActName.PAY:
        session = turn.session(session, payment=Payment.OWED, pay_refusals=refusals)
    else:
        session = turn.session(session, end=Progress.OWED)
    key = derived(session.id, act.name, refusals) if refused else act.key
    turn.owe(replace(session_act(session, act.name), key=key))


def over(turn: Turn, act: Act) -> Session:
    """A session that is over here, but for what is owed again."""
    return Session(
        id=act.session,
        card=act.card,
        slot=act.slot,
        tapped=turn.fact.at,
        start=Progress.DONE,
        end=Progress.DONE,
        released=True,
        announced=True,
    )


def refusals_before(act: Act) -> int:
    """How often this act of its session had been refused when it was made (contract section 3, "Keys")."""
    return next((n for n in range(MOST_REFUSALS) if derived(act.session, act.name, n) == act.key), 0)
