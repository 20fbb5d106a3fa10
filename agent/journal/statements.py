"""What one fact changes in the journal, as SQL. Pure."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from agent.facts import JournalLost
from agent.journal.file import LOST
from agent.journal.rows import Writing, changes

Statement = tuple[str, tuple[Any, ...]]
Table = Literal["owed", "messages"]

TAKE = "INSERT OR IGNORE INTO taken VALUES (?, ?, ?)"
PUT = (
    "INSERT INTO entries SELECT ?, ?, ?, ifnull(max(place), 0) + 1 FROM entries WHERE true"
    " ON CONFLICT (kind, key) DO UPDATE SET value=excluded.value"  # keeps its place in the order
)
KNOW = "INSERT OR REPLACE INTO known VALUES (?, ?)"
OWE = "INSERT INTO owed (id, act, since) VALUES (?, ?, ?)"
POST = "INSERT INTO messages (id, topic, content_type, payload, since, correlation) VALUES (?, ?, ?, ?, ?, ?)"
ORDER = (
    "INSERT INTO commands (id, fact, wall, replies) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET replies=excluded.replies"
)
ANSWER = "UPDATE commands SET answer=? WHERE id=?"
RESERVE = "UPDATE sqlite_sequence SET seq=max(seq, ?) WHERE name=?"
DELETE: Mapping[Table, str] = {
    "owed": "DELETE FROM owed WHERE id BETWEEN ? AND ? RETURNING aside",
    "messages": "DELETE FROM messages WHERE id BETWEEN ? AND ? RETURNING aside",
}
ASIDE: Mapping[Table, str] = {
    "owed": "UPDATE owed SET aside=? WHERE id=? AND aside IS NULL RETURNING id",
    "messages": "UPDATE messages SET aside=? WHERE id=? AND aside IS NULL RETURNING id",
}
MARK_BYTES = 16


def statements_of(writing: Writing, salt: bytes, newest: float) -> Iterable[Statement]:
    """What one fact changes, without the fact itself.

    `salt` is the journal's own, for `mark_of`; `newest` the newest moment known (Unix seconds).
    """
    for (kind, key), value in changes(writing.before, writing.after, newest):
        if value is None:
            yield "DELETE FROM entries WHERE kind=? AND key=?", (kind, key)
        else:
            yield PUT, (kind, key, value)
    for row in writing.owed:
        yield OWE, (row.id, msgspec.json.encode(row.act), row.since)
    for row in writing.rewritten:
        yield "UPDATE owed SET act=? WHERE id=?", (msgspec.json.encode(row.act), row.id)
    for row_id, reason in writing.aside:
        yield putting_aside("owed", row_id, reason)
    yield from (deletion("owed", row_id) for row_id in writing.gone)
    yield from (deletion(row.table, row.id) for row in writing.dropped)
    for row_id, message in writing.messages:
        what = (message.topic, message.content_type, message.payload, writing.fact.at.wall, message.correlation)
        yield POST, (row_id, *what)
    for order in writing.orders:
        yield ORDER, (order.id, order.fact, writing.fact.at.wall, msgspec.json.encode(order.replies))
    yield from ((ANSWER, (answer, name)) for name, answer in writing.answered)
    if isinstance(writing.fact, JournalLost):
        yield "DELETE FROM entries WHERE kind=? AND key=?", LOST
    yield from _cards_of(writing, salt)
    if writing.taken:
        yield TAKE, (*writing.taken, writing.fact.at.wall)


def _cards_of(writing: Writing, salt: bytes) -> Iterable[Statement]:
    for card in writing.known:
        yield KNOW, (mark_of(card, salt), writing.fact.at.wall)
    for card in writing.refused:
        yield "DELETE FROM known WHERE card=?", (mark_of(card, salt),)


def deletion(table: Table, row_id: int) -> Statement:
    """Forget one row."""
    return DELETE[table], (row_id, row_id)


def deletions(table: Table, row_ids: Iterable[int]) -> Iterator[Statement]:
    """Forget these rows: one statement for those that follow each other, for what is delivered mostly does."""
    run: list[int] = []
    for row_id in sorted(row_ids):
        if run and row_id != run[-1] + 1:
            yield DELETE[table], (run[0], run[-1])
            run.clear()
        run.append(row_id)
    if run:
        yield DELETE[table], (run[0], run[-1])


def putting_aside(table: Table, row_id: int, reason: str) -> Statement:
    """Keep one row for an operator."""
    return ASIDE[table], (reason, row_id)


def mark_of(card: str, salt: bytes) -> bytes:
    """By what a known card is recognised: its UID itself is forgotten with the history (keyed BLAKE2b, RFC 7693)."""
    return hashlib.blake2b(card.encode(), key=salt, digest_size=MARK_BYTES).digest()
