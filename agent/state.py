"""What a station is between two facts. Frozen: decide returns a new one.

Locks and lights are drawn from it (`face.py`), never stored beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from agent.answers import Grant
from agent.clock import At

NEVER = float("inf")


class Phase(StrEnum):
    """Where a slot is in its story."""

    FREE = "free"
    AWAITING = "awaiting"  # blue and open for the vehicle of a driver who tapped
    STARTING = "starting"  # the bolt is closing for a driver who waits
    CHARGING = "charging"
    ENDING = "ending"  # end and pay are under way, the bolt still holds
    OPENING = "opening"  # the bolt is opening, or refused to
    HELD = "held"  # unpaid, or refused by the supplier: locked until its card taps
    UNKNOWN = "unknown"  # the journal was lost: nobody knows whose vehicle is in it


class Progress(StrEnum):
    """How far one act of a session has come at the supplier."""

    NONE = "none"
    OWED = "owed"
    DONE = "done"
    REFUSED = "refused"


class Payment(StrEnum):
    """What became of a session's payment, in the words of `session-ended.v1`."""

    NONE = "none"
    OWED = "owed"
    PAID = "paid"
    REFUSED = "refused"


class Step(StrEnum):
    """What a driver is waiting for."""

    ASKING = "asking"
    ACQUIRING = "acquiring"
    NAMING = "naming"  # a slot was given without a session id: asking for it
    REMOTE = "remote"  # whoever decides afar has not said anything yet
    PARKING = "parking"  # the slot waits for the vehicle
    LOCKING = "locking"
    ENDING = "ending"
    OPENING = "opening"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One slot. Its lock is driven once for each new `move`; `seen` is what the sensor last showed (True: locked).

    `forced`: it was opened while its session goes on (by hand, or by an end that a kill cut short), and stays open
    until that is over. `askers`: ids of the facts that asked for it to open and are still to be answered.

    `vehicle`: what its presence contact shows, None without one. `deserted`: since when the vehicle of its session is
    gone and its bolt open.
    """

    number: int
    phase: Phase = Phase.FREE
    session: str = ""
    move: int = 0
    seen: bool | None = None
    available: bool = True
    lock_failures: int = 0
    ended: At | None = None
    forced: bool = False
    askers: tuple[str, ...] = ()
    vehicle: bool | None = None
    deserted: At | None = None

    @property
    def shown(self) -> str:
        """What its sensor showed last, in a word; one without a sensor shows `unknown`."""
        return "unknown" if self.seen is None else "locked" if self.seen else "unlocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One vehicle's stay. It is kept until the vehicle is released and the supplier knows everything.

    `announced`: `session-ended` was written down, or never will be. `locked`: its bolt was confirmed here. `light` is
    the key of its blue light's act. `former` is its own id, if the supplier's replaced that. `lane` is where its acts
    leave, if not in one called after it.

    `offline`: it started without the supplier, under an id of its own; `acquire` is the key of its acquire until that
    is answered, `away_slot` the slot that the supplier then named, if it is another, and `denied` that it gave none.

    `remote`: a workflow elsewhere began it, and tells the supplier itself; nothing of it is owed here.
    """

    id: str
    card: str
    slot: int
    tapped: At
    start: Progress = Progress.NONE
    end: Progress = Progress.NONE
    payment: Payment = Payment.NONE
    pay_refusals: int = 0
    ended_by: Literal["card", "command", "station"] = "card"
    released: bool = False
    announced: bool = False
    locked: bool = False
    light: str = ""
    former: str = ""
    lane: str = ""
    offline: bool = False
    acquire: str = ""
    away_slot: int = 0
    denied: bool = False
    remote: bool = False

    @property
    def called_slot(self) -> int:
        """The number of its slot in calls to the supplier and in what GET names."""
        return self.away_slot or self.slot

    @property
    def settled(self) -> bool:
        """Nothing more will happen to it."""
        owed = Progress.OWED in (self.start, self.end) or (self.payment is Payment.OWED and not self.remote)
        return self.released and self.announced and not owed and not self.acquire


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One tap being worked on, from fact `tap`. `deadline` is in CLOCK_BOOTTIME seconds (None: the bolt decides).

    `grant` is a slot that was given without a session id, until it has one. `spare` is a slot that was given but
    cannot be used, kept until the supplier has named another. Without a `driver` it is there to give `grant` back, or
    to learn the name of its `session`. `known`: the card may start without the supplier.
    """

    number: int
    card: str
    tap: str
    tapped: At
    step: Step
    deadline: float | None
    slot: int = 0
    session: str = ""
    key: str = ""
    grant: Grant | None = None
    spare: Grant | None = None
    driver: bool = True
    known: bool = False


OWN_WARNINGS = frozenset(
    {
        "JournalLost",
        "LightsFailure",
        "LockSensor",
        "SupplierUnreachable",
        "BrokerUnreachable",
        "ClockUnset",
        "OverTemperature",
        "LowDisk",
    }
)
"""What the station itself raises and goes on with (contract section 7)."""

OWN_CODES = frozenset(
    {
        "ReaderFailure",
        "LockFailed",
        "UnlockFailed",
        "LockForced",
        "SlotMismatch",
        "Released",
        "StorageFailure",
        "StationRejected",
        *OWN_WARNINGS,
    }
)
"""What the station itself raises (contract section 7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that does not work, known by code, scope and slot; `error` is what the support is told.

    `watched`: the part that found it says when its cause is gone.
    """

    code: str
    slot: int = 0
    warning: bool = False
    watched: bool = False
    origin: Literal["station", "inbox"] = "station"
    title: str = ""
    detail: str = ""
    raised: At
    error: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What it is known by: one from the inbox under a code of the station's own is not the station's."""
        borrowed = self.origin == "inbox" and self.code in OWN_CODES
        return f"{'inbox:' * borrowed}{self.code}/{self.slot}"


class Signal(StrEnum):
    """What the main light tells a driver in passing."""

    REFUSED = "refused"
    TWO_CARDS = "two-cards"
    NO_SLOTS = "no-slots"


@dataclass(frozen=True, slots=True)
class Seen:
    """A card that tapped lately: until when (CLOCK_BOOTTIME seconds) another tap of it is only acknowledged."""

    until: float
    resting: bool = True


@dataclass(frozen=True, slots=True)
class Support:
    """When support was last called for a fault, and how often it was raised since."""

    called: At
    since: int = 0


@dataclass(frozen=True, slots=True)
class Show:
    """What somebody wants a light to show for a while: `colour` and `action` as in a `leds` call.

    `since` and `until` are CLOCK_BOOTTIME seconds.
    """

    action: str
    colour: str
    since: float
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """The whole station. What comes after `supports` does not outlive the process.

    `full`: so much is owed that nothing more may start. `letting_go`: the release contact is closed. `shows`: what
    somebody wants lights to show, by name ("main", "1", ...).
    """

    slots: Mapping[int, Slot]
    sessions: Mapping[str, Session] = field(default_factory=dict)
    visits: Mapping[int, Visit] = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)
    available: bool = True
    visit_count: int = 0
    supports: Mapping[str, Support] = field(default_factory=dict)
    lately: Mapping[str, Seen] = field(default_factory=dict)
    winked: float = -NEVER
    signal: Signal | None = None
    signalled: float = -NEVER
    full: bool = False
    letting_go: bool = False
    shows: Mapping[str, Show] = field(default_factory=dict)

    @property
    def standing(self) -> list[Session]:
        """The sessions whose vehicle stands in a slot; the others are over, and the supplier is still to be told."""
        found = (self.sessions.get(slot.session) for slot in self.slots.values())
        return [session for session in found if session]

    def session_of(self, card: str) -> Session | None:
        """The session of `card` whose vehicle stands in a slot."""
        return next((session for session in self.standing if session.card == card), None)

    def session_called(self, name: str) -> Session | None:
        """The session with this id, or with this id before the supplier's replaced it."""
        return self.sessions.get(name) or next((s for s in self.sessions.values() if name and s.former == name), None)

    def slot_of(self, session: Session) -> Slot | None:
        """The slot in which the session's vehicle stands; None once it was released."""
        slot = self.slots.get(session.slot)
        return slot if slot and slot.session == session.id else None

    def leaving(self, card: str, name: str = "") -> Session | None:
        """A session of `card` that is over here while the supplier does not know its end: `name`, else the last one."""
        over = [s for s in self.sessions.values() if s.card == card and s.released and s.end is Progress.OWED]
        return next((session for session in reversed(over) if name in ("", session.id)), None)

    def visit_of(self, card: str) -> Visit | None:
        """The visit whose driver is waiting with `card`."""
        return next((v for v in self.visits.values() if v.card == card and v.driver), None)

    def out_of_order(self, slot: int = 0) -> bool:
        """Whether an out-of-order fault of this slot (0: of the station itself) is raised."""
        return any(f.slot == slot and not f.warning for f in self.faults.values())

    @property
    def in_service(self) -> bool:
        """Whether the station may start sessions at all."""
        return self.available and not self.out_of_order()

    def usable(self, slot: Slot) -> bool:
        """Whether a slot may be offered once it is free."""
        return slot.available and slot.phase is not Phase.UNKNOWN and not self.out_of_order(slot.number)
