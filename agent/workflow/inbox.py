"""CloudEvents from the inbox: what the document's schedule listens to."""

from collections.abc import Mapping
from typing import Any

from agent.answers import Problem
from agent.facts import EventReceived
from agent.state import Fault, Station
from agent.workflow.faults import clear, put_fault
from agent.workflow.taps import acknowledge, take_card
from agent.workflow.turn import FRESH_S, Turn

PREFIX = "com.ev-power-supplier.charging-station."
FAULTED = f"{PREFIX}faulted.v1"
MISSPELT = "com.ev-power-supplier.charging.station-faulted.v1"
"""As the document writes it in one place."""
CARD_SCANNED = f"{PREFIX}card-scanned.v1"
UNSUPPORTED = "https://serverlessworkflow.io/spec/1.0.0/errors/runtime"
CARD_SIZES = frozenset({8, 14, 20})
"""Hex digits of a UID of 4, 7 or 10 bytes (ISO/IEC 14443-3)."""
TEXT_LIMIT = 200
MOST_FAULTS = 100
"""How many faults are kept at a time; a part that invents codes cannot fill the memory."""


def event_received(turn: Turn, fact: EventReceived) -> None:
    """Dispatch on the event's type, as the document does; it exists once it is committed."""
    turn.durable()
    error = fact.data.get("error")
    card = str(fact.data.get("card", "")).upper()
    if fact.type in (FAULTED, MISSPELT) and isinstance(error, Mapping) and name_of(error):
        station_faulted(turn, error)
    elif fact.type == CARD_SCANNED and turn.rules.remote_cards and is_card(card) and not turn.rules.remote:
        card_scanned(turn, fact, card)
    else:
        raise_unsupported_event_error(turn, fact)


def station_faulted(turn: Turn, error: Mapping[str, Any]) -> None:
    """The station's power electronics raise or clear a fault, under its own code (else title)."""
    title, detail = str(error.get("title", ""))[:TEXT_LIMIT], str(error.get("detail", ""))[:TEXT_LIMIT]
    fault = Fault(
        code=name_of(error),
        slot=slot_of(turn.station, error),
        origin="inbox",
        title=title,
        detail=detail,
        raised=turn.fact.at,
        error=dict(error),
    )
    known = turn.station.faults.get(fault.key)
    if error.get("cleared") is True:
        if known and known.origin == "inbox":
            clear(turn, known)
    elif known is None and len(turn.station.faults) < MOST_FAULTS:
        put_fault(turn, fault)
    elif known is None:
        turn.problem(
            Problem(status=507, title="Too Many Faults", detail=f"{fault.key} was not kept; clear some first.")
        )


def card_scanned(turn: Turn, fact: EventReceived, card: str) -> None:
    """A tap from afar, under the age rules of commands: its driver must still be there."""
    if fact.sent is None or not abs(fact.at.wall - fact.sent) <= FRESH_S:
        detail = "The card-scanned event is older or newer than 30 s, or has no time."
        turn.problem(Problem(status=400, title="Stale Event", detail=detail))
    elif acknowledge(turn, card, resting=False):
        take_card(turn, card, known=fact.known)


def raise_unsupported_event_error(turn: Turn, fact: EventReceived) -> None:
    """Tell on `errors`, and call nobody."""
    detail = f"The specified station event '{fact.type}' is not supported in this context"
    turn.problem(Problem(type=UNSUPPORTED, status=400, title="Unsupported Event", detail=detail))


def name_of(error: Mapping[str, Any]) -> str:
    """What a fault from the inbox is known by."""
    names = (str(error[field])[:TEXT_LIMIT] for field in ("code", "title") if error.get(field) is not None)
    return next((name for name in names if name), "")


def slot_of(station: Station, error: Mapping[str, Any]) -> int:
    """The slot that a fault names, 0 for the station itself."""
    number = error.get("slotNumber")
    return number if type(number) is int and number in station.slots else 0


def is_card(card: str) -> bool:
    """Whether this is a UID in hex."""
    return len(card) in CARD_SIZES and all(digit in "0123456789ABCDEF" for digit in card)
