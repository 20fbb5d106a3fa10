"""After any end of the process: go on where the journal stands."""

from dataclasses import replace

from agent.clock import At
from agent.facts import JournalLost, Restarted
from agent.state import NEVER, Phase, Slot, Step, Visit
from agent.workflow.acquire import turn_away
from agent.workflow.end import unlock_slot
from agent.workflow.faults import raise_fault
from agent.workflow.release import RELEASED, let_everybody_go
from agent.workflow.start import UNCONFIRMED, close_bolt, undo_start
from agent.workflow.turn import FRESH_S, Turn
from agent.workflow.visits import overdue, visit_at

DRIVER_GONE = frozenset({Step.ASKING, Step.ACQUIRING, Step.NAMING})
"""Steps whose visit does not outlive the process; an acquire that may have left is repeated and given back."""


def restarted(turn: Turn, fact: Restarted) -> None:
    """Drop the visits that nobody can finish, finish or undo starts, finish every end."""
    turn.station = replace(turn.station, letting_go=fact.letting_go)
    for visit in list(turn.station.visits.values()):
        resume_visit(turn, visit)
    for slot in list(turn.station.slots.values()):
        deserted = slot.deserted and in_this_boot(slot.deserted, fact.at)
        resume(turn, fact, turn.slot(slot.number, vehicle=fact.vehicles.get(slot.number), deserted=deserted))
    for fault in turn.station.faults.values():
        turn.fault(replace(fault, raised=in_this_boot(fault.raised, fact.at)))
    for key, support in turn.station.supports.items():
        turn.supported(key, replace(support, called=in_this_boot(support.called, fact.at)))
    if fact.letting_go and f"{RELEASED}/0" not in turn.station.faults:
        let_everybody_go(turn)


def journal_lost(turn: Turn, fact: JournalLost) -> None:
    """Whose vehicle is locked in, or may be, nobody knows: no lock is moved (contract section 6, "A broken disk")."""
    for slot in list(turn.station.slots.values()):
        turn.slot(slot.number, phase=Phase.UNKNOWN if fact.seen.get(slot.number, True) else Phase.FREE)
    raise_fault(turn, "JournalLost", "Journal Lost", fact.detail, warning=True)


def resume_visit(turn: Turn, visit: Visit) -> None:
    """Ask again what gives a slot back; a driver of another boot, or who still had no slot, has gone."""
    if not visit.driver:
        turn.ask(visit, until=NEVER)
    elif visit.step in DRIVER_GONE:
        turn_away(turn, visit, "undone")
    elif visit.tapped.boot != turn.fact.at.boot or visit.slot not in turn.station.slots:
        turn.finish(visit)


def resume(turn: Turn, fact: Restarted, slot: Slot) -> None:
    """Go on with one slot's story."""
    session = turn.station.sessions.get(slot.session)
    if session is None:
        return
    if slot.phase in UNCONFIRMED and turn.fact.at.age_of(session.tapped) >= FRESH_S:
        undo_start(turn, slot, "undone")
    elif slot.phase is Phase.AWAITING and (slot.vehicle is not False or fact.seen.get(slot.number)):
        close_bolt(turn, slot)
    elif slot.phase is Phase.ENDING and overdue(turn, visit_at(turn, slot.number)):
        unlock_slot(turn, session)
    elif slot.phase is Phase.ENDING and session.locked and fact.seen.get(slot.number) is False:
        # it had been let go, though that was not written down yet: open it stays, and what was answered is asked again
        turn.slot(slot.number, forced=True)


def in_this_boot(moment: At, now: At) -> At:
    """A moment of another boot on this boot's clock, as far as the wall clock knows: ages go on counting."""
    if moment.boot == now.boot:
        return moment
    return At(now.boot, now.boottime - max(0.0, now.wall - moment.wall), moment.wall)
