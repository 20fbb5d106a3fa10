"""A whole station but for its parts: what comes by MQTT goes down its road, into the journal and out again."""

import json
import logging
import random
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from support.fuzz.mutate import ODD_TEXTS, as_json, mutated, text_of
from support.lane import FAULTED, Lane
from support.owing import CARD

from agent.broker.inbox import Inbox
from agent.broker.mail import Incoming, Token
from agent.broker.orders import LONGEST_PAYLOAD, issued_at
from agent.events import CARD_SCANNED, MISSPELT, rfc3339
from agent.facts import CardRemoved, CardTapped, LockSettled
from agent.journal import Journal, Kept
from agent.journal.rows import rows
from agent.logs import LastLines, last_lines
from agent.state import Phase
from hardware.parts import Position

LARGEST_ANSWER = 256 * 1024
"""Bytes of whatever the station says to what it was told: more than any broker has to take."""
PASSES_S = 60.0
FRESH_S = 30.0
SESSION = "S1"

Move = tuple[int, Position, int]


class Room:
    """Slot 1 charges for CARD, slot 2 is free; the supplier does whatever it is told."""

    def __init__(self, folder: Path, life: ExitStack) -> None:
        self.lines = LastLines()
        root, house = logging.getLogger(), logging.getLogger("agent")
        root.addHandler(self.lines)
        life.callback(root.removeHandler, self.lines)
        life.callback(house.setLevel, house.level)
        house.setLevel(logging.INFO)
        self._settled: set[Move] = set()
        self.path = folder / "journal.db"
        kept = Kept(history_days=1, known_days=1)
        self.lane = Lane(self.path, diagnose=lambda: {"log": last_lines()}, kept_for=kept)
        life.callback(self.restored)
        life.callback(self.lane.close)
        life.callback(self.lane.road.flush)  # as a stop does: what was delivered is written down
        self.occupy()

    def occupy(self) -> None:
        """CARD taps, if slot 1 is free."""
        if self.lane.road.station.slots[1].phase is Phase.FREE:
            self.time_passes()
            self.lane.happens(CardTapped, card=CARD)
            self.settle()
            self.lane.happens(CardRemoved, card=CARD)

    @property
    def charging(self) -> bool:
        """Whether slot 1 is."""
        return self.lane.road.station.slots[1].phase is Phase.CHARGING

    def settle(self) -> set[Move]:
        """Everything that follows of itself; gives the moves that a lock was ordered to make."""
        lane = self.lane
        moved: set[Move] = set()
        while True:
            lane.take_all()
            lane.road.draw()
            new = lane.bolts.orders.keys() - self._settled
            self._settled |= new
            for slot, position, move in new:
                lane.happens(LockSettled, slot=slot, move=move, locked=position is Position.LOCKED)
            moved |= new
            if lane.outbox.owed()[0] or lane.outbox._questions:
                lane.exchange()
            elif not new:
                return moved

    def deliver(self) -> None:
        """The broker takes everything; none of it may be larger than it has to take."""
        for parcel in self.lane.mailbox.take(1000):
            assert len(parcel.payload) <= LARGEST_ANSWER, f"{len(parcel.payload)} bytes on {parcel.topic}"
            json.loads(parcel.payload)
            self.lane.mailbox.delivered(parcel.id)

    def time_passes(self) -> None:
        """Deadlines, flushes and, once a day, forgetting."""
        self.lane.hand.pass_(PASSES_S)
        self.lane.road.tick()

    def restored(self) -> None:
        """A restart reads back what was written."""
        journal = Journal(self.path)
        try:
            assert rows(journal.restore([1, 2])) == rows(self.lane.road.station), "the journal holds another station"
            assert journal.owed() == journal.aside() == []
        finally:
            journal.close()


class Messages:
    """What comes from the broker, each to its end: taken, committed, acknowledged, answered."""

    def __init__(self, folder: Path, life: ExitStack) -> None:
        self.room = Room(folder, life)
        lane = self.room.lane
        self._inbox = Inbox(lane.facts.happen, lane.clock.now, "ST-42")
        self._acknowledged: list[Token] = []
        self._inbox.acknowledge = self._acknowledged.append
        lane.road._keeping._acknowledge_one = self._inbox.kept
        self._count = 0

    def comes(self, dice: random.Random, incoming: Incoming) -> set[Move]:
        """Gives the moves that came of it."""
        self._inbox.received(incoming)
        moved = self.room.settle()
        if dice.random() < 0.1:
            self.room.time_passes()
        self.room.lane.road.flush()
        assert self._acknowledged == [incoming.token], f"not acknowledged: {incoming}"
        self._acknowledged.clear()
        self.room.deliver()
        return moved

    def token(self) -> Token:
        """The next one's."""
        self._count += 1
        return Token(link=1, mid=self._count, qos=1)


