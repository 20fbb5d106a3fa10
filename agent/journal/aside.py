"""What was set aside because supplier or broker refused it, for an operator to look at."""

from collections.abc import Iterable, Mapping
from typing import Any

from agent.effects import ActName, Aside
from agent.events import rfc3339


def with_dependants(aside: Iterable[Aside], name: str) -> tuple[Aside, ...]:
    """What is called `name`, and what comes after it in its session."""
    rows = list(aside)
    first = next((row for row in rows if row.name == name), None)
    if first is None:
        return ()
    return (first, *(row for row in rows if _ends(first) and row.id > first.id and _session(row) == _session(first)))


def of_session(aside: Iterable[Aside], session: str) -> tuple[Aside, ...]:
    """What of a session was set aside."""
    return tuple(row for row in aside if row.act and row.act.session == session)


def standing_before(aside: Iterable[Aside], name: str) -> str:
    """The name of what has to go before `name`; empty if nothing does."""
    rows = list(aside)
    asked = next((row for row in rows if row.name == name), None)
    if asked is None or _ends(asked) or not asked.act:
        return ""
    return next((row.name for row in rows if _ends(row) and _session(row) == _session(asked)), "")


def _ends(row: Aside) -> bool:
    return row.act is not None and row.act.name is ActName.END


def _session(row: Aside) -> str:
    return row.act.session if row.act else ""


def aside_report(aside: Iterable[Aside]) -> list[Mapping[str, Any]]:
    """All of it for people and programs; no card in clear."""
    rows = list(aside)
    return [shown(row, [other.name for other in with_dependants(rows, row.name)[1:]]) for row in rows]


def shown(row: Aside, dependants: list[str]) -> Mapping[str, Any]:
    """One of them."""
    about: dict[str, Any] = {"id": row.name, "since": rfc3339(row.since), "reason": row.reason}
    if row.act:
        return {**about, "to": "supplier", "what": row.act.name, "session": row.act.session, "dependants": dependants}
    topic = row.message.topic if row.message else ""
    return {**about, "to": "broker", "what": topic.rpartition("/")[2], "session": "", "dependants": dependants}
