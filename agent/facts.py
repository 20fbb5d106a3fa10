"""What can happen to a station, in the past tense. A fact is frozen and carries its moment and one random id.

Keys and event ids that a fact gives rise to are UUIDv5 of its id and a name, so decide needs no randomness.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.answers import ActiveSession, Grant, Problem
from agent.clock import At
from agent.effects import Act, Aside, ReplyTo


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that happened `at` a moment; `id` is a UUIDv4."""

    at: At
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted(Fact):
    """The agent came up and read its journal; nobody knows how long it was gone.

    `seen`: the slots whose sensor shows them locked (True) or unlocked (False) now; others have no sensor.
    `vehicles`: the slots whose contact shows a vehicle (True) or none (False). `letting_go`: the release contact is
    closed.
    """

    seen: Mapping[int, bool] = field(default_factory=dict)
    vehicles: Mapping[int, bool] = field(default_factory=dict)
    letting_go: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLost(Fact):
    """The journal before this one could not be read: nobody knows whose vehicles are here. `seen` as in `Restarted`."""

    detail: str
    seen: Mapping[int, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardTapped(Fact):
    """A card that was away is now in the field. `card` is its UID in upper-case hex.

    `known`: it may start without the supplier, as far as the journal knows (contract section 6, `known-cards`).
    """

    card: str
    known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRemoved(Fact):
    """A card left the field; `at` is when it was last seen."""

    card: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeveralCardsSeen(Fact):
    """Two or more cards are in the field at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveAnswered(Fact):
    """The question of `visit` was answered: a session, none, or a refusal (`problem`).

    `aside`: what of that session was set aside, as the journal knows.
    """

    visit: int
    session: ActiveSession | None = None
    problem: Problem | None = None
    aside: tuple[Aside, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AcquireAnswered(Fact):
    """The acquire `act` was granted or refused (`problem`). The visit that wanted it may be over."""

    act: Act
    grant: Grant | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSettled(Fact):
    """The supplier did a session's start, end or pay, or refused it (`problem`).

    `repeated`: it had left before without an answer, so an earlier attempt may have been done.
    """

    act: Act
    problem: Problem | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerUnusable(Fact):
    """The supplier answered something that cannot be used; it is asked again, and the operator is told once."""

    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class LockSettled(Fact):
    """The lock of `slot` finished `move`: `locked` is what its sensor shows, None without a sensor."""

    slot: int
    move: int
    locked: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoltMoved(Fact):
    """The sensor of `slot` changed without a move under way."""

    slot: int
    locked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleMoved(Fact):
    """The presence contact of `slot` shows a vehicle now, or none any more."""

    slot: int
    there: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSwitched(Fact):
    """The station's release contact was closed, or opened again."""

    closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlinePassed(Fact):
    """At least one deadline of the state is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxFilled(Fact):
    """So much is owed now that nothing more may start (`full`), or no longer."""

    full: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRaised(Fact):
    """A part of the station itself found a fault."""

    code: str
    title: str
    detail: str
    slot: int = 0
    warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultCleared(Fact):
    """The cause of a fault of the station itself is gone; nothing happens if it had not been raised."""

    code: str
    slot: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReceived(Fact):
    """A CloudEvent came to the inbox. `sent` is its `time` as Unix seconds, if it has one.

    `known` is about the card that it may carry, as in `CardTapped`.
    """

    type: str
    source: str
    event_id: str
    data: Mapping[str, Any] = field(default_factory=dict)
    sent: float | None = None
    known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockAsked(Fact):
    """Somebody on site wants a slot open; `force`: also while its session goes on. Answered to its id, as all below."""

    slot: int
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAsked(Fact):
    """Somebody on site wants a session to end."""

    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearFaultAsked(Fact):
    """Somebody on site says that a fault is mended."""

    code: str
    slot: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryAsked(Fact):
    """An operator wants what stands aside under `name` sent again.

    `rows`: that, and what comes after it in its session; `behind`: what has to go before it. The journal knows both.
    """

    name: str
    rows: tuple[Aside, ...] = ()
    behind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DropAsked(Fact):
    """An operator wants what stands aside under `name` forgotten; `rows` as in `RetryAsked`."""

    name: str
    rows: tuple[Aside, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PingAsked(Fact):
    """Somebody wants to know whether anybody is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LightsAsked(Fact):
    """Somebody wants a light to show something while it has nothing else to show.

    `target`: "main" or a slot's number; `colour` is empty for `off`; `duration_s` in seconds.
    """

    target: str
    action: str
    colour: str = ""
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityAsked(Fact):
    """Somebody takes a slot (0: the station) out of service, or puts it back."""

    available: bool
    slot: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartAsked(Fact):
    """Somebody wants the agent to end and come up again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticsAsked(Fact):
    """Somebody wants to know how the station is; `found` is what main knows about it."""

    found: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockAsked(Fact):
    """A workflow elsewhere gave a slot to a card (contract section 8)."""

    slot: int
    card: str
    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCommand:
    """What the journal knows of a command's id: the fact that it was, its reply once it has one, and to whom."""

    fact: str
    answer: bytes | None = None
    replies: tuple[ReplyTo, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandReceived(Fact):
    """A command came over MQTT under its sender's id (empty: it has none that can be read).

    `asked` is what it wants, with this fact's id and moment; None if that cannot be read, and then `problem` says why.
    `issued` is Unix seconds. `retained`: the broker had kept it. `known`: its id came before. `clock_set`: ages can be
    told.
    """

    command: str
    reply: ReplyTo
    asked: Fact | None = None
    problem: Problem | None = None
    issued: float | None = None
    boot: str = ""
    retained: bool = False
    known: KnownCommand | None = None
    clock_set: bool = True
