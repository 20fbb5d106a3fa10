"""What decide would have to look up in the journal comes with the fact: main looks first."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from agent.answers import ActiveSession
from agent.clock import DAY_S
from agent.facts import (
    ActiveAnswered,
    CardTapped,
    CommandReceived,
    DiagnosticsAsked,
    DropAsked,
    EventReceived,
    Fact,
    RetryAsked,
)
from agent.journal import Journal, Kept
from agent.journal.aside import of_session, standing_before, with_dependants
from agent.workflow import Rules


class Lookups:
    """Reads for main; nothing is changed."""

    def __init__(
        self,
        journal: Journal,
        rules: Rules,
        kept: Kept,
        clock_set: Callable[[float], bool],
        diagnose: Callable[[], Mapping[str, Any]],
    ) -> None:
        """`clock_set` says whether a wall clock (Unix seconds) may be believed; `diagnose` how the station is."""
        self._diagnose = diagnose
        self._journal = journal
        self._offline = rules.offline_start == "known-cards"
        self._known_s = kept.known_days * DAY_S
        self._clock_set = clock_set

    def about(self, fact: Fact) -> Fact:
        """The fact with what the journal knows about it. Raises JournalUnreadable."""
        match fact:
            case CardTapped(card=card) if self._offline:
                return replace(fact, known=self._is_known(card, fact.at.wall))
            case EventReceived(data=data) if self._offline:
                return replace(fact, known=self._is_known(str(data.get("card", "")).upper(), fact.at.wall))
            case ActiveAnswered(session=ActiveSession(id=name)) if self._journal.tally.acts_aside:
                return replace(fact, aside=of_session(self._journal.aside(), name))
            case CommandReceived():
                return self._about_command(fact)
            case _:
                return self._about_asked(fact)

    def _about_command(self, fact: CommandReceived) -> Fact:
        known = self._journal.command(fact.command) if fact.command else None
        asked = self._about_asked(fact.asked) if fact.asked and not known else fact.asked
        return replace(fact, known=known, asked=asked, clock_set=self._clock_set(fact.at.wall))

    def _about_asked(self, fact: Fact) -> Fact:
        match fact:
            case DiagnosticsAsked():
                return replace(fact, found=self._diagnose())
            case RetryAsked(name=name):
                aside = self._journal.aside()
                return replace(fact, rows=with_dependants(aside, name), behind=standing_before(aside, name))
            case DropAsked(name=name):
                return replace(fact, rows=with_dependants(self._journal.aside(), name))
            case _:
                return fact

    def _is_known(self, card: str, wall: float) -> bool:
        return self._clock_set(wall) and self._journal.is_known(card, wall - self._known_s, wall + DAY_S)
