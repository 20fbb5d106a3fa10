"""What became of a tap, read off the station before and after a fact. Pure."""

from collections.abc import Iterator

from agent.effects import Effects
from agent.facts import AcquireAnswered, CardTapped, Fact, SeveralCardsSeen
from agent.state import Phase, Station, Step, Visit

Outcome = tuple[str, str]
"""What became of it, and why if it was refused."""

ACKNOWLEDGED: Outcome = ("acknowledged", "")
STARTED: Outcome = ("started", "")
ENDED: Outcome = ("ended", "")
ABANDONED: Outcome = ("abandoned", "")
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
    ABANDONED,
    TWO_CARDS,
    NO_SLOTS,
    UNLOCK_FAILED,
    *(("refused", reason) for reason in EVENT_REASONS),
)


def outcomes(fact: Fact, before: Station, after: Station, effects: Effects) -> Iterator[Outcome]:
    """One for each tap that has its result now."""
    match fact:
        case CardTapped() if not any(visit.tap == fact.id for visit in after.visits.values()):
            yield ACKNOWLEDGED
        case SeveralCardsSeen():
            yield TWO_CARDS
        case _:
            pass
    yield from (_outcome(visit, fact, after, effects) for visit in over(before, after))


def over(before: Station, after: Station) -> Iterator[Visit]:
    """The visits whose drivers have their result now."""
    return (visit for number, visit in before.visits.items() if visit.driver and number not in after.visits)


def _outcome(visit: Visit, fact: Fact, after: Station, effects: Effects) -> Outcome:
    for event in effects.events:
        if event.name == "refused" and event.data["card"] == visit.card:
            return "refused", str(event.data["reason"])
    if isinstance(fact, AcquireAnswered) and fact.problem and fact.problem.says_no_slots:
        return NO_SLOTS
    slot = after.slots.get(visit.slot)
    if slot and visit.step is Step.LOCKING and slot.phase is Phase.CHARGING:
        return STARTED
    if slot and visit.step in (Step.ENDING, Step.OPENING):
        return UNLOCK_FAILED if slot.session else ENDED
    return ABANDONED
