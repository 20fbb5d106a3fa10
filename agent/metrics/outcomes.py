"""What became of a tap, read off the station before and after a fact. Pure."""

from collections.abc import Iterator

from agent.answers import Problem
from agent.effects import Effects
from agent.facts import AcquireAnswered, CardTapped, EventReceived, Fact, Restarted, SeveralCardsSeen
from agent.state import Station, Step, Visit

Outcome = tuple[str, str]
"""What became of it, and why if it was refused."""

ACKNOWLEDGED: Outcome = ("acknowledged", "")
STARTED: Outcome = ("started", "")
ENDED: Outcome = ("ended", "")
TOLD: Outcome = ("told", "")
"""A workflow elsewhere has answered its driver by the main light (contract section 8)."""
ABANDONED: Outcome = ("abandoned", "")
"""Its driver had gone when the machine came up again."""
TWO_CARDS: Outcome = ("refused", "two-cards")
NO_SLOTS: Outcome = ("refused", "no-slots")
UNLOCK_FAILED: Outcome = ("refused", "unlock-failed")
EVENT_REASONS = (
    "card-refused",
    "supplier-unreachable",
    "out-of-order",
    "slot-unusable",
    "lock-failed",
    "start-refused",
    "payment-refused",
    "previous-session-owed",
    "storage",
    "undone",
)
"""The reasons of `refused.v1` (contract section 4)."""
OUTCOMES: tuple[Outcome, ...] = (
    ACKNOWLEDGED,
    STARTED,
    ENDED,
    TOLD,
    ABANDONED,
    TWO_CARDS,
    NO_SLOTS,
    UNLOCK_FAILED,
    *(("refused", reason) for reason in EVENT_REASONS),
)


def visit_of(fact: Fact, after: Station) -> int | None:
    """The number of the visit that a tap has begun; others begin visits too, and no driver waits for those."""
    if not isinstance(fact, CardTapped | EventReceived):
        return None
    return next((number for number, visit in after.visits.items() if visit.tap == fact.id and visit.driver), None)


def at_once(fact: Fact, after: Station) -> Iterator[Outcome]:
    """What became of a tap that is not worked on."""
    if isinstance(fact, SeveralCardsSeen):
        yield TWO_CARDS
    elif isinstance(fact, CardTapped) and visit_of(fact, after) is None:
        yield ACKNOWLEDGED


def over(before: Station, after: Station) -> Iterator[Visit]:
    """The visits whose drivers have their result now."""
    return (visit for number, visit in before.visits.items() if visit.driver and number not in after.visits)


def result(visit: Visit, fact: Fact, after: Station, effects: Effects) -> Outcome:
    """What became of a tap whose visit is over since `fact`."""
    for event in effects.events:
        if event.name == "refused" and event.data["card"] == visit.card:
            return "refused", str(event.data["reason"])
    match fact:
        case AcquireAnswered(problem=Problem(says_no_slots=True)):
            return NO_SLOTS
        case Restarted():
            return ABANDONED
        case _ if visit.step is Step.LOCKING:
            return STARTED
        case _ if visit.step is Step.REMOTE:
            return TOLD
        case _:
            slot = after.slots.get(visit.slot)
            return UNLOCK_FAILED if slot and slot.session else ENDED
