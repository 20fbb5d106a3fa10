"""What the broker room and the rest of the agent hand each other; only `link.py` knows the MQTT library."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec


class BrokerError(Exception):
    """The broker cannot be used as configured, or the connection to it is over; it is tried again."""


class Parcel(msgspec.Struct, frozen=True):
    """One owed message, as the journal keeps it; `id` is the mailbox's own."""

    id: int
    topic: str
    payload: bytes
    content_type: str = ""
    correlation: bytes = b""


class Mailbox(Protocol):
    """The journal's side of what is owed to the broker. Called by the thread `broker` only; may raise, then the
    connection is given up and tried again."""

    def take(self, limit: int) -> Sequence[Parcel]:
        """The next owed messages in order that are not in flight, at most `limit`. They are in flight from now on."""
        ...

    def delivered(self, parcel_id: int) -> None:
        """The broker has it; it is owed no more."""
        ...

    def aside(self, parcel_id: int, reason: str) -> None:
        """The broker refused it for good: keep it, with this sentence, for an operator."""
        ...

    def release(self) -> None:
        """Nothing is in flight any more: what was, is owed again, in its old order."""
        ...


@dataclass(frozen=True, slots=True)
class Token:
    """What `Broker.acknowledge` needs to know about a message that came."""

    link: int
    mid: int
    qos: int


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that came. It stays the broker's until it is acknowledged; `retained` as its publisher said it.

    `reply_topic` and `correlation` are what its publisher wants in a reply (MQTT 5.0, section 4.10); empty if nothing.
    """

    topic: str
    payload: bytes
    retained: bool
    token: Token
    reply_topic: str = ""
    correlation: bytes = b""
