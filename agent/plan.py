"""What one fact's effects come to, given what has left already (contract section 3, "Order", "Giving back"). Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agent.effects import Act, Ask, Effects, Renamed
from agent.journal.rows import OwedRow
from agent.lanes import Lanes
from agent.owed import Owed

NOT_REFUSED = "an act that goes before it was refused"
"""Why an act is set aside that was not refused itself."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Rows for the journal, and what the lanes adopt once those are written."""

    rows: tuple[OwedRow, ...] = ()
    gone: tuple[int, ...] = ()
    aside: tuple[tuple[int, str], ...] = ()
    rewritten: tuple[OwedRow, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    removed: tuple[Owed, ...] = ()
    asks: tuple[Ask, ...] = ()


def planned(lanes: Lanes, effects: Effects, new_id: Callable[[], int], wall: float) -> Plan:
    """What these effects come to now (`wall`: Unix seconds). Changes nothing."""
    aside = found(lanes, effects.aside)
    removed = [*aside, *found(lanes, (*effects.settled, *effects.forgotten))]
    removed += [owed for owed in found(lanes, effects.struck) if not owed.has_left]
    if effects.abandoned:
        removed += [owed for owed in lanes if owed.act.session in effects.abandoned]
    acts = list(effects.owed)
    for undo in effects.undone:
        before = lanes.find(undo.key)
        if before is None or before.has_left:
            put_behind_its_lane(acts, undo.act)
        else:
            removed.append(before)
    removed = list(dict.fromkeys(removed))
    return Plan(
        rows=tuple(OwedRow(id=new_id(), act=act, since=wall) for act in not_owed_yet(lanes, acts, removed)),
        gone=tuple(owed.id for owed in removed if owed not in aside),
        aside=tuple((owed.id, owed.refusal or NOT_REFUSED) for owed in dict.fromkeys(aside)),
        rewritten=tuple(row for renamed in effects.renamed for row in rewritten(lanes, renamed, wall)),
        renamed=effects.renamed,
        removed=tuple(removed),
        asks=effects.asks,
    )


def found(lanes: Lanes, keys: Iterable[str]) -> list[Owed]:
    """What of these keys is owed."""
    return [owed for key in keys if (owed := lanes.find(key))]


def not_owed_yet(lanes: Lanes, acts: Iterable[Act], removed: Iterable[Owed]) -> list[Act]:
    """One act for each key: what is owed already under the same key is the same act."""
    going = {owed.act.key for owed in removed}
    return list({act.key: act for act in acts if act.key in going or lanes.find(act.key) is None}.values())


def rewritten(lanes: Lanes, renamed: Renamed, wall: float) -> list[OwedRow]:
    """The rows of a renamed session's lane as they read now."""
    changed = ((lanes.find(key), act) for key, act in lanes.renamed(renamed).items())
    return [OwedRow(id=owed.id, act=act, since=wall) for owed, act in changed if owed]


def put_behind_its_lane(acts: list[Act], act: Act) -> None:
    """Insert `act` behind the last of its lane: what other lanes owe of the same fact comes after it."""
    positions = [number for number, other in enumerate(acts) if other.lane == act.lane]
    acts.insert(positions[-1] + 1 if positions else len(acts), act)
