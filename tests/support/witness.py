"""What supplier, broker and bolts say of a station whose power was cut: what was lost, doubled or trapped.

They never lost power; the station's own word is not asked for.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

TOLD_ONCE = frozenset({"session-started", "session-ended", "session-settled", "out-of-order"})
"""Events that there is one of for a session, or for a fault that has its code for itself."""
ONCE = ("start", "end", "pay")
"""Acts that a session has one of."""
NEVER_STRUCK = frozenset({"start", "lock", "end", "pay", "unlock"})
"""Acts that are sent once they are owed, whatever comes. Lights are overtaken, and an acquire may be struck unsent."""


@dataclass(frozen=True, slots=True)
class Owed:
    """What a journal owes: the keys of acts, and the ids of events."""

    keys: frozenset[str]
    events: frozenset[str]


def owed_by(state: Path) -> Owed:
    """What the journal in this folder owes; of a copy, as reading a journal changes its files."""
    with TemporaryDirectory() as folder:
        for file in state.glob("journal.db*"):
            copyfile(file, Path(folder, file.name))
        journal = sqlite3.connect(Path(folder, "journal.db"))
        try:
            acts = [json.loads(act) for (act,) in journal.execute("SELECT act FROM owed WHERE aside IS NULL")]
            messages = journal.execute("SELECT payload FROM messages WHERE id > 0 AND topic LIKE '%/events/%'")
            events = frozenset(json.loads(payload)["id"] for (payload,) in messages)
        finally:
            journal.close()
    return Owed(frozenset(act["key"] for act in acts if act["name"] in NEVER_STRUCK), events)


@dataclass(slots=True)
class Acknowledged:
    """What somebody outside had been told, or the journal had, when the power went; gathered over all cuts."""

    keys: set[str] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    faults: set[str] = field(default_factory=set)
    taps: Counter[str] = field(default_factory=Counter)

    def add(self, owed: Owed) -> None:
        """The journal had this."""
        self.keys |= owed.keys
        self.events |= owed.events


@dataclass(frozen=True, slots=True)
class Witness:
    """The supplier's books and what the broker was told (topic below the station's, payload), when all is over."""

    books: Mapping[str, Any]
    heard: Sequence[Sequence[str]]

    def lost(self, acknowledged: Acknowledged) -> list[str]:
        """What was acknowledged and never came, or began and was never finished."""
        keys = {call["key"] for call in self.books["calls"]}
        told = {event["id"] for _, event in self._events()}
        faults = {event["data"].get("code") for name, event in self._events() if name == "out-of-order"}
        return [
            *(f"the act {key} was owed and never came" for key in acknowledged.keys - keys),
            *(f"the event {event} was owed and never came" for event in acknowledged.events - told),
            *(f"the fault {fault} was never told" for fault in acknowledged.faults - faults),
            *(said for session in self.books["sessions"] for said in self._unfinished(session)),
        ]

    def _unfinished(self, session: Mapping[str, Any]) -> list[str]:
        """What is missing of a session. One that never started was given back, and nobody paid for it."""
        started = session["id"] in self._called("start")
        told = {name for name, event in self._events() if event["data"].get("id") == session["id"]}
        wanted = {"session-started", "session-ended"} if started else set()
        said = [f"{session['id']}: {name} was not told" for name in wanted - told]
        said += [f"{session['id']} has not ended"] if session["stage"] != "ended" else []
        said += [f"{session['id']} was not paid"] if started and session["payment"] != "paid" else []
        return said

    def doubled(self, taps: Mapping[str, int]) -> list[str]:
        """What was done or told twice, or without anybody's doing. `taps`: how often each card was tapped at most."""
        acquired = Counter(session["card"] for session in self.books["sessions"])
        started = self._called("start")
        by_id: dict[str, set[str]] = {}
        told: Counter[tuple[str, str]] = Counter()
        for _, event in self._events():
            # a start whose delivery a power cut took back is told again under its id, at a later time
            lasting = {name: value for name, value in event.items() if name not in ("time", "clocksynced")}
            by_id.setdefault(event["id"], set()).add(json.dumps(lasting, sort_keys=True))
        for name, event in {event["id"]: (name, event) for name, event in self._events()}.values():
            told[name, str(event["data"].get("id") or event["data"].get("code"))] += name in TOLD_ONCE
        paid = Counter(payment["session"] for payment in self.books["payments"])
        return [
            *(
                f"{card} got {times} sessions of {taps[card]} taps"
                for card, times in acquired.items()
                if times > taps[card]
            ),
            *(f"{session} was paid {times} times" for session, times in paid.items() if times > 1),
            *(f"{session} was paid and never started" for session in paid if session not in started),
            *(f"{' '.join(what)} was told {times} times" for what, times in told.items() if times > 1),
            *(f"the event {event} was told in {len(ways)} ways" for event, ways in by_id.items() if len(ways) > 1),
            *(said for name in ONCE for said in self._twice(name)),
            *self._keys_of_several_acts(),
        ]

    def _called(self, name: str) -> dict[str, set[str]]:
        """The keys of a session's act, by session."""
        keys: dict[str, set[str]] = {}
        for call in self.books["calls"]:
            if call["name"] == name:
                keys.setdefault(call["session"], set()).add(call["key"])
        return keys

    def _twice(self, name: str) -> Iterable[str]:
        return [
            f"{session}: {len(keys)} keys for {name}" for session, keys in self._called(name).items() if len(keys) > 1
        ]

    def _keys_of_several_acts(self) -> Iterable[str]:
        acts: dict[str, set[str]] = {}
        for call in self.books["calls"]:
            if call["key"]:
                acts.setdefault(call["key"], set()).add(f"{call['path']} {call['body']} {call['card']}")
        return [f"the key {key} stands for {sorted(several)}" for key, several in acts.items() if len(several) > 1]

    def _events(self) -> list[tuple[str, dict[str, Any]]]:
        """Name and content of the events, as they came."""
        starts = "events/"
        return [
            (topic.removeprefix(starts), json.loads(told)) for topic, told in self.heard if topic.startswith(starts)
        ]


def trapped(books: Mapping[str, Any], world: Mapping[str, Any], station: Mapping[str, Any]) -> list[str]:
    """Where bolt, book and the station's word differ; nothing is under way."""
    stages = {session["id"]: session["stage"] for session in books["sessions"]}
    holders = {slot["number"]: slot["session"] for slot in books["slots"]}
    own = {slot["number"]: slot for slot in station["slots"]}
    said = []
    for slot in world["slots"]:
        # a motor without power stops half-way; its sensor shows that open, and what shows as drawn is not moved
        number, bolt = slot["number"], "locked" if slot["bolt"] == "locked" else "unlocked"
        holder = holders.get(number)
        session = own[number].get("session", {}).get("id")
        standing = holder and stages[holder] == "started"
        if (bolt, bool(standing), session) not in (("locked", True, holder), ("unlocked", False, None)):
            said.append(f"slot {number}: bolt {bolt}, supplier {holder} {stages.get(holder or '')}, station {session}")
    return said
