"""The whole station in one shape: the topic `state`, `status --json` and `/api/state` (contract section 4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.connection import Connection
from agent.events import rfc3339
from agent.face import MAIN, Face
from agent.state import Fault, Phase, Slot, Station
from hardware.looks import Look, Rhythm

OCCUPIED = frozenset({Phase.AWAITING, Phase.STARTING, Phase.CHARGING, Phase.ENDING, Phase.HELD, Phase.UNKNOWN})
"""Phases in which a vehicle is, or may be, locked in the slot."""


SAID_AS = {Phase.AWAITING: "starting", Phase.OPENING: "ending"}
"""Phases that the contract has no word of their own for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What does not change while the agent runs."""

    station_id: str
    version: str
    boot_id: str


def report(
    identity: Identity,
    station: Station,
    face: Face,
    *,
    wall: float,
    owed: Mapping[str, Any],
    supplier: Connection | None,
    broker: Connection | None,
    clock_set: bool,
) -> dict[str, Any]:
    """The station at `wall` (Unix seconds). No card in clear."""
    return {
        "stationId": identity.station_id,
        "time": rfc3339(wall),
        "version": identity.version,
        "bootId": identity.boot_id,
        "available": station.in_service,
        "slots": [slot_report(station, slot, face) for slot in station.slots.values()],
        "mainLight": look_name(face.lights[MAIN]),
        "faults": [fault_report(fault) for fault in station.faults.values()],
        "owed": {**owed, "oldest": None if owed["oldest"] is None else rfc3339(owed["oldest"])},
        "supplier": link_report(supplier),
        "broker": link_report(broker),
        "clockSet": clock_set,
    }


def link_report(link: Connection | None) -> dict[str, Any]:
    """Whether somebody can be reached; None: nobody has tried."""
    if link is None or link.since is None:
        return {"reachable": False, "since": None}
    return {"reachable": link.reachable, "since": rfc3339(link.since)}


def slot_report(station: Station, slot: Slot, face: Face) -> dict[str, Any]:
    """One slot: what it is doing, for whom, and where its bolt is."""
    bolt = face.bolts[slot.number]
    shown: dict[str, Any] = {
        "number": slot.number,
        "status": status_of(station, slot),
        "lock": {"wanted": bolt.wanted or "unknown", "seen": slot.shown},
        "light": look_name(face.lights[str(slot.number)]),
    }
    if slot.vehicle is not None:
        shown["vehicle"] = slot.vehicle
    session = station.sessions.get(slot.session)
    if session:
        shown["session"] = {"id": session.id, "card": masked(session.card), "since": rfc3339(session.tapped.wall)}
    return shown


def status_of(station: Station, slot: Slot) -> str:
    """What a slot is doing; one that is out of order says so unless a vehicle is, or may be, locked in it."""
    if slot.phase not in OCCUPIED and (station.out_of_order(slot.number) or not slot.available):
        return "out-of-order"
    return SAID_AS.get(slot.phase, str(slot.phase))


def fault_report(fault: Fault) -> dict[str, Any]:
    """One fault as contract section 7 shapes it."""
    where: dict[str, Any] = {"scope": "slot", "slotNumber": fault.slot} if fault.slot else {"scope": "station"}
    return {
        "code": fault.code,
        **where,
        "severity": "warning" if fault.warning else "out-of-order",
        "origin": fault.origin,
        "title": fault.title,
        "detail": fault.detail,
        "raisedAt": rfc3339(fault.raised.wall),
        "clearedAt": None,
    }


def masked(card: str) -> str:
    """A card's last two bytes."""
    return f"..{card[-4:]}"


def look_name(look: Look) -> str:
    """A light in words: "off", "blue", "white flicker", "red+white two-blinks"."""
    if not look.colours:
        return "off"
    colours = "+".join(look.colours)
    return colours if look.rhythm is Rhythm.STEADY else f"{colours} {look.rhythm}"
