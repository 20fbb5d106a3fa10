"""Which visit a step belongs to: a tap, everything that was decided for it, and every call that it made."""

from collections.abc import Iterable

from agent.effects import Effects
from agent.facts import (
    AcquireAnswered,
    ActiveAnswered,
    BoltMoved,
    CallSettled,
    CardTapped,
    Fact,
    LockSettled,
    VehicleMoved,
)
from agent.state import Station

REMEMBERED = 1000


class Visits:
    """Finds a visit's name (`V-7`) by what it is about. `decided` in main; `find` in any thread, as one look-up."""

    def __init__(self, station: Station) -> None:
        self._names: dict[str, str] = {}
        for visit in station.visits.values():
            self._remember((by_card(visit.card), visit.session, visit.key), named(visit.number))

    def find(self, about: str) -> str | None:
        """The visit of an act's key, an event's id, a session, `by_card` or `by_slot`; None if there is none."""
        return self._names.get(about)

    def decided(self, fact: Fact, before: Station, after: Station, effects: Effects) -> str | None:
        """The visit that this fact belongs to; what it asked for belongs there too from now on."""
        name = self._visit(fact, before, after)
        for act in (*effects.owed, *(undo.act for undo in effects.undone)):
            self._remember((act.key,), name or self.find(act.session))
        for event in effects.events:
            self._remember((event.id,), name)
        for visit in after.visits.values():
            self._remember((by_card(visit.card), visit.session, by_slot(visit.slot)), named(visit.number))
        for answer in effects.answers:
            self._remember((answer.to,), name)
        if name and isinstance(fact, CardTapped):
            self._remember((by_card(fact.card),), name)
        return name

    def _visit(self, fact: Fact, before: Station, after: Station) -> str | None:
        if after.visit_count > before.visit_count:
            return named(after.visit_count)
        match fact:
            case CardTapped(card=card):
                return self.find(by_card(card))
            case ActiveAnswered(visit=visit):
                return named(visit)
            case AcquireAnswered(act=act) | CallSettled(act=act):
                return self.find(act.key)
            case LockSettled(slot=slot) | BoltMoved(slot=slot) | VehicleMoved(slot=slot):
                return self.find(before.slots[slot].session) or self.find(by_slot(slot))
        over = before.visits.keys() - after.visits.keys()
        return named(min(over)) if over else None

    def _remember(self, about: Iterable[str], name: str | None) -> None:
        if name is None:
            return
        for each in about:
            if each:
                self._names.pop(each, None)
                self._names[each] = name
        while len(self._names) > REMEMBERED:
            del self._names[next(iter(self._names))]


def named(number: int) -> str:
    """What a visit is called on the page."""
    return f"V-{number}"


def by_card(card: str) -> str:
    """What the last visit of a card is found by."""
    return f"card {card}" if card else ""


def by_slot(slot: int) -> str:
    """What the last visit at a slot is found by."""
    return f"slot {slot}" if slot else ""
