"""What of a station outlives the process, as rows, and what one fact leaves in the journal. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from agent.effects import Act, Aside, Message, Order
from agent.facts import Fact
from agent.state import Fault, Session, Slot, Station, Support, Visit

Key = tuple[str, str]
"""Kind and key of a row: ("slot", "1"), ("session", its id)."""
OWN: Key = ("station", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedRow:
    """One act as the journal keeps it. `since` is Unix seconds; `aside` says why it waits for an operator."""

    id: int
    act: Act
    since: float
    aside: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What one fact leaves in the journal. Ids come from `Journal.new_id`. `answered`: commands' ids and replies.

    `historic`: whether the fact itself is kept; each costs a page (4 KiB).
    """

    fact: Fact
    before: Station
    after: Station
    owed: tuple[OwedRow, ...] = ()
    gone: tuple[int, ...] = ()
    dropped: tuple[Aside, ...] = ()
    aside: tuple[tuple[int, str], ...] = ()
    rewritten: tuple[OwedRow, ...] = ()
    messages: tuple[tuple[int, Message], ...] = ()
    orders: tuple[Order, ...] = ()
    answered: tuple[tuple[str, bytes], ...] = ()
    known: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    taken: tuple[str, str] | None = None
    historic: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What the station keeps beside slots, sessions, visits and faults.

    `newest`: the newest moment that was known then (Unix seconds), so that no long history has to be looked through.
    """

    available: bool = True
    visits: int = 0
    newest: float = 0.0


def rows(station: Station, newest: float = 0.0) -> dict[Key, Any]:
    """The part of a station that outlives the process."""
    kept: dict[Key, Any] = {OWN: Own(available=station.available, visits=station.visit_count, newest=newest)}
    kept |= {("slot", str(slot.number)): slot for slot in station.slots.values()}
    kept |= {("session", session.id): session for session in station.sessions.values()}
    kept |= {("visit", str(visit.number)): visit for visit in station.visits.values()}
    kept |= {("fault", fault.key): fault for fault in station.faults.values()}
    kept |= {("support", key): support for key, support in station.supports.items()}
    return kept


def changes(before: Station, after: Station, newest: float = 0.0) -> Iterator[tuple[Key, bytes | None]]:
    """The rows that differ, with their new value; None for one that is gone. A newer `newest` alone changes none."""
    old, new = rows(before, newest), rows(after, newest)
    for key in old:
        if key not in new:
            yield key, None
    for key, value in new.items():
        was = old.get(key)
        if was is not value and was != value:  # most are the same object, and comparing dataclasses takes its time
            yield key, msgspec.json.encode(value)


def station_from(entries: Iterable[tuple[str, str, bytes]], slots: Iterable[int]) -> Station:
    """The station of these rows (kind, key, value), in their order; slots without a row are free.

    Raises msgspec.MsgspecError if a row is not what `changes` writes.
    """
    kept: dict[str, list[bytes]] = {}
    supports: dict[str, Support] = {}
    for kind, key, value in entries:
        kept.setdefault(kind, []).append(value)
        if kind == "support":
            supports[key] = msgspec.json.decode(value, type=Support)
    own = msgspec.json.decode(kept.get("station", [b"{}"])[0], type=Own)
    was = {slot.number: slot for slot in (msgspec.json.decode(value, type=Slot) for value in kept.get("slot", []))}
    sessions = [msgspec.json.decode(value, type=Session) for value in kept.get("session", [])]
    visits = [msgspec.json.decode(value, type=Visit) for value in kept.get("visit", [])]
    faults = [msgspec.json.decode(value, type=Fault) for value in kept.get("fault", [])]
    return Station(
        slots={number: was.get(number, Slot(number=number)) for number in slots},
        sessions={session.id: session for session in sessions},
        visits={visit.number: visit for visit in visits},
        faults={fault.key: fault for fault in faults},
        supports=supports,
        available=own.available,
        visit_count=own.visits,
    )
