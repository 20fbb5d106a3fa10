"""A workflow elsewhere decides (contract section 8): taps are told, locks obey, its silence keeps nobody in."""

from agent.effects import Answer
from agent.facts import CardTapped, LockAsked
from agent.state import Payment, Phase, Progress, Session, Slot, Step, Visit
from agent.workflow.asking import decline
from agent.workflow.end import unlock_slot
from agent.workflow.start import await_vehicle
from agent.workflow.turn import Turn
from agent.workflow.visits import open_visit, refuse

CONFLICT, NOT_FOUND = 409, 404
SILENT = "supplier-unreachable"


def tell_tap(turn: Turn, fact: CardTapped) -> None:
    """Publish it, and wait for what comes of it as long as the driver does."""
    turn.emit("card-scanned", {"stationId": turn.rules.station_id, "card": fact.card})
    open_visit(turn, fact.card, Step.REMOTE, session=turn.station.session_of(fact.card))


def nobody_answered(turn: Turn, visit: Visit) -> None:
    """A card that stands here opens its slot, and nobody else's; any other is turned away."""
    session = turn.station.sessions.get(visit.session)
    if session is None:
        refuse(turn, visit.card, SILENT)
    else:
        let_go_remotely(turn, session, payment=Payment.OWED)


def let_go_remotely(turn: Turn, session: Session, *, payment: Payment) -> None:
    """Open the slot of such a session; `session-ended` tells it if the workflow elsewhere did not want it itself."""
    session = turn.session(session, payment=payment, announced=payment is Payment.NONE)
    turn.durable()
    unlock_slot(turn, session)


def lock_asked(turn: Turn, fact: LockAsked) -> None:
    """Lock a slot for a card; said again for the same session, it is done already or under way."""
    slot = turn.station.slots.get(fact.slot)
    if slot is None:
        decline(turn, NOT_FOUND, "No Such Slot", f"This station has no slot {fact.slot}.")
    elif slot.session == fact.session and turn.station.sessions[fact.session].card == fact.card:
        asked_again(turn, fact, slot)
    elif reason := unfit(turn, fact, slot):
        decline(turn, CONFLICT, "Not Usable", reason)
    else:
        lock_remotely(turn, fact)


def unfit(turn: Turn, fact: LockAsked, slot: Slot) -> str:
    """Why the slot cannot be given to the card; empty if it can."""
    if slot.phase is not Phase.FREE:
        return f"Slot {slot.number} is not free."
    if not turn.station.usable(slot) or not turn.station.in_service:
        return f"Slot {slot.number} is out of order."
    if turn.station.session_of(fact.card) or fact.session in turn.station.sessions:
        return "This card or session stands in another slot."
    return ""


def lock_remotely(turn: Turn, fact: LockAsked) -> None:
    """As a start of the station's own, but that nobody is called."""
    session = Session(id=fact.session, card=fact.card, slot=fact.slot, tapped=fact.at, start=Progress.DONE, remote=True)
    turn.session(session)
    turn.durable()
    slot = turn.slot(fact.slot, phase=Phase.AWAITING, session=session.id, ended=None, askers=(fact.id,))
    visit = turn.station.visit_of(fact.card) or open_visit(turn, fact.card, Step.REMOTE)
    await_vehicle(turn, turn.visit(visit, slot=slot.number, session=session.id), slot)


def asked_again(turn: Turn, fact: LockAsked, slot: Slot) -> None:
    """It is locked already, or its bolt is on its way."""
    if slot.phase in (Phase.AWAITING, Phase.STARTING):
        turn.slot(slot.number, askers=(*slot.askers, fact.id))
    elif slot.phase is Phase.CHARGING:
        turn.answer(Answer(to=fact.id, result={"slotNumber": slot.number, "seen": slot.shown}))
    else:
        decline(turn, CONFLICT, "Not Usable", f"Slot {slot.number} is opening.")
