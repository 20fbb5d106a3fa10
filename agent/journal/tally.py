"""How much the journal holds, counted along with each commit: a count of a full table would be read for every fact."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent.journal.statements import ASIDE, DELETE, OWE, POST


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Rows that are owed, and rows that stand aside, of both tables."""

    acts: int = 0
    acts_aside: int = 0
    messages: int = 0
    messages_aside: int = 0

    @property
    def aside(self) -> int:
        """Everything that waits for an operator."""
        return self.acts_aside + self.messages_aside

    def after(self, statement: str, found: Sequence[Any]) -> "Tally":
        """The tally once a statement was executed that gave back `found`."""
        match statement:
            case s if s == OWE:
                return replace(self, acts=self.acts + 1)
            case s if s == POST:
                return replace(self, messages=self.messages + 1)
            case s if s in DELETE.values():
                return self._less(s == DELETE["owed"], found)
            case s if s in ASIDE.values():
                return self._aside(s == ASIDE["owed"], len(found))
            case _:
                return self

    def _less(self, acts: bool, found: Sequence[Any]) -> "Tally":
        aside = sum(reason is not None for (reason,) in found)
        owed = len(found) - aside
        if acts:
            return replace(self, acts=self.acts - owed, acts_aside=self.acts_aside - aside)
        return replace(self, messages=self.messages - owed, messages_aside=self.messages_aside - aside)

    def _aside(self, acts: bool, moved: int) -> "Tally":
        if acts:
            return replace(self, acts=self.acts - moved, acts_aside=self.acts_aside + moved)
        return replace(self, messages=self.messages - moved, messages_aside=self.messages_aside + moved)


def counted(db: sqlite3.Connection) -> Tally:
    """The tally of a journal as it stands. Raises sqlite3.Error."""
    acts, acts_aside = db.execute("SELECT count(*) - count(aside), count(aside) FROM owed").fetchone()
    messages, messages_aside = db.execute("SELECT count(*) - count(aside), count(aside) FROM messages").fetchone()
    return Tally(acts=acts, acts_aside=acts_aside, messages=messages, messages_aside=messages_aside)
