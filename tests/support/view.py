"""Everything that is left of a story, in a shape that is the same for an unbroken run and for a broken one.

Only what may differ by contract is taken out: times and random ids, how often one act was repeated under its key or one
question asked again, and a tap that was undone with what had been acquired for it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from support.bench import Bench
from support.bench_config import PINS

STATION = "the station's own"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose act a key is. Empty: the station's own; an acquire has a card only."""

    card: str
    session: str


@dataclass(frozen=True, slots=True)
class Since:
    """Where the story proper began: what had been called and how the lines had changed before."""

    calls: int
    lines: int


def view_of(bench: Bench, owners: Mapping[str, Owner], since: Since, *, deaths: int, moves: bool) -> dict[str, Any]:
    """The view of supplier, broker and metal. Each of `deaths` may have undone a tap. `moves`: the locks' count too."""
    books = bench.books.view()
    events = events_of(bench)
    undone = undone_of(events, deaths)
    gone = given_back(bench, owners, since, undone)
    calls = [call for call in books["calls"] if call["key"] not in gone.keys]
    sessions = [each for each in books["sessions"] if each["id"] not in gone.sessions]
    lasting = {
        "supplier": {
            "slots": books["slots"],
            "main light": books["lights"],
            "sessions": sessions,
            "paid": [payment["session"] for payment in books["payments"]],
            "tickets": [ticket["error"] for ticket in books["tickets"]],
        },
        "calls": calls_of(calls, owners),
        "events": [event for event in events.values() if event not in undone],
        "replies": replies_of(bench),
        "errors": [problem.get("detail", problem) for problem in bench.errors()],
        "station": station_of(bench.state()),
        "told": told_of(bench),
        "metal": metal_of(bench),
        "moves": moves_of(bench, since.lines) if moves else {},
    }
    text = json.dumps(lasting)
    for number, session in enumerate(sessions, 1):
        text = text.replace(session["id"], f"session {number}")
    view: dict[str, Any] = json.loads(text)
    return view


def events_of(bench: Bench) -> dict[str, dict[str, Any]]:
    """The events by id, each as it was first heard, in their order. Fails if one id was used for two."""
    events: dict[str, dict[str, Any]] = {}
    for heard in bench.heard("events/"):
        event = json.loads(heard.payload)
        told = {"type": event["type"], "subject": event["subject"], "data": event["data"]}
        assert events.setdefault(event["id"], told) == told, f"one id for two events: {told}"
    return events


def replies_of(bench: Bench) -> dict[str, list[Any]]:
    """What came in reply to each command, each answer once: it may be delivered again."""
    replies: dict[str, list[Any]] = {}
    for heard in bench.heard(""):
        if heard.topic.rpartition("/")[0].endswith("/commands"):
            sent = json.loads(heard.payload)["id"]
            found = list(dict.fromkeys(bench.replies(sent)))
            assert len(found) == 1, f"two answers to one command: {found}"
            replies[sent] = [json.loads(found[0])]
    return replies


def undone_of(events: Mapping[str, Mapping[str, Any]], deaths: int) -> list[Mapping[str, Any]]:
    """The taps that died with their process and were told so."""
    undone = [event for event in events.values() if event["data"].get("reason") == "undone"]
    assert len(undone) <= deaths, "a tap was undone without need"
    return undone


@dataclass(frozen=True, slots=True)
class Gone:
    """What undone taps brought to the supplier: the keys of their acts, and the sessions that they had got."""

    keys: frozenset[str]
    sessions: frozenset[str]


