"""What was set aside because supplier or broker refused it, for an operator to look at."""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from agent.effects import Act, ActName, Aside, Message
from agent.events import rfc3339

ACTS = "SELECT id, act, since, aside FROM owed WHERE aside IS NOT NULL ORDER BY id"
MESSAGES = "SELECT id, topic, payload, content_type, since, aside FROM messages WHERE aside IS NOT NULL ORDER BY id"


def read_aside(db: sqlite3.Connection) -> list[Aside]:
    """All of it: acts, then messages, each in the order in which they became owed."""
    acts = [
        Aside(table="owed", id=row, act=msgspec.json.decode(act, type=Act), since=since, reason=reason)
        for row, act, since, reason in db.execute(ACTS)
    ]
    messages = [
        Aside(table="messages", id=row, message=Message(topic=topic, payload=payload, content_type=kind), **when)
        for row, topic, payload, kind, since, reason in db.execute(MESSAGES)
        for when in [{"since": since, "reason": reason}]
    ]
    return [*acts, *messages]


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
