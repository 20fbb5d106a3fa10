"""What somebody on site, or an operator from afar, asks for. Each is answered once, when its outcome is known."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from agent.effects import MAIN_LIGHT, Answer
from agent.facts import (
    AvailabilityAsked,
    ClearFaultAsked,
    DiagnosticsAsked,
    DropAsked,
    EndAsked,
    Fact,
    LightsAsked,
    LockAsked,
    PingAsked,
    RestartAsked,
    RetryAsked,
    UnlockAsked,
)
from agent.state import Fault, Payment, Phase, Progress, Session, Show, Slot, Step
from agent.workflow.aside import send_again
from agent.workflow.asking import decline
from agent.workflow.end import end_session, pay_again, unlock_slot
from agent.workflow.faults import clear, raise_fault
from agent.workflow.release import RELEASED, let_everybody_go
from agent.workflow.remote import let_go_remotely, lock_asked
from agent.workflow.start import UNCONFIRMED
from agent.workflow.turn import Turn
from agent.workflow.visits import open_visit

NOT_FOUND, CONFLICT = 404, 409


def unlock_asked(turn: Turn, fact: UnlockAsked) -> None:
    """Open a free, held, stuck or unknown slot; one with a session that goes on only with `force`."""
    slot = turn.station.slots.get(fact.slot)
    if slot is None:
        decline(turn, NOT_FOUND, "No Such Slot", f"This station has no slot {fact.slot}.")
        return
    own = slot.phase is Phase.CHARGING and not turn.station.sessions[slot.session].remote
    if slot.phase in UNCONFIRMED or (own and not fact.force):
        decline(turn, CONFLICT, "In Use", f"Slot {slot.number} has a session: use end.")
        return
    turn.slot(slot.number, askers=(*slot.askers, fact.id))
    session = turn.station.sessions.get(slot.session)
    if session and session.remote and slot.phase is Phase.CHARGING and not fact.force:
        let_go_remotely(turn, session, payment=Payment.NONE)
    elif slot.phase in (Phase.FREE, Phase.CHARGING):
        turn.move(slot.number, forced=slot.phase is Phase.CHARGING)
    elif session is None:
        turn.move(slot.number, phase=Phase.OPENING)
    else:
        if slot.phase is Phase.HELD:
            session = turn.session(session, ended_by="command")
        unlock_slot(turn, session)


def end_asked(turn: Turn, fact: EndAsked) -> None:
    """End a session as its card would, without asking the supplier whether it is active."""
    session = turn.station.session_called(fact.session)
    slot = turn.station.slot_of(session) if session else None
    if session is None or slot is None:
        decline(turn, NOT_FOUND, "No Such Session", f"No session {fact.session} stands in a slot here.")
    elif slot.phase in UNCONFIRMED:
        decline(turn, CONFLICT, "Starting", f"Session {fact.session} is just starting: ask again in a moment.")
    else:
        turn.slot(slot.number, askers=(*slot.askers, fact.id))
        end_here(turn, session, slot)


def end_here(turn: Turn, session: Session, slot: Slot) -> None:
    """`end`, `pay`, unlock; who waits for an end already goes on waiting."""
    if slot.phase is Phase.ENDING:
        return
    visit = turn.station.visit_of(session.card)
    visit = turn.visit(visit, slot=slot.number, session=session.id) if visit else None
    visit = visit or open_visit(turn, session.card, Step.ENDING, session=session)
    match slot.phase:
        case Phase.CHARGING if session.remote:
            let_go_remotely(turn, turn.session(session, ended_by="command"), payment=Payment.OWED)
        case Phase.CHARGING:
            end_session(turn, turn.session(session, ended_by="command"), visit)
        case Phase.HELD if session.start is not Progress.REFUSED:
            turn.visit(visit, step=Step.ENDING)
            pay_again(turn, session)
        case _:
            unlock_slot(turn, session)


def clear_fault_asked(turn: Turn, fact: ClearFaultAsked) -> None:
    """Clear a fault; a cause that is still there raises it anew."""
    faults = [each for each in turn.station.faults.values() if (each.code, each.slot) == (fact.code, fact.slot)]
    if not faults:
        where = f" of slot {fact.slot}" if fact.slot else ""
        decline(turn, NOT_FOUND, "No Such Fault", f"{fact.code}{where} is not raised; see status for what is.")
        return
    for fault in faults:
        clear(turn, fault)
        raise_anew(turn, fault)
    turn.answer(Answer(to=fact.id, result={"code": fact.code}))


def raise_anew(turn: Turn, fault: Fault) -> None:
    """A fault that was cleared by hand, while its cause is still there."""
    if fault.origin == "inbox":
        return
    if fault.code == RELEASED and turn.station.letting_go:
        let_everybody_go(turn)
    elif fault.watched:
        raise_fault(turn, fault.code, fault.title, fault.detail, slot=fault.slot, warning=fault.warning, watched=True)


def retry_asked(turn: Turn, fact: RetryAsked) -> None:
    """Send again what was set aside, and what was set aside because of it: refused, as a new act under a new key."""
    if not fact.rows:
        decline(turn, NOT_FOUND, "Nothing Set Aside", f"Nothing is set aside under {fact.name}; see owed list.")
        return
    if fact.behind:
        detail = f"{fact.name} comes after {fact.behind}: retry that, and it goes with it."
        decline(turn, CONFLICT, "Not Alone", detail)
        return
    send_again(turn, fact.rows)
    turn.answer(Answer(to=fact.id, result={"retried": [row.name for row in fact.rows]}))


def drop_asked(turn: Turn, fact: DropAsked) -> None:
    """Forget what was set aside, and what was set aside because of it."""
    if not fact.rows:
        decline(turn, NOT_FOUND, "Nothing Set Aside", f"Nothing is set aside under {fact.name}; see owed list.")
        return
    for row in fact.rows:
        turn.drop_row(row)
    turn.answer(Answer(to=fact.id, result={"dropped": [row.name for row in fact.rows]}))


def ping_asked(turn: Turn, fact: PingAsked) -> None:
    """Somebody is there."""
    turn.answer(Answer(to=fact.id, result={"stationId": turn.rules.station_id}))


def lights_asked(turn: Turn, fact: LightsAsked) -> None:
    """Show it until its time is over, wherever nothing else is to be shown; a restart forgets it."""
    if fact.target != MAIN_LIGHT and fact.target not in {str(number) for number in turn.station.slots}:
        decline(turn, NOT_FOUND, "No Such Light", f"This station has no light {fact.target}.")
        return
    shows = {name: show for name, show in turn.station.shows.items() if name != fact.target}
    if fact.action != "off":
        shows[fact.target] = Show(fact.action, fact.colour, turn.now, turn.now + fact.duration_s)
    turn.station = replace(turn.station, shows=shows)
    if fact.target == MAIN_LIGHT:
        drivers_told(turn)
    turn.answer(Answer(to=fact.id, result={"target": fact.target}))


def drivers_told(turn: Turn) -> None:
    """Whoever waits for a workflow elsewhere, and stands in no slot, has its answer by the main light."""
    for visit in list(turn.station.visits.values()):
        if visit.step is Step.REMOTE and not visit.session:
            turn.finish(visit)


def availability_asked(turn: Turn, fact: AvailabilityAsked) -> None:
    """Out of service, nothing starts and vehicles are let go as ever; no fault is raised."""
    if fact.slot and fact.slot not in turn.station.slots:
        decline(turn, NOT_FOUND, "No Such Slot", f"This station has no slot {fact.slot}.")
        return
    if fact.slot:
        turn.slot(fact.slot, available=fact.available)
    else:
        turn.station = replace(turn.station, available=fact.available)
    where = {"slotNumber": fact.slot} if fact.slot else {}
    turn.answer(Answer(to=fact.id, result={**where, "available": fact.available}))


def restart_asked(turn: Turn, fact: RestartAsked) -> None:
    """End between two facts; whoever keeps the agent running starts it again."""
    turn.restart()
    turn.answer(Answer(to=fact.id))


def diagnostics_asked(turn: Turn, fact: DiagnosticsAsked) -> None:
    """What main found when it was asked."""
    turn.answer(Answer(to=fact.id, result=fact.found))


ASKED: Mapping[type[Fact], Callable[[Turn, Any], None]] = {
    UnlockAsked: unlock_asked,
    EndAsked: end_asked,
    ClearFaultAsked: clear_fault_asked,
    RetryAsked: retry_asked,
    DropAsked: drop_asked,
    PingAsked: ping_asked,
    LightsAsked: lights_asked,
    AvailabilityAsked: availability_asked,
    RestartAsked: restart_asked,
    DiagnosticsAsked: diagnostics_asked,
    LockAsked: lock_asked,
}
"""What each thing that can be asked for leads to."""