def given_back(bench: Bench, owners: Mapping[str, Owner], since: Since, undone: Sequence[Mapping[str, Any]]) -> Gone:
    """What undone taps had acquired: the first of a card's acquires, as its driver tapped again and got another.

    Fails if the supplier did not get it back, or if it was used in between.
    """
    calls = bench.books.view()["calls"]
    gone: set[str] = set()
    sessions: set[str] = set()
    for card, taps in Counter(event["data"]["card"] for event in undone).items():
        mine = [call["key"] for call in calls[since.calls :] if (call["name"], call["card"]) == ("acquire", card)]
        for key in list(dict.fromkeys(mine))[:-1][:taps]:
            gone.add(key)
            answer = bench.books._record.answers[key].body
            if "session" in answer:
                sessions.add(answer["session"]["id"])
    theirs = [call for call in calls if call["key"] and owners[call["key"]].session in sessions]
    assert {call["name"] for call in theirs} <= {"end"}, "an undone tap had a slot: it must go on"
    assert {owners[call["key"]].session for call in theirs} == sessions, "something was not given back"
    return Gone(frozenset(gone | {call["key"] for call in theirs}), frozenset(sessions))


def calls_of(calls: Iterable[Mapping[str, Any]], owners: Mapping[str, Owner]) -> dict[str, list[Any]]:
    """The calls of each card and of the station in their order, each key once, a question asked again once."""
    groups: dict[str, list[Any]] = {}
    keys: set[str] = set()
    for call in calls:
        if call["key"] in keys:
            continue
        keys |= {call["key"]} - {""}
        card = call["card"] or (owners[call["key"]].card if call["key"] else "")
        said = [call["method"], call["path"], call["body"], call["status"]]
        group = groups.setdefault(card or STATION, [])
        if call["name"] != "ask" or group[-1:] != [said]:
            group.append(said)
    return groups


def station_of(state: Mapping[str, Any]) -> dict[str, Any]:
    """What the agent says of itself, without times."""
    return {
        "available": state["available"],
        "main light": state["mainLight"],
        "faults": sorted(f"{fault['code']} {fault.get('slotNumber', '')}" for fault in state["faults"]),
        "owed": {name: state["owed"][name] for name in ("supplier", "broker", "refused")},
        "slots": [
            {**slot, "session": {**slot.get("session", {}), "since": None}, "lock": slot["lock"]}
            for slot in state["slots"]
        ],
    }


def told_of(bench: Bench) -> dict[str, Any]:
    """What the broker keeps of the station: its last state and status."""
    states, statuses = bench.heard("state"), bench.heard("status")
    return {
        "state": station_of(json.loads(states[-1].payload)),
        "status": json.loads(statuses[-1].payload)["state"],
    }


def metal_of(bench: Bench) -> dict[str, Any]:
    """Bolts, lines, and the strip's last frame as runs of one colour."""
    world = bench.world.snapshot()
    return {
        "bolts": {slot["number"]: slot["bolt"] for slot in world["slots"]},
        "lines": world["lines"],
        "lights": [[colour, len(list(run))] for colour, run in groupby(world["strip"]["pixels"])],
    }


def moves_of(bench: Bench, since: int) -> dict[str, list[int | None]]:
    """How each lock's line changed: a held one that was let go of in between shows here."""
    moves: dict[str, list[int | None]] = {}
    for number, (pin, _) in PINS.items():
        levels = [lines.get(str(pin)) for lines in bench.lines[since:]]
        moves[str(number)] = levels[:1] + [after for before, after in pairwise(levels) if before != after]
    return moves


def check(view: Mapping[str, Any], bench: Bench) -> None:
    """What holds at the end of every story, broken or not."""
    supplier = view["supplier"]
    assert not any(view["station"]["owed"][whom] for whom in ("supplier", "broker")), "something is owed"
    assert len(set(supplier["paid"])) == len(supplier["paid"]), "paid twice"
    starts = [call["session"] for key, call in {c["key"]: c for c in bench.acts("start")}.items() if key]
    assert len(set(starts)) == len(starts), "started twice"
    told = [event["data"]["id"] for event in view["events"] if event["type"].endswith(".session-started.v1")]
    assert len(set(told)) == len(told), "told twice"
    for slot in supplier["slots"]:
        bolt = view["metal"]["bolts"].get(str(slot["number"]))
        assert bolt != "between", "a bolt stopped half-way"
        assert bolt != "locked" or slot["session"], f"slot {slot['number']} is locked for nobody"
        assert slot["lock"] == bolt, "the supplier does not know where the bolt is"
