"""What is too old to keep: facts and the cards in them, cards that paid, and ids of what came from the broker."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from agent.clock import DAY_S
from agent.journal.statements import Statement

FACTS = 1000
"""How many facts are looked at in one go, at either end of a history that may be long."""
LAST = "SELECT max(wall) FROM (SELECT wall FROM history ORDER BY id DESC LIMIT ?)"
STRETCH = "SELECT id, wall FROM history WHERE id > ? ORDER BY id LIMIT ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """For how many days facts and known cards are kept."""

    history_days: int
    known_days: int


def too_old(db: sqlite3.Connection, wall: float, kept: Kept) -> Iterator[Statement]:
    """What forgets it at `wall` (Unix seconds); nothing that is owed. Raises sqlite3.Error."""
    oldest = wall - kept.history_days * DAY_S
    aged: list[tuple[str, tuple[float, ...]]] = [
        ("history WHERE id <= ? AND wall < ?", (end_of_old(db, oldest, wall + DAY_S), oldest))
    ]
    days = {"known": kept.known_days, "taken": 1, "commands": 1}
    aged += [(f"{table} WHERE wall < ?", (wall - number * DAY_S,)) for table, number in days.items()]
    for old, values in aged:
        if db.execute(f"SELECT 1 FROM {old} LIMIT 1", values).fetchone():  # noqa: S608  words of ours
            yield f"DELETE FROM {old}", values  # noqa: S608


def end_of_old(db: sqlite3.Connection, oldest: float, newest: float) -> int:
    """The id of a fact behind which none is older than `oldest`; 0: none is at all.

    Facts stand in the order in which they happened, so it is looked from the first one on, until there are only facts
    between `oldest` and `newest` (Unix seconds): others are old, or from a clock that was wrong.
    """
    end = 0
    while found := db.execute(STRETCH, (end, FACTS)).fetchall():
        if all(oldest <= wall <= newest for _, wall in found):
            return end
        end = found[-1][0]
    return end


def newest_fact(db: sqlite3.Connection) -> float:
    """The newest moment among the last facts (Unix seconds); 0 if there is none. Raises sqlite3.Error."""
    return db.execute(LAST, (FACTS,)).fetchone()[0] or 0.0
