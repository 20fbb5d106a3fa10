"""Everything that can be seen of a station at rest: at the supplier, at the broker, at the bolts, in its own words."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from support.campaign.scene import Scene

from agent.simulator.records import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One CloudEvent as it arrived; the same one may arrive again."""

    name: str
    id: str
    data: Mapping[str, Any]
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the checks judge. `calls`, `events`, `problems` and `log` go back to the station's first day.

    `sessions`, `payments`: the supplier's books. `state`: the station's own word, None while it says nothing. `bolts`:
    where they really are. `raised`, `unsupported`: what was sent to the inbox. `elsewhere`: what was published where no
    card may stand in clear. `unsent`: what has not reached the broker.
    """

    calls: Sequence[Entry] = ()
    sessions: Sequence[Mapping[str, Any]] = ()
    payments: Sequence[Mapping[str, Any]] = ()
    events: Sequence[Told] = ()
    problems: Sequence[Mapping[str, Any]] = ()
    state: Mapping[str, Any] | None = None
    bolts: Mapping[int, str]
    raised: frozenset[str] = frozenset()
    unsupported: frozenset[str] = frozenset()
    log: Sequence[str] = ()
    elsewhere: Sequence[bytes] = ()
    cards: frozenset[str] = frozenset()
    unsent: int = 0

    @property
    def standing(self) -> dict[str, int]:
        """The sessions whose vehicle stands in a slot, and in which."""
        return {slot["session"]["id"]: slot["number"] for slot in self.taken}

    @property
    def taken(self) -> list[Mapping[str, Any]]:
        """The slots that hold somebody's session, as the station tells of them: the card is masked."""
        return [slot for slot in self.state["slots"] if slot.get("session")] if self.state else []


def look(scene: Scene, cards: frozenset[str]) -> View:
    """The view of a station now."""
    bench = scene.bench
    state = scene.state()
    books = bench.books.view()
    events, elsewhere, problems = [], [], []
    for heard in bench.listener.heard:
        room, _, name = heard.topic.removeprefix(f"stations/{bench.station}/").partition("/")
        if room == "events":
            event = json.loads(heard.payload)
            events.append(Told(name=name, id=event["id"], data=event["data"], body=heard.payload))
        elif room != "inbox":
            elsewhere.append(heard.payload)
            if room == "errors":
                problems.append(json.loads(heard.payload))
    return View(
        calls=tuple(scene.calls),
        sessions=books["sessions"],
        payments=books["payments"],
        events=events,
        problems=problems,
        state=state,
        bolts={slot["number"]: slot["bolt"] for slot in bench.world.snapshot()["slots"]},
        raised=frozenset(scene.raised),
        unsupported=frozenset(scene.unsupported),
        log=tuple(bench.log),
        elsewhere=elsewhere,
        cards=cards,
        unsent=bench.listener.unsent + (not bench.listener.connected),
    )
