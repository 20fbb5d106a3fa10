"""Which publish may leave next: order, the window of unanswered ones, and what an answer means. No socket, no clock.

One lane for all that the mailbox owes, because its order is a promise (`session-ended` never before its
`session-started`). A publish that the broker does not authorize therefore holds up what is behind it, as a rejected
call holds up the supplier's lanes, and is tried again alone until it is let through. Only a reply to a command, which
goes where its sender wants, holds up nothing: one that may not go there is set aside.
"""

import logging
from collections.abc import Callable
from enum import Enum

import msgspec

from agent.broker.mail import Mailbox, Parcel
from agent.effects import REPLY_CONTENT

log = logging.getLogger(__name__)

WINDOW = 20
"""Publishes that may be unanswered at once."""
HELD_BACK = {135: "not authorized", 151: "quota exceeded"}
"""MQTT 5.0 section 2.4: reason codes about the station's rights, not about this message."""
FIRST_FAILURE = 128
SMALLEST_HEADER = 64
"""Room for fixed header, topic length, packet id and properties beside topic, payload and content type, in bytes."""


class Kind(Enum):
    """What a publish is: owed to the mailbox, or one of the two retained topics that only tell about now."""

    PARCEL = "parcel"
    STATE = "state"
    STATUS = "status"


class Publish(msgspec.Struct, frozen=True):
    """One publish, QoS 1. `parcel` is the mailbox's id; state and status are retained and have none.

    `reply`: it answers a command, wherever its sender wants that.
    """

    kind: Kind
    topic: str
    payload: bytes
    content_type: str = ""
    parcel: int = 0
    correlation: bytes = b""
    reply: bool = False

    @property
    def retain(self) -> bool:
        """The broker keeps it for whoever subscribes later."""
        return self.kind is not Kind.PARCEL


class _Flight(msgspec.Struct, frozen=True):
    publish: Publish
    since: float


class Outgoing:
    """The publishes of one station. All times are seconds of one clock that never jumps, passed in."""

    def __init__(self, mailbox: Mailbox, state_topic: str, pause: Callable[[int], float]) -> None:
        """`pause(n)` says how many seconds to wait after the n-th refusal in a row, n from 1."""
        self._mailbox = mailbox
        self._state_topic = state_topic
        self._pause = pause
        self._state: bytes | None = None
        self._state_is_new = False
        self._flights: dict[int, _Flight] = {}
        self._window = WINDOW
        self._largest: int | None = None
        self._refusals = 0
        self._held_until: float | None = None
        self._more = True

    def set_state(self, payload: bytes) -> None:
        """Only this state matters from now on. Any thread may call this."""
        # In this order: `due` lowers the flag before it reads, so a state set in between is sent too.
        self._state = payload
        self._state_is_new = True

    def connected(self, receive_maximum: int = WINDOW, largest_packet: int | None = None) -> None:
        """A new connection: nothing is in flight, and the broker may know no state (it may have lost its disk)."""
        self._mailbox.release()
        self._more = True
        self._flights.clear()
        self._window = min(WINDOW, receive_maximum)
        self._largest = largest_packet
        self._held_until = None
        self._state_is_new = self._state is not None

    def more(self) -> None:
        """The mailbox may have new messages; it is not asked again before once it had none."""
        self._more = True

    def patience(self, now: float, longest_s: float) -> float:
        """Seconds after which `due` should be asked again though nothing has happened."""
        if self._held_until is None or now >= self._held_until:
            return longest_s
        return min(longest_s, self._held_until - now)

    def due(self, now: float) -> list[Publish]:
        """What may leave now, in order; call `sent` for each before asking again."""
        found = []
        if self._state_is_new and self._state is not None and not self._flying(Kind.STATE) and self._room():
            self._state_is_new = False
            found.append(Publish(Kind.STATE, self._state_topic, self._state, "application/json"))
        if not self._holding(now):
            found += self._parcels(self._room() - len(found))
        return found

    def sent(self, mid: int, publish: Publish, now: float) -> None:
        """`publish` has left under the packet id `mid`."""
        self._flights[mid] = _Flight(publish, now)

    def answered(self, mid: int, reason: int, now: float) -> None:
        """The broker answered packet id `mid` with an MQTT 5 reason code (0 under MQTT 3.1.1)."""
        flight = self._flights.pop(mid, None)
        if flight is None:
            return
        if flight.publish.kind is not Kind.PARCEL:
            if reason >= FIRST_FAILURE:
                log.warning("The broker refused %s (reason %d): check its ACL.", flight.publish.topic, reason)
        elif reason in HELD_BACK and not flight.publish.reply:
            self._hold_back(flight.publish, reason, now)
        elif reason >= FIRST_FAILURE:
            self._put_aside(flight.publish, f"the broker refused it with reason code {reason}")
        else:
            if self._held_until is None:
                self._refusals = 0
            self._mailbox.delivered(flight.publish.parcel)

    def overdue(self, now: float, limit_s: float) -> bool:
        """Something has been unanswered for longer than `limit_s`."""
        oldest = next(iter(self._flights.values()), None)
        return oldest is not None and now - oldest.since > limit_s

    def idle(self) -> bool:
        """Every publish has been answered."""
        return not self._flights

    def flying(self, mid: int) -> bool:
        """The publish with packet id `mid` is still unanswered."""
        return mid in self._flights

    def _flying(self, kind: Kind) -> bool:
        return any(flight.publish.kind is kind for flight in self._flights.values())

    def _room(self) -> int:
        return self._window - len(self._flights)

    def _parcels(self, room: int) -> list[Publish]:
        # After a refusal one goes ahead alone: were more sent, those behind it could arrive before it.
        if self._refusals:
            room = 0 if self._flying(Kind.PARCEL) else min(1, room)
        found: list[Publish] = []
        while self._more and room > len(found):
            parcels = self._mailbox.take(room - len(found))
            self._more = bool(parcels)
            for parcel in parcels:
                publish = self._publish(parcel)
                if self._too_large(publish):
                    self._put_aside(publish, f"it is larger than the broker takes ({self._largest} bytes)")
                else:
                    found.append(publish)
        return found

    def _publish(self, parcel: Parcel) -> Publish:
        reply = parcel.content_type == REPLY_CONTENT
        about = (parcel.topic, parcel.payload, parcel.content_type, parcel.id, parcel.correlation)
        return Publish(Kind.PARCEL, *about, reply=reply)

    def _too_large(self, publish: Publish) -> bool:
        if self._largest is None:
            return False
        parts = (publish.topic.encode(), publish.payload, publish.content_type, publish.correlation)
        return sum(map(len, parts)) + SMALLEST_HEADER > self._largest

    def _put_aside(self, publish: Publish, reason: str) -> None:
        log.error("A message for %s is set aside: %s.", publish.topic, reason)
        self._mailbox.aside(publish.parcel, reason)

    def _hold_back(self, publish: Publish, reason: int, now: float) -> None:
        if self._held_until is None:
            self._refusals += 1
            self._held_until = now + self._pause(self._refusals)
            log.warning(
                "The broker answered %s to %s: what is owed waits; correct the broker's rights for this station.",
                HELD_BACK[reason],
                publish.topic,
            )

    def _holding(self, now: float) -> bool:
        """Wait out a refusal, and the answers to what left with it: released earlier, those would leave twice."""
        if self._held_until is None:
            return False
        if now < self._held_until or self._flying(Kind.PARCEL):
            return True
        self._held_until = None
        self._mailbox.release()
        self._more = True
        return False
