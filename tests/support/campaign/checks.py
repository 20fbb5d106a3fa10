"""What holds of a station that has come to rest: nothing lost, nothing doubled, nobody trapped. Pure."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from support.campaign.findings import Finding, Kind
from support.campaign.view import Told, View

from agent.simulator.records import Entry

SESSION_ACTS = ("start", "end", "pay")
TRY_LATER = (401, 403, 408, 425, 429)
MAY_REMAIN = ("LockFailed", "SupplierUnreachable")
"""Faults that outlive their cause: the one waits for an operator or an hour, the other for the next call."""
STANDING = ("charging", "held")
SUPPORT_S = 600.0


def check(view: View) -> list[Finding]:
    """Everything that is wrong."""
    kinds = {Kind.LOST: lost, Kind.DOUBLED: doubled, Kind.TRAPPED: trapped, Kind.UNWELL: unwell}
    return [Finding(kind, text) for kind, texts in kinds.items() for text in texts(view)]


def accepted(view: View, session: str, name: str) -> list[Entry]:
    """The calls of this name for a session that the supplier said yes to."""
    return [each for each in view.calls if each.session == session and each.name == name and each.status < 300]


def refused(view: View, session: str, name: str) -> bool:
    """Whether the supplier said no to such an act, for good."""
    return any(
        each.session == session and each.name == name and 400 <= each.status < 500 and each.status not in TRY_LATER
        for each in view.calls
    )


def once(events: Iterable[Told]) -> list[Told]:
    """Each event by its id, where it first arrived."""
    return list({event.id: event for event in reversed(list(events))}.values())[::-1]


def named(view: View, name: str) -> dict[str, list[Told]]:
    """The events of one name, each id once, by what they are about."""
    found = defaultdict(list)
    for event in once([event for event in view.events if event.name == name]):
        found[str(event.data.get("id") or event.data.get("code"))].append(event)
    return found


# Lost.


def lost(view: View) -> Iterator[str]:
    """Sessions, acts and events that did not arrive."""
    if view.state:
        for whom in ("supplier", "broker"):
            if view.state["owed"][whom]:
                yield f"{view.state['owed'][whom]} still owed to the {whom}"
    if view.unsent:
        yield "the broker was not reached"
    for session in view.sessions:
        yield from lost_session(view, session)
    yield from lost_events(view)
    yield from lost_inbox(view)


def lost_session(view: View, session: Mapping[str, Any]) -> Iterator[str]:
    """What the supplier's books say of one session and the station does not."""
    name, stage = session["id"], session["stage"]
    slots = {slot["number"]: slot["status"] for slot in view.state["slots"]} if view.state else {}
    status = slots.get(view.standing.get(name, 0), "gone")
    if status == "charging" and stage != "started":
        yield f"session {name} charges, but the supplier has it as {stage}"
    if status != "gone" or refused(view, name, "end"):
        return
    if stage == "acquired":
        yield f"session {name} was acquired and neither started nor given back"
    elif stage == "started":
        yield f"session {name} is over, but the supplier was not told of its end"
    elif accepted(view, name, "start") and session["payment"] == "none" and not refused(view, name, "pay"):
        yield f"session {name} was not paid"


def lost_events(view: View) -> Iterator[str]:
    """Every start is told, every end is told, an owed payment is settled; in this order."""
    order = {event.id: number for number, event in reversed(list(enumerate(view.events)))}
    started, ended, settled = (named(view, f"session-{what}") for what in ("started", "ended", "settled"))
    for session in view.sessions:
        name = session["id"]
        if accepted(view, name, "start"):
            if name not in started:
                yield f"no session-started of {name}"
            if name not in ended and name not in view.standing:
                yield f"no session-ended of {name}"
    for name, ends in ended.items():
        if name in started and order[started[name][0].id] > order[ends[0].id]:
            yield f"session-ended of {name} before its session-started"
        if ends[0].data["payment"] == "owed" and name not in settled:
            yield f"the owed payment of {name} was never settled"
    for name, settlings in settled.items():
        if name not in ended or order[settlings[0].id] < order[ended[name][0].id]:
            yield f"session-settled of {name} before its session-ended"
    yield from lost_service(view)


def lost_service(view: View) -> Iterator[str]:
    """Whoever heard that something was out of order hears that nothing is any more."""
    last = [event.name for event in once(view.events) if event.name in ("out-of-order", "back-in-service")][-1:]
    faults = view.state["faults"] if view.state else ()
    if last == ["out-of-order"] and not any(fault["severity"] == "out-of-order" for fault in faults):
        yield "no back-in-service after the last fault"


def lost_inbox(view: View) -> Iterator[str]:
    """What came in is taken: a fault is told once, what nobody supports is answered."""
    handled = named(view, "out-of-order")
    tickets = {each.body["error"].get("code") for each in view.calls if each.name == "support" and each.body}
    for code in sorted(view.raised):
        if code not in handled:
            yield f"no out-of-order for {code} from the inbox"
        if code not in tickets:
            yield f"support was not called for {code} from the inbox"
    answers = " ".join(str(problem.get("detail")) for problem in view.problems)
    for kind in sorted(view.unsupported):
        if kind not in answers:
            yield f"no answer to the unsupported event {kind}"


