"""What stands in the simulated supplier's books, as it is written down. Times are Unix seconds."""

from typing import Any, Literal

import msgspec

Standing = Literal["registered", "blocked", "without-credit", "unregistered"]
Stage = Literal["acquired", "started", "ended"]
Payment = Literal["none", "paid", "refused"]


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One answer: a status and a body, or a plain text instead of one."""

    status: int
    body: Any = None
    text: str = ""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request as the supplier understood it: `name` is the OpenAPI operationId, what does not apply is empty."""

    name: str
    method: str
    path: str
    key: str = ""
    station: str = ""
    slot: int = 0
    session: str = ""
    card: str = ""
    light: str = ""
    body: dict[str, Any] | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log of calls. `repeat`: it got an earlier answer. `answered`: False if the answer was lost."""

    time: float
    name: str
    method: str
    path: str
    key: str
    card: str
    session: str
    body: dict[str, Any] | None
    status: int
    repeat: bool = False
    answered: bool = True


class SlotRecord(msgspec.Struct, kw_only=True):
    """What the station said last of one slot."""

    lock: Literal["locked", "unlocked"] = "unlocked"
    light: dict[str, Any] | None = None


class StationRecord(msgspec.Struct, kw_only=True):
    """A station that has called: its slots by number, and its main light."""

    slots: dict[int, SlotRecord] = {}
    light: dict[str, Any] | None = None


class SessionRecord(msgspec.Struct, kw_only=True):
    """One vehicle's stay. `answers`: the first answer to start, end and pay, once done."""

    id: str
    card: str
    station: str
    slot: int
    stage: Stage = "acquired"
    was_started: bool = False
    payment: Payment = "none"
    answers: dict[str, Said] = {}


class PaymentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that was taken."""

    session: str
    card: str
    time: float


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A call for support."""

    station: str
    error: dict[str, Any]
    time: float


class Repeats(msgspec.Struct, kw_only=True):
    """How many calls got an earlier answer: by their key, or as a repeated start, end or pay under another key."""

    keys: int = 0
    sessions: int = 0


class Record(msgspec.Struct, kw_only=True):
    """All of the books."""

    cards: dict[str, Standing] = {}
    stations: dict[str, StationRecord] = {}
    sessions: dict[str, SessionRecord] = {}
    payments: list[PaymentRecord] = []
    tickets: list[Ticket] = []
    answers: dict[str, Said] = {}
    calls: list[Entry] = []
    repeats: Repeats = msgspec.field(default_factory=Repeats)
