"""What decide asks for: questions and acts for the supplier, messages for the broker.

An act is one write to the supplier (contract section 3). It is kept as what it is (session, act), not as a URL: the
URL is made when it leaves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from agent.answers import Problem


class ActName(StrEnum):
    """The writes of contract section 3, in the order of its table."""

    ACQUIRE = "acquire"
    LEDS = "leds"
    LOCK = "lock"
    START = "start"
    END = "end"
    PAY = "pay"
    UNLOCK = "unlock"
    SUPPORT = "support"


STATION_LANE = "station"
REPLY_CONTENT = "application/json"
"""The content type of a reply to a command; events and problems have others."""
MAIN_LIGHT = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One write to the supplier, owed until it is delivered, refused or struck.

    `key` is its Idempotency-Key. Acts of one `lane` leave in order; lanes leave beside each other. `card` goes out with
    acquire only; with other acts it says what to mask in the supplier's refusals.
    """

    name: ActName
    key: str
    lane: str
    session: str = ""
    slot: int = 0
    card: str = ""
    light: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """The question "active session?" of one visit; it dies with the visit or at `until` (CLOCK_BOOTTIME seconds)."""

    visit: int
    card: str
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something owed to the broker: `payload` is complete when it is written down, and leaves in order, QoS 1.

    `correlation` is what whoever asked gave along for the reply (MQTT 5.0, section 3.3.2.3.6).
    """

    topic: str
    payload: bytes
    content_type: str = ""
    correlation: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """An act or a message that was refused, as it stands in the journal: `since` is Unix seconds."""

    table: Literal["owed", "messages"]
    id: int
    since: float
    reason: str
    act: Act | None = None
    message: Message | None = None

    @property
    def name(self) -> str:
        """What an operator calls it."""
        return f"{'act' if self.table == 'owed' else 'message'}-{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of the fact with id `to`, for whoever asked for it: done, or why not (`problem`)."""

    to: str
    result: Mapping[str, Any] = field(default_factory=dict)
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyTo:
    """Where the reply to a command goes: a topic, and what is given back with it."""

    topic: str
    correlation: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A command that is taken under its id: whatever answers the fact `fact` is told at all of `replies`, once."""

    id: str
    fact: str
    replies: tuple[ReplyTo, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A CloudEvent to write down: `name` without prefix and version; `slot` 0 is the station itself."""

    name: str
    data: Mapping[str, Any]
    id: str
    slot: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """Take back the act with `key`: struck if it has not left yet, else `act` becomes owed behind it."""

    key: str
    act: Act


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """A session goes by another id at the supplier from now on, and stands in its slot `slot`."""

    old: str
    new: str
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """All that one fact asks for, in order.

    `settled`: keys of acts whose outcome was taken in. `struck`: keys of acts not wanted any more, which go if they
    have not left yet. `forgotten`: keys of acts that go in any case, for they can only be refused. `aside`: keys of
    acts that an operator has to look at. `abandoned`: ids of sessions of which nothing is told any more. `renamed`:
    sessions whose id or slot at the supplier is another. `known` and `refused`: cards that may start without the
    supplier from now on, and those that may not any more. `messages` leave as they are. `orders`: commands that are
    taken, or told to one more. `restart`: end, and come up again. `dropped`: what stood aside and goes. `durable`:
    commit before anything leaves or moves. `again`: all of it comes once more, under the same ids, if a power cut takes
    it from the journal; a kill must not.
    """

    asks: tuple[Ask, ...] = ()
    owed: tuple[Act, ...] = ()
    undone: tuple[Undo, ...] = ()
    events: tuple[Event, ...] = ()
    problems: tuple[Problem, ...] = ()
    messages: tuple[Message, ...] = ()
    orders: tuple[Order, ...] = ()
    answers: tuple[Answer, ...] = ()
    dropped: tuple[Aside, ...] = ()
    settled: tuple[str, ...] = ()
    struck: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    abandoned: tuple[str, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    known: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    durable: bool = False
    again: bool = False
    restart: bool = False

    @property
    def is_told(self) -> bool:
        """Whether the broker is told anything of it but the state."""
        return bool(self.events or self.problems or self.messages or self.answers)
