"""The charging workflow: decide takes the station's state and one fact, and gives the new state and what is asked for.

Pure: no I/O, no clock, no threads, no randomness. The tasks of the use case keep their names as functions
(`try_get_active_session`, `try_acquire_slot`, `start_session`, `end_session`, `handle_error`, ...).
"""

from collections.abc import Callable, Mapping
from typing import Any

from agent.effects import Effects
from agent.facts import (
    AcquireAnswered,
    ActiveAnswered,
    AnswerUnusable,
    BoltMoved,
    CallSettled,
    CardRemoved,
    CardTapped,
    CommandReceived,
    DeadlinePassed,
    EventReceived,
    Fact,
    FaultCleared,
    FaultRaised,
    JournalLost,
    LockSettled,
    OutboxFilled,
    ReleaseSwitched,
    Restarted,
    SeveralCardsSeen,
    VehicleMoved,
)
from agent.state import Station
from agent.workflow.acquire import acquire_answered
from agent.workflow.bolts import bolt_moved, lock_settled
from agent.workflow.commands import ASKED
from agent.workflow.deadlines import deadline_passed, next_deadline
from agent.workflow.end import call_settled
from agent.workflow.faults import fault_cleared, fault_raised, outbox_filled
from agent.workflow.inbox import event_received
from agent.workflow.orders import command_received
from agent.workflow.recovery import journal_lost, restarted
from agent.workflow.release import release_switched
from agent.workflow.start import UNCONFIRMED, undo_start
from agent.workflow.taps import active_answered, answer_unusable, card_removed, card_tapped, several_cards_seen
from agent.workflow.turn import Rules, Turn
from agent.workflow.vehicles import note_deserted, vehicle_moved

__all__ = ["HANDLERS", "Rules", "decide", "next_deadline"]

HANDLERS: Mapping[type[Fact], Callable[[Turn, Any], None]] = {
    Restarted: restarted,
    JournalLost: journal_lost,
    CardTapped: card_tapped,
    CardRemoved: card_removed,
    SeveralCardsSeen: several_cards_seen,
    ActiveAnswered: active_answered,
    AcquireAnswered: acquire_answered,
    CallSettled: call_settled,
    AnswerUnusable: answer_unusable,
    LockSettled: lock_settled,
    BoltMoved: bolt_moved,
    VehicleMoved: vehicle_moved,
    ReleaseSwitched: release_switched,
    DeadlinePassed: deadline_passed,
    FaultRaised: fault_raised,
    FaultCleared: fault_cleared,
    OutboxFilled: outbox_filled,
    EventReceived: event_received,
    CommandReceived: command_received,
    **ASKED,
}
"""What each fact leads to. A test holds this table to the types in `facts.py`."""


def decide(station: Station, fact: Fact, rules: Rules) -> tuple[Station, Effects]:
    """The station after `fact`, and everything to do about it."""
    turn = Turn(station, fact, rules)
    HANDLERS[type(fact)](turn, fact)
    undo_unsafe_starts(turn)
    note_deserted(turn)
    return turn.station, turn.effects()


def undo_unsafe_starts(turn: Turn) -> None:
    """A start whose bolt is not confirmed does not survive a fault (contract section 6, "Start")."""
    for slot in list(turn.station.slots.values()):
        safe = turn.station.in_service and turn.station.usable(slot)
        if slot.phase in UNCONFIRMED and not safe:
            undo_start(turn, slot, "undone")
