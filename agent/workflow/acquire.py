"""Acquiring a slot: the supplier is asked for one, and what it names is used, tried again or given back."""

from agent.answers import ActiveSession, Grant, Problem
from agent.effects import Act, ActName
from agent.facts import AcquireAnswered
from agent.state import Phase, Session, Signal, Step, Visit
from agent.workflow.giving_back import give_back, give_back_grant, give_back_spare
from agent.workflow.offline import name_offline, offline_answered
from agent.workflow.start import start_session, unable
from agent.workflow.turn import Turn, card_lane, derived, session_lane
from agent.workflow.visits import refuse, refuse_card

NO_SLOTS_LIGHT = {"action": "flicker", "color": "red", "duration": 3000}


def try_acquire_slot(turn: Turn, visit: Visit, *, named: str = "") -> None:
    """No session is active (`named` is over here): ask for a slot, if the station could use one."""
    reason = unable(turn)
    if reason:
        refuse(turn, visit.card, reason)
    else:
        acquire(turn, visit, attempt=0, leaving=turn.station.leaving(visit.card, named))


def acquire(turn: Turn, visit: Visit, *, attempt: int, leaving: Session | None) -> None:
    """Owe the acquire under its key, behind an end of the same card that the supplier does not know yet."""
    lane = session_lane(leaving) if leaving else card_lane(visit.card)
    key = derived(visit.tap, ActName.ACQUIRE, attempt)
    turn.visit(visit, step=Step.ACQUIRING, key=key)
    turn.owe(Act(name=ActName.ACQUIRE, key=key, lane=lane, card=visit.card))


def acquire_answered(turn: Turn, fact: AcquireAnswered) -> None:
    """The supplier gave a slot or refused; a driver who has gone gets nothing."""
    begun = next((s for s in turn.station.sessions.values() if s.acquire == fact.act.key), None)
    if begun:
        offline_answered(turn, fact, begun)
        return
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
        refuse_card(turn, visit)


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
    if visit.session in turn.station.sessions:
        name_offline(turn, visit, name)
    elif name:
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
        start_session(turn, visit, Session(id=grant.session, card=visit.card, slot=grant.slot, tapped=visit.tapped))
    elif visit.spare is None:
        visit = turn.visit(visit, spare=grant, grant=None)
        acquire(turn, visit, attempt=1, leaving=turn.station.leaving(visit.card))
    else:
        give_back_spare(turn, visit)
        give_back_grant(turn, visit.card, grant)
        refuse(turn, visit.card, "slot-unusable")


def turn_away(turn: Turn, visit: Visit, reason: str) -> None:
    """Refuse a driver who still waits for a slot; what was given so far is given back."""
    if visit.step is Step.ACQUIRING:
        turn.strike(visit.key)
    for grant in (visit.spare, visit.grant):
        if grant:
            give_back_grant(turn, visit.card, grant)
    refuse(turn, visit.card, reason)