# Doubled.


def doubled(view: View) -> Iterator[str]:
    """What was done or told twice."""
    acts: dict[str, tuple[str, str]] = {}
    for call in view.calls:
        what = (call.path, json.dumps(call.body, sort_keys=True))
        if call.name != "ask" and acts.setdefault(call.key, what) != what:
            yield f"one key for two acts: {acts[call.key]} and {what}"
    for session in view.sessions:
        for act in SESSION_ACTS:
            if len({call.key for call in accepted(view, session["id"], act)}) > 1:
                yield f"{act} of session {session['id']} was accepted under two keys"
    for name, count in Counter(payment["session"] for payment in view.payments).items():
        if count > 1:
            yield f"session {name} was paid {count} times"
    for card, count in Counter(each["card"] for each in view.sessions if each["stage"] != "ended").items():
        if count > 1:
            yield f"card ..{card[-4:]} has {count} sessions at the supplier"
    yield from doubled_events(view)


def doubled_events(view: View) -> Iterator[str]:
    """One event has one id, and one id one content."""
    contents: dict[str, bytes] = {}
    for event in view.events:
        if contents.setdefault(event.id, event.body) != event.body:
            yield f"two contents for {event.name} {event.id}: {contents[event.id]!r} and {event.body!r}"
    for name in ("session-started", "session-ended"):
        yield from (
            f"{len(events)} {name} of session {about}" for about, events in named(view, name).items() if len(events) > 1
        )
    for session, events in named(view, "session-settled").items():
        if [event.data["payment"] for event in events].count("paid") > 1:
            yield f"session {session} was settled as paid twice"
    yield from doubled_inbox(view)
    yield from doubled_support(view)


def doubled_inbox(view: View) -> Iterator[str]:
    """A fault that came in is handled once, however often its message came."""
    handled = named(view, "out-of-order")
    for code in sorted(view.raised):
        if len(handled.get(code, ())) > 1:
            yield f"{len(handled[code])} out-of-order for {code} from the inbox"


def doubled_support(view: View) -> Iterator[str]:
    """Support is called at most once in ten minutes for one fault."""
    last: dict[tuple[object, object], Entry] = {}
    for each in view.calls:
        if each.name == "support" and each.body:
            error = each.body["error"]
            fault = (error.get("code"), error.get("slotNumber"))
            before = last.setdefault(fault, each)
            if before.key != each.key and each.time - before.time < SUPPORT_S:
                yield f"support was called again for {error.get('code')}"


# Trapped.


def trapped(view: View) -> Iterator[str]:
    """Bolts that hold nobody's vehicle, or somebody whom the supplier does not know."""
    if view.state is None:
        return
    known = {session["id"] for session in view.sessions}
    for slot in view.state["slots"]:
        number, bolt = slot["number"], view.bolts[slot["number"]]
        stays = slot["status"] in STANDING
        if bolt != "unlocked" and not stays:
            yield f"slot {number} is {slot['status']}, and its bolt is {bolt}"
        elif slot["status"] == "charging" and slot["session"]["id"] not in known:
            yield f"slot {number} holds a vehicle for session {slot['session']['id']}, which the supplier does not know"


# Unwell.


def unwell(view: View) -> Iterator[str]:
    """A station that does not work although nothing hinders it, and what must never be seen of it."""
    if view.state is None:
        yield "the station says nothing"
    else:
        yield from out_of_service(view, view.state)
    for line in view.log:
        if "Traceback" in line:
            yield f"a traceback in the log: {line}"
    for card in sorted(view.cards):
        if any(card in line.upper() for line in view.log):
            yield f"card ..{card[-4:]} in clear in the log"
        if any(card.encode() in payload.upper() for payload in view.elsewhere):
            yield f"card ..{card[-4:]} in clear beside the events"


def out_of_service(view: View, state: Mapping[str, Any]) -> Iterator[str]:
    """Faults and slots that have not come back, and vehicles that stand in open slots."""
    faults = [fault for fault in state["faults"] if fault["code"] not in MAY_REMAIN]
    failed = {fault.get("slotNumber") for fault in state["faults"] if fault["code"] == "LockFailed"}
    for fault in faults:
        yield f"fault {fault['code']} {fault.get('slotNumber', '')} did not clear"
    if not state["available"]:
        yield "the station is not available"
    if "white" in state["mainLight"]:
        yield "a driver is still being worked for"
    for slot in state["slots"]:
        number, status = slot["number"], slot["status"]
        if status not in ("free", *STANDING) and not (status == "out-of-order" and number in failed):
            yield f"slot {number} is {status}"
        if status in STANDING and view.bolts[number] != "locked":
            yield f"slot {number} is {status}, and its bolt is {view.bolts[number]}"
