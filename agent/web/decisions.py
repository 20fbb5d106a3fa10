"""What a fact and its effects are in the conversation: taps, messages, decisions, faults, bolts."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from agent.effects import Effects
from agent.events import PREFIX
from agent.face import wanted
from agent.facts import CardTapped, CommandReceived, EventReceived, Fact, LockSettled, Restarted, SeveralCardsSeen
from agent.report import masked
from agent.state import Fault, Station
from agent.story import asked_for, at_the_slots, slots_told, turned_down
from agent.web.masking import Cards, shown, text
from agent.web.recorder import Draft
from agent.web.steps import Who
from hardware.parts import Position

WITHOUT = frozenset({"at", "id"})
"""What every fact has; its moment is the step's."""


class Decisions:
    """Makes a fact's own steps, in their order. For main alone."""

    def __init__(self, cards: Cards) -> None:
        self._cards = cards
        self._moves: dict[int, tuple[Draft, Position]] = {}

    def drafts(
        self, fact: Fact, before: Station, after: Station, effects: Effects, visit: str | None
    ) -> Iterator[Draft]:
        """What happened, then what was decided, then what moves. `visit` is the fact's."""
        cards = self._cards.note(cards_of(fact, before, after))

        def detail() -> dict[str, Any]:
            return {"fact": fact_shown(fact, cards), "effects": effects_shown(effects, cards)}

        for draft in (*self._arrived(fact), *_decided(fact, before, after, effects, cards)):
            draft.visit = visit
            if draft.kind != "fault":  # which says more of itself
                draft.detail = detail
            yield draft
        yield from self._ordered(fact, before, after, visit)

    def _arrived(self, fact: Fact) -> Iterator[Draft]:
        match fact:
            case CardTapped(card=card):
                yield Draft(
                    kind="tap", from_="driver", to="station", title=f"card {masked(card)} tapped", at=fact.at, ok=True
                )
            case SeveralCardsSeen():
                yield Draft(kind="tap", from_="driver", to="station", title="two cards at once", at=fact.at, ok=False)
            case EventReceived(type=kind):
                title = kind.removeprefix(PREFIX)[:80]
                yield Draft(kind="inbox", from_="broker", to="station", title=title, at=fact.at)
            case LockSettled():
                yield self._settled(fact)
            case _:
                yield from _commanded(fact)

    def _settled(self, fact: LockSettled) -> Draft:
        order, position = self._moves.pop(fact.slot, (None, None))
        where = "its move is believed" if fact.locked is None else "locked" if fact.locked else "unlocked"
        return Draft(
            kind="lock",
            from_="slot",
            to="station",
            title=f"slot {fact.slot}: {where}",
            at=fact.at,
            slot=fact.slot,
            ok=fact.locked is None or position is None or fact.locked == (position is Position.LOCKED),
            re=order,
        )

    def _ordered(self, fact: Fact, before: Station, after: Station, visit: str | None) -> Iterator[Draft]:
        """A bolt is driven once for each new move."""
        for number, slot in after.slots.items():
            position = wanted(after, slot)
            was = before.slots.get(number, slot)
            if slot.move == was.move or position is None:
                continue
            draft = Draft(
                kind="lock",
                from_="station",
                to="slot",
                title=f"{'lock' if position is Position.LOCKED else 'unlock'} slot {number}",
                at=fact.at,
                visit=visit,
                slot=number,
                detail=functools.partial(dict, move=slot.move, phase=str(slot.phase)),
            )
            self._moves[number] = draft, position
            yield draft


def _commanded(fact: Fact) -> Iterator[Draft]:
    who: Who = "broker" if isinstance(fact, CommandReceived) else "driver"
    for said in asked_for(fact):
        yield Draft(kind="command", from_=who, to="station", title=text(said, ()), at=fact.at)


def _decided(fact: Fact, before: Station, after: Station, effects: Effects, cards: frozenset[str]) -> Iterator[Draft]:
    for slot, said in _lines(fact, before, after, effects):
        yield Draft(kind="decision", from_="station", to="station", title=text(said, cards), at=fact.at, slot=slot)
    for key in after.faults.keys() - before.faults.keys():
        yield _fault(fact, after.faults[key], "raised", cards)
    for key in before.faults.keys() - after.faults.keys():
        yield _fault(fact, before.faults[key], "cleared", cards)


def _lines(fact: Fact, before: Station, after: Station, effects: Effects) -> Iterator[tuple[int | None, str]]:
    if isinstance(fact, Restarted):
        yield None, f"the agent is back; sessions under way: {len(after.standing)}"
    if isinstance(fact, CardTapped) and not (effects.asks or effects.owed or effects.events):
        yield None, "only acknowledged: this card's tap is being worked on, or was a moment ago"
    if not isinstance(fact, LockSettled):
        yield from ((getattr(fact, "slot", None), said) for said in at_the_slots(fact))
    yield from slots_told(before, after)
    for event in effects.events:
        if event.name == "refused":
            yield event.slot or None, f"card {masked(str(event.data['card']))} turned away: {event.data['reason']}"
    yield from ((None, said) for said in turned_down(fact, effects))
    for problem in effects.problems:
        yield None, f"could not be handled: {problem.title}"


def _fault(fact: Fact, fault: Fault, what: str, cards: frozenset[str]) -> Draft:
    return Draft(
        kind="fault",
        from_="station",
        to="station",
        title=text(f"{fault.code} {what}", cards),
        at=fact.at,
        slot=fault.slot or None,
        ok=what == "cleared",
        detail=lambda: shown({"title": fault.title, "detail": fault.detail, "origin": fault.origin}, cards),
    )


def cards_of(fact: Fact, before: Station, after: Station) -> set[str]:
    """Every card that this fact, or what was known around it, may name; and perhaps an empty one."""
    cards = {session.card for station in (before, after) for session in station.sessions.values()}
    cards |= {visit.card for station in (before, after) for visit in station.visits.values()}
    return cards | set(before.lately) | set(after.lately) | {str(getattr(fact, "card", ""))}


def fact_shown(fact: Fact, cards: frozenset[str]) -> dict[str, Any]:
    """A fact by its name, with what it says."""
    says = {name: value for name, value in _plain(fact).items() if name not in WITHOUT and value not in (None, "")}
    return {"name": type(fact).__name__, **shown(says, cards)}


def effects_shown(effects: Effects, cards: frozenset[str]) -> dict[str, Any]:
    """What a fact asked for, without what it did not."""
    asked: dict[str, Any] = shown({name: value for name, value in _plain(effects).items() if value}, cards)
    return asked


def _plain(value: object) -> Mapping[str, Any]:
    plain: Mapping[str, Any] = msgspec.to_builtins(value, builtin_types=(bytes,))
    return plain
