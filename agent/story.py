"""What happened, as one readable line a fact. Cards are masked."""

from collections.abc import Iterator

from agent.effects import Effects
from agent.facts import (
    AvailabilityAsked,
    CardRemoved,
    CardTapped,
    ClearFaultAsked,
    CommandReceived,
    DropAsked,
    EndAsked,
    EventReceived,
    Fact,
    LightsAsked,
    LockAsked,
    LockSettled,
    ReleaseSwitched,
    RestartAsked,
    Restarted,
    RetryAsked,
    SeveralCardsSeen,
    UnlockAsked,
    VehicleMoved,
)
from agent.report import masked, status_of
from agent.state import Phase, Station

DOING = {Phase.AWAITING: "waiting for its vehicle", Phase.OPENING: "opening"}


def told(fact: Fact, before: Station, after: Station, effects: Effects) -> Iterator[str]:
    """The lines that this fact is worth; none if nothing changed that anybody would miss."""
    match fact:
        case Restarted():
            count = len(after.standing)
            over = len(after.sessions) - count
            also = f", {over} over and still owed" if over else ""
            yield f"started; {count or 'no'} session{'s' * (count > 1)} under way{also}"
        case CardTapped(card=card):
            yield f"card {masked(card)} tapped{'' if effects.asks or effects.owed else '; acknowledged'}"
        case CardRemoved(card=card) if card in before.lately:
            yield f"card {masked(card)} left"
        case SeveralCardsSeen():
            yield "two cards at once; neither is taken"
        case EventReceived(type=kind):
            yield f"inbox: {kind}"
        case _:
            pass
    yield from at_the_slots(fact)
    yield from asked_for(fact)
    yield from (line for _, line in slots_told(before, after))
    yield from _faults(before, after)
    for event in effects.events:
        if event.name == "refused":
            yield f"card {masked(str(event.data['card']))} turned away: {event.data['reason']}"
        else:
            yield f"event {event.name}"
    yield from turned_down(fact, effects)
    for problem in effects.problems:
        yield f"could not be handled: {problem.title}: {problem.detail}"


def turned_down(fact: Fact, effects: Effects) -> Iterator[str]:
    """Why a command was not done."""
    if isinstance(fact, CommandReceived):
        for answer in effects.answers:
            if answer.problem:
                yield f"a command was not done: {answer.problem.title}: {answer.problem.detail}"


def at_the_slots(fact: Fact) -> Iterator[str]:
    """What a slot's parts or the release contact show."""
    match fact:
        case LockSettled(slot=slot, locked=None):
            yield f"slot {slot} has no sensor; its move is believed"
        case VehicleMoved(slot=slot, there=there):
            yield f"slot {slot}: the vehicle {'is there' if there else 'is gone'}"
        case ReleaseSwitched(closed=closed):
            yield f"the release contact {'was closed' if closed else 'is open again'}"
        case _:
            return


def asked_for(fact: Fact, who: str = "somebody on site") -> Iterator[str]:
    """What `who`, or whoever sent a command, asks for; nothing for any other fact."""
    match fact:
        case CommandReceived(known=None, asked=Fact() as asked):
            yield from asked_for(asked, "a command")
        case CommandReceived(known=None):
            yield "a command could not be read"
        case CommandReceived():
            yield "a command came again; it is not done again"
        case UnlockAsked(slot=slot, force=force):
            yield f"{who} asks to unlock slot {slot}{' by force' * force}"
        case EndAsked(session=session):
            yield f"{who} asks to end session {session}"
        case ClearFaultAsked(code=code):
            yield f"{who} asks to clear {code}"
        case _:
            yield from _asked_of_the_station(fact, who)


def _asked_of_the_station(fact: Fact, who: str) -> Iterator[str]:
    match fact:
        case AvailabilityAsked(slot=slot, available=available):
            what = f"slot {slot}" if slot else "the station"
            yield f"{who} takes {what} {'into' if available else 'out of'} service"
        case LightsAsked(target=target, action=action, colour=colour):
            yield f"{who} asks the light {target} for {action} {colour}".rstrip()
        case LockAsked(slot=slot, card=card):
            yield f"{who} asks to lock slot {slot} for card {masked(card)}"
        case RestartAsked():
            yield f"{who} asks for a restart"
        case RetryAsked() | DropAsked():
            asked = "send again" if isinstance(fact, RetryAsked) else "drop"
            yield f"{who} asks to {asked} {', '.join(row.name for row in fact.rows) or fact.name}"
        case _:
            return


def slots_told(before: Station, after: Station) -> Iterator[tuple[int, str]]:
    """Slots that are in another part of their story now, by number."""
    for number, slot in after.slots.items():
        was = before.slots.get(number)
        if was is None or (was.phase, was.session) == (slot.phase, slot.session):
            continue
        session = after.sessions.get(slot.session)
        whose = f" for card {masked(session.card)}, session {session.id}" if session else ""
        doing = DOING.get(slot.phase) or status_of(after, slot)
        yield number, f"slot {number} is {doing}{whose}"


def _faults(before: Station, after: Station) -> Iterator[str]:
    for key in after.faults.keys() - before.faults.keys():
        fault = after.faults[key]
        yield f"fault {fault.code} raised: {fault.detail or fault.title}"
    for key in before.faults.keys() - after.faults.keys():
        yield f"fault {before.faults[key].code} cleared"
