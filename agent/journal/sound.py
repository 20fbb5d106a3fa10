"""Whether what is in a journal belongs together: SQLite keeps no checksums, and rotten bits may still decode. Pure."""

from collections.abc import Iterable

from agent.journal.rows import rows, station_from
from agent.state import Phase, Station

NAMED = frozenset({"slot", "session", "visit", "fault"})
"""Kinds of rows whose key stands in them too; others may come with a later version."""
EMPTY = frozenset({Phase.FREE, Phase.UNKNOWN})
"""Phases without a session; a slot that opens may have none either."""


def unsound(entries: Iterable[tuple[str, str, bytes]]) -> str:
    """Why these rows are no station that this one could have been in; empty if they are.

    Raises msgspec.MsgspecError as `station_from` does.
    """
    found = list(entries)
    station = station_from(found, (int(key) for kind, key, _ in found if kind == "slot" and key.isdecimal()))
    meant = rows(station)
    for kind, key, _ in found:
        if kind in NAMED and (kind, key) not in meant:
            return f"the row {kind} {key} is not what it says it is"
    return misplaced(station)


def misplaced(station: Station) -> str:
    """Why a slot has not got the session that it should have, or a session not its slot."""
    for slot in station.slots.values():
        session = station.sessions.get(slot.session)
        alone = session is None and not slot.session
        if alone and slot.phase not in (*EMPTY, Phase.OPENING):
            return f"slot {slot.number} is {slot.phase} for nobody"
        if not alone and (session is None or session.slot != slot.number or slot.phase in EMPTY):
            return f"slot {slot.number} has lost its session"
    for session in station.sessions.values():
        if not session.released and station.slot_of(session) is None:
            return f"session {session.id} has lost its slot"
    return ""
