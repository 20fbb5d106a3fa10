"""How the version with schema 2 reads and writes a journal, word for word. Never changed: that version is out there.

Rows have every field that it knows; what it does not know, it ignores.
"""

from typing import Any, Literal

import msgspec

READS = {
    "tables": "SELECT 1 FROM entries, owed, messages, taken, history, sqlite_sequence LIMIT 1",
    "entries": "SELECT kind, key, value FROM entries ORDER BY place",
    "owed": "SELECT id, act, since, aside FROM owed ORDER BY id",
    "messages": "SELECT id, topic, payload, content_type FROM messages WHERE id > 0 AND aside IS NULL ORDER BY id",
    "last id": "SELECT seq FROM sqlite_sequence WHERE name='owed'",
    "taken": "SELECT 1 FROM taken WHERE source='test' AND id='e-1'",
    "newest": "SELECT max(wall) FROM history",
    "known": "SELECT 1 FROM known WHERE card IS NOT NULL AND wall BETWEEN 0 AND 1e10",
    "salt": "SELECT value FROM salt WHERE typeof(value) = 'blob' AND length(value) = 32",
    "counts": "SELECT count(*) - count(aside), count(aside), min(iif(aside IS NULL, since, NULL)) FROM owed",
}
WRITES = (
    "INSERT OR IGNORE INTO taken VALUES ('urn:x', 'e-9', 1.0)",
    (
        "INSERT INTO entries SELECT 'slot', '9', x'7b7d', ifnull(max(place), 0) + 1 FROM entries WHERE true"
        " ON CONFLICT (kind, key) DO UPDATE SET value=excluded.value"
    ),
    "INSERT INTO history (wall, kind, fact) VALUES (1.0, 'CardTapped', x'7b7d')",
    "INSERT INTO owed (id, act, since) VALUES (9000, x'7b7d', 1.0)",
    "UPDATE owed SET act=x'7b7d' WHERE id=9000",
    "UPDATE owed SET aside='404' WHERE id=9000",
    "DELETE FROM owed WHERE id=9000",
    "INSERT INTO messages (id, topic, content_type, payload, since) VALUES (9000, 't', 'c', x'7b7d', 1.0)",
    "DELETE FROM entries WHERE kind='slot' AND key='9'",
    "INSERT OR REPLACE INTO known VALUES (x'00', 1.0)",
    "DELETE FROM known WHERE card=x'00'",
    "UPDATE messages SET aside='x' WHERE id=9000 AND aside IS NULL RETURNING id",
    "DELETE FROM messages WHERE id=9000 RETURNING aside",
    "DELETE FROM taken WHERE wall < 2.0",
    "DELETE FROM history WHERE wall < 2.0",
)

Progress = Literal["none", "owed", "done", "refused"]


class At(msgspec.Struct):
    boot: str
    boottime: float
    wall: float


class Grant(msgspec.Struct):
    slot: int
    session: str


class Own(msgspec.Struct):
    available: bool
    visits: int


class Slot(msgspec.Struct):
    number: int
    phase: Literal["free", "starting", "charging", "ending", "opening", "held", "unknown"]
    session: str
    move: int
    seen: bool | None
    available: bool
    lock_failures: int
    ended: At | None
    forced: bool = False
    askers: list[str] = []


class Session(msgspec.Struct):
    id: str
    card: str
    slot: int
    tapped: At
    start: Progress
    end: Progress
    payment: Literal["none", "owed", "paid", "refused"]
    pay_refusals: int
    ended_by: Literal["card", "command", "station"]
    released: bool
    announced: bool
    locked: bool
    light: str
    former: str
    lane: str = ""
    offline: bool = False
    acquire: str = ""
    away_slot: int = 0
    denied: bool = False


class Visit(msgspec.Struct):
    number: int
    card: str
    tap: str
    tapped: At
    step: Literal["asking", "acquiring", "naming", "locking", "ending", "opening"]
    deadline: float | None
    slot: int
    session: str
    key: str
    grant: Grant | None
    spare: Grant | None
    driver: bool
    known: bool = False


class Fault(msgspec.Struct):
    code: str
    slot: int
    warning: bool
    origin: Literal["station", "inbox"]
    title: str
    detail: str
    raised: At
    error: dict[str, Any]


class Act(msgspec.Struct):
    name: Literal["acquire", "leds", "lock", "start", "end", "pay", "unlock", "support"]
    key: str
    lane: str
    session: str
    slot: int
    card: str
    light: str
    body: dict[str, Any]


KINDS: dict[str, type[msgspec.Struct]] = {
    "station": Own,
    "slot": Slot,
    "session": Session,
    "visit": Visit,
    "fault": Fault,
}
ACT = Act
