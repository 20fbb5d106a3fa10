"""Faults: raised once, cleared once, several at a time; an out-of-order one runs the document's `handleError`."""

import dataclasses
from typing import Any

from agent.effects import MAIN_LIGHT, STATION_LANE, Act, ActName
from agent.facts import FaultCleared, FaultRaised, OutboxFilled
from agent.state import Fault, Support
from agent.workflow.turn import Turn, derived

RED_ON = {"action": "on", "color": "red"}
LIGHT_OFF = {"action": "off"}
SUPPORT_S = 600.0
"""How often support is called for one fault, at most (contract section 7)."""


def fault_raised(turn: Turn, fact: FaultRaised) -> None:
    """A part of the station found a fault."""
    raise_fault(turn, fact.code, fact.title, fact.detail, slot=fact.slot, warning=fact.warning, watched=True)


def fault_cleared(turn: Turn, fact: FaultCleared) -> None:
    """The cause of a fault is gone."""
    clear_fault(turn, fact.code, fact.slot)


def outbox_filled(turn: Turn, fact: OutboxFilled) -> None:
    """Nothing starts while too much is owed; ends go on."""
    turn.station = dataclasses.replace(turn.station, full=fact.full)


def raise_fault(
    turn: Turn, code: str, title: str, detail: str, *, slot: int = 0, warning: bool = False, watched: bool = False
) -> None:
    """Raise a fault of the station's own, unless it is raised already. `watched`: a part says when it is over."""
    scope: dict[str, Any] = {"scope": "slot", "slotNumber": slot} if slot else {"scope": "station"}
    error = {"code": code, "title": title, "detail": detail, **scope}
    fault = Fault(
        code=code,
        slot=slot,
        warning=warning,
        watched=watched,
        title=title,
        detail=detail,
        raised=turn.fact.at,
        error=error,
    )
    if fault.key not in turn.station.faults:
        data = {"stationId": turn.rules.station_id, "error": error}
        turn.emit("faulted", data, slot=slot)
        put_fault(turn, fault)


def put_fault(turn: Turn, fault: Fault) -> None:
    """Keep a fault that was not raised before, and handle it if it puts anything out of order."""
    turn.fault(fault)
    turn.durable()
    if not fault.warning and not turn.rules.remote:
        handle_error(turn, fault)


def handle_error(turn: Turn, fault: Fault) -> None:
    """Contact support, red light, `out-of-order.v1`: in the document's order."""
    contact_support(turn, fault)
    turn.owe_light(light_of(fault.slot), RED_ON, slot=fault.slot)
    turn.emit("out-of-order", fault.error, slot=fault.slot)


def contact_support(turn: Turn, fault: Fault) -> None:
    """Tell the supplier's support, with the error as it came and, if it was raised in silence since, how often."""
    last = turn.station.supports.get(fault.key)
    if last and turn.fact.at.age_of(last.called) < SUPPORT_S:
        turn.supported(fault.key, dataclasses.replace(last, since=last.since + 1))
        return
    turn.supported(fault.key, Support(turn.fact.at))
    error = {**fault.error, "count": last.since + 1} if last and last.since else fault.error
    key = derived(turn.fact.id, ActName.SUPPORT, fault.key)
    turn.owe(Act(name=ActName.SUPPORT, key=key, lane=STATION_LANE, slot=fault.slot, body={"error": error}))


def clear_fault(turn: Turn, code: str, slot: int) -> None:
    """Clear a fault of the station's own, if it is raised."""
    fault = turn.station.faults.get(f"{code}/{slot}")
    if fault:
        clear(turn, fault)


def clear(turn: Turn, fault: Fault) -> None:
    """Clear a raised fault; the last of its scope puts the light out, the last of all is told."""
    slot = fault.slot
    turn.unfault(fault.key)
    turn.durable()
    if fault.warning or turn.rules.remote:
        return
    if not turn.station.out_of_order(slot):
        turn.owe_light(light_of(slot), LIGHT_OFF, slot=slot)
    if all(other.warning for other in turn.station.faults.values()):
        turn.emit("back-in-service", {"stationId": turn.rules.station_id})


def light_of(slot: int) -> str:
    """The light of a fault's scope, as the supplier's API names it."""
    return str(slot) if slot else MAIN_LIGHT
