"""What is read from a journal."""

import contextlib
import sqlite3
from collections.abc import Iterable

import msgspec

from agent.effects import Act, Aside, Message, Order, ReplyTo
from agent.facts import CallSettled, KnownCommand
from agent.journal.age import newest_fact
from agent.journal.rows import OWN, OwedRow, Own, station_from
from agent.state import Station

ENTRIES = "SELECT kind, key, value FROM entries ORDER BY place"
ACTS_ASIDE = "SELECT id, act, since, aside FROM owed WHERE aside IS NOT NULL ORDER BY id"
MESSAGES_ASIDE = (
    "SELECT id, topic, payload, content_type, correlation, since, aside FROM messages WHERE aside IS NOT NULL"
    " ORDER BY id"
)
COMMAND = "SELECT fact, answer, replies FROM commands WHERE id=?"
SETTLED = (
    "SELECT fact FROM history WHERE id > (SELECT max(id) FROM history) - ? AND kind='CallSettled'"
    " ORDER BY id DESC LIMIT ?"
)
LOOKED_AT = 10_000
"""How many of the last facts: a start does not take longer because many came before."""
WAITING = "SELECT id, fact, replies FROM commands WHERE answer IS NULL"
OWN_ROW = "SELECT value FROM entries WHERE kind=? AND key=?"


def read_station(db: sqlite3.Connection, slots: Iterable[int]) -> Station:
    """The station as it was last written."""
    return station_from(db.execute(ENTRIES), slots)


def read_newest(db: sqlite3.Connection) -> float:
    """The newest moment (Unix seconds): each tap wrote down the newest before it. 0 if there is none."""
    row = db.execute(OWN_ROW, OWN).fetchone()
    own = msgspec.json.decode(row[0], type=Own) if row else Own()
    return max(own.newest, newest_fact(db))


def read_owed(db: sqlite3.Connection) -> list[OwedRow]:
    """Everything owed to the supplier, in the order in which it became owed."""
    found = db.execute("SELECT id, act, since, aside FROM owed ORDER BY id")
    return [
        OwedRow(id=row, act=msgspec.json.decode(act, type=Act), since=since, aside=aside)
        for row, act, since, aside in found
    ]


def read_aside(db: sqlite3.Connection) -> list[Aside]:
    """All of it: acts, then messages, each in the order in which they became owed."""
    acts = [
        Aside(table="owed", id=row, act=msgspec.json.decode(act, type=Act), since=since, reason=reason)
        for row, act, since, reason in db.execute(ACTS_ASIDE)
    ]
    messages = [
        Aside(
            table="messages",
            id=row,
            message=Message(topic=topic, payload=payload, content_type=kind, correlation=correlation),
            since=since,
            reason=reason,
        )
        for row, topic, payload, kind, correlation, since, reason in db.execute(MESSAGES_ASIDE)
    ]
    return [*acts, *messages]


def read_command(db: sqlite3.Connection, name: str) -> KnownCommand | None:
    """What is known of the command with this id."""
    row = db.execute(COMMAND, (name,)).fetchone()
    return known_command(*row) if row else None


def known_command(fact: str, answer: bytes | None, replies: bytes) -> KnownCommand:
    """A command's row."""
    return KnownCommand(fact=fact, answer=answer, replies=msgspec.json.decode(replies, type=tuple[ReplyTo, ...]))


def read_orders(db: sqlite3.Connection) -> list[Order]:
    """Commands that have no reply yet."""
    return [
        Order(id=name, fact=fact, replies=known_command(fact, None, replies).replies)
        for name, fact, replies in db.execute(WAITING)
    ]


def read_settled(db: sqlite3.Connection, most: int) -> list[CallSettled]:
    """The last acts of sessions that the supplier decided, oldest first; none that another version wrote.

    At most so many, and of the last facts only.
    """
    found = []
    for (fact,) in db.execute(SETTLED, (LOOKED_AT, most)):
        with contextlib.suppress(msgspec.MsgspecError):
            found.append(msgspec.json.decode(fact, type=CallSettled))
    return found[::-1]
