"""The journal's part of the road: one commit for each fact that matters, and everything else rides along.

What was delivered is marked, what came from the broker is acknowledged, and a disk that takes nothing is noticed here.
"""

import logging
from collections.abc import Callable

from agent.broker.mailbox import Mailbox
from agent.clock import DAY_S, At, Clock
from agent.effects import Effects, Message
from agent.events import Events
from agent.facts import CommandReceived, EventReceived, Fact, FaultCleared, JournalLost
from agent.happenings import Happen
from agent.journal import FLUSH_S, Journal, Kept, NotWritten, Writing
from agent.outbox import Outbox
from agent.plan import Plan
from agent.replies import Due, Replies
from agent.state import Station

log = logging.getLogger(__name__)

STORAGE = "StorageFailure"


class Keeping:
    """Runs in the thread `main`. `broken`: the disk takes nothing, as far as anybody knows."""

    def __init__(
        self,
        *,
        journal: Journal,
        outbox: Outbox,
        mailbox: Mailbox,
        events: Events,
        clock: Clock,
        happen: Happen,
        acknowledge: Callable[[str], None],
        kept_for: Kept,
        learns: bool,
        clock_set: Callable[[float], bool],
        broken: bool,
    ) -> None:
        """`acknowledge` is given the id of each committed inbox fact; `learns`: known cards are kept."""
        self.broken = broken
        self._journal = journal
        self._outbox = outbox
        self._mailbox = mailbox
        self._events = events
        self._clock = clock
        self._happen = happen
        self._acknowledge_one = acknowledge
        self._kept_for = kept_for
        self._learns = learns
        self._clock_set = clock_set
        self._flush_by: float | None = None
        self._prune_at = clock.now().boottime + DAY_S
        self._last_complaint = ""
        self._delivered: list[int] = []
        self._taken: list[str] = []
        self._replies = Replies(journal.orders())

    def keep(
        self, fact: Fact, before: Station, after: Station, effects: Effects, kept: Callable[[], None] = lambda: None
    ) -> bool:
        """One commit for the fact, the state and what is owed. False: not written, and nothing has changed.

        `kept` is called once it is written, before anything leaves.
        """
        with self._outbox.held():
            due = self._replies.due(effects)
            plan = self._outbox.plan(effects, lambda: self._journal.new_id("owed"), fact.at.wall)
            self._collect_marks()
            mark = self._journal.mark()
            self._journal.stage(self._writing(fact, before, after, effects, plan, due))
            if effects.durable and not self._commit(synced=not effects.again) and not self.broken:
                self._journal.unstage(mark)
                return False
            self._note_staged(FLUSH_S)
            kept()
            self._outbox.adopt(plan)
            self._replies.adopt(due)
        if effects.durable and released(before, after):
            self._journal.vehicle_left()
        return True

    def note_taken(self, fact: Fact) -> None:
        """What the inbox brought is acknowledged once it is in the journal, however long the disk is broken."""
        if isinstance(fact, EventReceived | CommandReceived):
            self._taken.append(fact.id)
        self._acknowledge()

    def _acknowledge(self) -> None:
        if not self._journal.staged:
            taken, self._taken = self._taken, []
            for fact_id in taken:
                self._acknowledge_one(fact_id)

    def _writing(self, fact: Fact, before: Station, after: Station, effects: Effects, plan: Plan, due: Due) -> Writing:
        messages = [self._message(effects, fact, number) for number in range(len(effects.events))]
        messages += [self._events.problem_message(problem) for problem in effects.problems]
        messages += [*effects.messages, *due.messages]
        return Writing(
            fact=fact,
            before=Station(slots={}) if isinstance(fact, JournalLost) else before,
            after=after,
            owed=plan.rows,
            gone=plan.gone,
            dropped=effects.dropped,
            aside=plan.aside,
            rewritten=plan.rewritten,
            known=effects.known if self._learns else (),
            refused=effects.refused,
            messages=tuple((self._journal.new_id("messages"), message) for message in messages),
            orders=due.orders,
            answered=due.answered,
            historic=not effects.again,
            taken=(fact.source, fact.event_id) if isinstance(fact, EventReceived) else None,
        )

    def _message(self, effects: Effects, fact: Fact, number: int) -> Message:
        event = effects.events[number]
        return self._events.message(
            event.name,
            event.data,
            event_id=event.id,
            wall=fact.at.wall,
            slot=event.slot or None,
            clock_synced=self._clock_set(fact.at.wall),
        )

    def _note_staged(self, within_s: float) -> None:
        if not self._journal.staged:
            self._flush_by = None
            return
        by = self._clock.now().boottime + within_s
        self._flush_by = by if self._flush_by is None else min(by, self._flush_by)

    def flush(self) -> bool:
        """Commit what is staged and the marks of what was delivered. False: it stays staged."""
        self._collect_marks()
        return self._commit()

    def _collect_marks(self) -> None:
        delivered, aside = self._mailbox.marks()
        self._journal.forget("owed", self._outbox.marks())
        self._journal.forget("messages", delivered)
        for row_id, reason in aside:
            self._journal.set_aside("messages", row_id, reason)
        self._delivered += [*delivered, *(row_id for row_id, _ in aside)]

    def _commit(self, *, synced: bool = True) -> bool:
        try:
            # what is acknowledged to the broker after this does not come again
            self._journal.commit(synced=synced or bool(self._taken))
        except NotWritten as error:
            self.complain(str(error))
            self._flush_by = self._clock.now().boottime + FLUSH_S
            return False
        self._flush_by = None
        self._last_complaint = ""
        self._mailbox.committed(self._delivered)
        self._delivered = []
        self._acknowledge()
        if self.broken:
            self.broken = False
            self._happen(FaultCleared, code=STORAGE)
        return True

    def complain(self, sentence: str) -> None:
        """Log the same complaint once, not at every attempt."""
        if sentence != self._last_complaint:
            log.error("%s", sentence)
        self._last_complaint = sentence

    def prune(self, now: At) -> None:
        """Forget what is too old, unless the clock cannot say what is; again in a day."""
        self._prune_at = now.boottime + DAY_S
        if self._clock_set(now.wall):
            self._journal.prune(now.wall, self._kept_for)
            self._note_staged(FLUSH_S)

    @property
    def prune_at(self) -> float:
        """When to prune next, CLOCK_BOOTTIME seconds."""
        return self._prune_at

    def flush_at(self) -> float | None:
        """When to flush at the latest, CLOCK_BOOTTIME seconds; None: nothing waits, 0: now."""
        if self._mailbox.full:
            return 0.0
        marked = self._outbox.marked
        by = [self._flush_by, None if marked is None else marked + FLUSH_S]
        moments = [moment for moment in by if moment is not None]
        if self._mailbox.marked and not moments:
            self._flush_by = self._clock.now().boottime + FLUSH_S
            moments = [self._flush_by]
        return min(moments, default=None)


def released(before: Station, after: Station) -> bool:
    """Whether a vehicle was let go between these two."""
    return any(slot.session and not after.slots[number].session for number, slot in before.slots.items())