class Events(Messages):
    """The inbox. Nothing that comes there moves a lock."""

    def feed(self, dice: random.Random) -> None:
        """One CloudEvent, or what is left of it."""
        at = self.room.lane.clock.now().wall
        error = {"code": dice.choice(("X", "Overheated", "")), "title": "T", "detail": "D", "slotNumber": 1}
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": f"e-{dice.randrange(10**9)}",
            "source": "urn:power",
            "type": dice.choice((FAULTED, FAULTED, CARD_SCANNED, *MISSPELT, "com.example.x.v1")),
            "time": rfc3339(at),
            "data": {"error": {**error, "cleared": dice.random() < 0.4}, "card": CARD},
        }
        payload = as_json(event, dice)
        incoming = Incoming("stations/ST-42/inbox", payload, dice.random() < 0.02, self.token())
        moved = self.comes(dice, incoming)
        assert not moved, f"{moved} by {incoming}"


class Commands(Messages):
    """Commands. A lock moves only if it was asked to, in time, under an id of its own."""

    def __init__(self, folder: Path, life: ExitStack) -> None:
        super().__init__(folder, life)
        self._seen: set[str] = set()

    def feed(self, dice: random.Random) -> None:
        """One command, or what is left of it."""
        self.room.occupy()
        name = dice.choice(tuple(ARGUMENTS))
        wall = self.room.lane.clock.now().wall + dice.choice((0, 0, 0, -29, -31, 31))
        order = {"id": f"c-{dice.randrange(10**9)}", "issuedAt": rfc3339(wall), "args": dice.choice(ARGUMENTS[name])}
        topic = name if dice.random() < 0.8 else mutated(name, text_of, dice)
        reply = dice.choice(("", "back-office/1", "a/#", "x" * 600, *ODD_TEXTS[:3]))
        incoming = Incoming(
            f"stations/ST-42/commands/{topic}",
            as_json(order, dice),
            dice.random() < 0.05,
            self.token(),
            reply,
            dice.randbytes(dice.choice((0, 8, 5000))),
        )
        now = self.room.lane.clock.now().wall
        charging = self.room.charging
        moved = self.comes(dice, incoming)
        wanted = self._wanted(incoming, topic, now, charging=charging)
        assert all(move[:2] in wanted for move in moved), f"{moved} by {incoming}"

    def _wanted(self, incoming: Incoming, name: str, now: float, *, charging: bool) -> set[tuple[int, Position]]:
        """What was asked for, by a reading of the test's own."""
        asked = decoded(incoming.payload)
        if not asked or asked["id"] in self._seen:
            return set()
        self._seen.add(asked["id"])
        issued = issued_at(asked)
        if incoming.retained or issued is None or abs(now - issued) > FRESH_S:
            return set()
        return opened_by(name, asked.get("args"), charging=charging)


def opened_by(name: str, args: Any, *, charging: bool) -> set[tuple[int, Position]]:
    """The moves that a command with these arguments asks for; `charging`: slot 1 has a session that goes on."""
    if not isinstance(args, dict):
        return set()
    slot = args.get("slotNumber")
    if name == "unlock" and slot in (1, 2) and args.keys() <= {"slotNumber", "force"}:
        forced = args.get("force") is True or slot == 2 or not charging
        return {(int(slot), Position.UNLOCKED)} if forced else set()
    return {(1, Position.UNLOCKED)} if name == "end" and args == {"sessionId": SESSION} else set()


def decoded(payload: bytes) -> dict[str, Any]:
    """A command's payload, if it is an object of JSON with an id; else nothing: then nobody will know it again."""
    try:
        found = json.loads(payload.decode())
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return {}
    known = isinstance(found, dict) and isinstance(found.get("id"), str) and len(payload) <= LONGEST_PAYLOAD
    return found if known else {}


ARGUMENTS: dict[str, tuple[dict[str, Any], ...]] = {
    "unlock": ({"slotNumber": 1}, {"slotNumber": 2}, {"slotNumber": 1, "force": True}, {"slotNumber": 9}),
    "end": ({"sessionId": SESSION}, {"sessionId": "S2"}),
    "lights": ({"target": "main", "action": "on", "color": "blue", "duration": 1000}, {"target": 1, "action": "off"}),
    "availability": ({"available": True}, {"slotNumber": 2, "available": False}, {"slotNumber": 1, "available": True}),
    "clear-fault": ({"code": "X"}, {"code": "X", "slotNumber": 1}),
    "ping": ({},),
    "restart": ({},),
    "diagnostics": ({},),
    "lock": ({"slotNumber": 2, "card": "DEADBEEF", "sessionId": "S9"},),
    "owed-drop": ({"id": "owed-1"},),
}
"""Of every command, good examples; `lock` and `owed-drop` may not be asked for here."""
