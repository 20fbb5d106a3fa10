"""What holds after every fact, in every story (contract sections 3 to 7)."""

from agent.effects import Act, ActName, Effects
from agent.facts import (
    CallSettled,
    ClearFaultAsked,
    CommandReceived,
    DeadlinePassed,
    EndAsked,
    Fact,
    ReleaseSwitched,
    Restarted,
    UnlockAsked,
)
from agent.state import Payment, Phase, Progress, Slot, Station, Step
from agent.workflow.turn import derived
from agent.workflow.vehicles import DESERTED_S

LIVED_IN = frozenset({Phase.AWAITING, Phase.STARTING, Phase.CHARGING, Phase.ENDING, Phase.OPENING, Phase.HELD})
AT_A_SLOT = {
    Step.REMOTE: frozenset({Phase.CHARGING, Phase.OPENING}),
    Step.PARKING: frozenset({Phase.AWAITING}),
    Step.LOCKING: frozenset({Phase.STARTING}),
    Step.ENDING: frozenset({Phase.ENDING}),
    Step.OPENING: frozenset({Phase.OPENING}),
    Step.ASKING: frozenset({Phase.CHARGING}),
}
LOCKED_IN = frozenset({Phase.CHARGING, Phase.HELD})


def check(before: Station, fact: Fact, after: Station, effects: Effects, keys: dict[str, Act]) -> None:
    """Everything, after one fact. `keys` remembers every key of the story with its act."""
    slots_and_sessions(after)
    nobody_else_opens(before, fact, after)
    visits(after)
    written_first(before, fact, after, effects)
    keys_are_of_one_act(effects, keys)


def slots_and_sessions(station: Station) -> None:
    """A slot that is lived in has its session; nobody lives elsewhere, or in two slots."""
    for slot in station.slots.values():
        nobody_knows_whose = slot.phase is Phase.OPENING and not slot.session
        assert (slot.phase in LIVED_IN) == bool(slot.session) or nobody_knows_whose, slot
        if slot.session:
            session = station.sessions[slot.session]
            assert session.slot == slot.number, "the slot's session stands in another slot"
            assert not session.released, "a released session holds a slot"
            assert session.start is not Progress.OWED or session.locked, "a start is owed before its bolt is confirmed"
    standing = [slot.session for slot in station.slots.values() if slot.session]
    cards = [station.sessions[name].card for name in standing]
    assert len(set(standing)) == len(standing)
    assert len(set(cards)) == len(cards), "a card stands in two slots"
    for name, session in station.sessions.items():
        assert name == session.id
        assert session.released or name in standing, f"{session} is nowhere"
        assert not session.settled, f"{session} is kept for ever"
        assert session.payment is not Payment.OWED or session.end is not Progress.NONE or session.remote


def nobody_else_opens(before: Station, fact: Fact, after: Station) -> None:
    """A locked vehicle goes for its own card, for somebody on site, or because the supplier refused its start.

    Or because the release contact is closed, or it has gone already.
    """
    asking = fact.asked if isinstance(fact, CommandReceived) else fact
    released = after.letting_go and isinstance(asking, ReleaseSwitched | Restarted | ClearFaultAsked)
    for number, slot in before.slots.items():
        if slot.phase in LOCKED_IN and after.slots[number].phase not in LOCKED_IN:
            card = before.sessions[slot.session].card
            asked = before.visit_of(card) or after.visit_of(card)
            refused = isinstance(fact, CallSettled) and before.session_called(fact.act.session)
            on_site = (isinstance(asking, UnlockAsked) and asking.slot == number) or (
                isinstance(asking, EndAsked) and before.session_called(asking.session) == before.sessions[slot.session]
            )
            gone = isinstance(fact, DeadlinePassed) and slot.deserted and fact.at.age_of(slot.deserted) >= DESERTED_S
            mine = refused and refused.slot == number
            assert asked or on_site or mine or released or gone, f"slot {number} opened for nobody"


def visits(station: Station) -> None:
    """A visit lives as long as its driver waits, and there is one for a card."""
    drivers = [visit.card for visit in station.visits.values() if visit.driver]
    assert len(set(drivers)) == len(drivers), "two visits for one card"
    for number, visit in station.visits.items():
        assert number == visit.number <= station.visit_count
        if not visit.driver:
            assert visit.step is Step.NAMING
            assert visit.grant
            continue
        if visit.slot:
            slot = station.slots[visit.slot]
            assert slot.phase in AT_A_SLOT[visit.step], (visit, slot)
            assert slot.session == visit.session
            assert station.sessions[visit.session].card == visit.card, "a card waits for another's slot"
        else:
            assert visit.step in (Step.ASKING, Step.ACQUIRING, Step.NAMING, Step.REMOTE), visit
        assert (visit.deadline is None) == (visit.step in (Step.LOCKING, Step.OPENING)), "nobody ends this wait"


def written_first(before: Station, fact: Fact, after: Station, effects: Effects) -> None:
    """Whatever leaves or moves was committed first; what a power cut may take comes again from what is still owed."""
    if effects.again:
        assert not (*effects.owed, *effects.undone, *effects.problems, *effects.aside), effects
        assert isinstance(fact, CallSettled)
        session = before.session_called(fact.act.session)
        assert session is not None
        assert session.start is Progress.OWED, "its answer does not come again"
        assert [event.id for event in effects.events] == [derived(session.id, "session-started")]
    leaves = effects.owed or effects.undone or effects.events or effects.problems or effects.aside
    moves = any(after.slots[number].move != slot.move and not ends(slot) for number, slot in before.slots.items())
    assert effects.durable or not (leaves or moves), effects


def ends(slot: Slot) -> bool:
    """Whether a slot's end, or whose it is, is written down, and its sensor tells after a kill where the bolt is."""
    return slot.phase in (Phase.ENDING, Phase.AWAITING) and slot.seen is not None


def keys_are_of_one_act(effects: Effects, keys: dict[str, Act]) -> None:
    """A key never stands for two different acts, nor becomes owed twice in one turn."""
    acts = [*effects.owed, *(undo.act for undo in effects.undone)]
    assert len({act.key for act in acts}) == len(acts), acts
    for act in acts:
        known = keys.setdefault(act.key, act)
        assert (known.name, known.slot, known.card, known.body) == (act.name, act.slot, act.card, act.body)
        assert act.name is not ActName.ACQUIRE or known is act, "an acquire is owed twice under one key"
    ids = [event.id for event in effects.events]
    assert len(set(ids)) == len(ids)
