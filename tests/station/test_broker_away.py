"""The broker comes and goes: no driver is stopped, events arrive in order, and what came in is taken once."""

import json
import signal
from collections.abc import Callable

from support.bench import CARD, OTHER, PREFIX, Bench
from support.mqtt import Mosquitto

Benches = Callable[..., Bench]

ERROR = {"code": "GroundFailure", "title": "Ground Failure", "detail": "leakage of 40 mA"}
EVENTS = ["session-started", "session-ended"]


def stay(bench: Bench, card: str = CARD) -> None:
    """Start and end a session, whatever the broker does."""
    starts = len(bench.acts("start"))
    bench.tap(card)
    bench.wait(lambda: any(slot["status"] == "charging" for slot in bench.state()["slots"]))
    bench.wait(lambda: len(bench.acts("start")) > starts)
    bench.tap(card)
    bench.wait(lambda: all(slot["status"] == "free" for slot in bench.state()["slots"]))


def told(bench: Bench) -> list[tuple[str, str]]:
    """Names and cards of the session events, each id once, in order of arrival."""
    seen: dict[str, tuple[str, str]] = {}
    for heard in bench.heard("events/"):
        event = json.loads(heard.payload)
        seen.setdefault(event["id"], (heard.topic.rpartition("/")[2], event["data"].get("card", "")))
    return list(seen.values())


def test_events_wait_for_the_broker_and_leave_in_order(bench: Bench, mosquitto: Mosquitto) -> None:
    mosquitto.stop()
    bench.wait(lambda: not bench.state()["broker"]["reachable"])
    stay(bench, CARD)
    stay(bench, OTHER)
    bench.wait(lambda: bench.owed()["broker"] == 4)
    assert told(bench) == []
    mosquitto.start()
    bench.settled()
    bench.wait(lambda: len(told(bench)) == 4)
    assert told(bench) == [(name, card) for card in (CARD, OTHER) for name in EVENTS]
    bench.wait(lambda: bench.state()["broker"]["reachable"])


def test_a_broker_that_is_killed_in_the_middle_loses_nothing(bench: Bench, mosquitto: Mosquitto) -> None:
    bench.wait(lambda: mosquitto.remembers("bench"))
    bench.on_call("start", lambda _: mosquitto.kill())
    stay(bench)
    mosquitto.start()
    bench.settled()
    bench.on_call("pay", lambda _: mosquitto.kill())
    stay(bench, OTHER)
    mosquitto.start()
    bench.settled()
    bench.wait(lambda: len(told(bench)) == 4)
    assert told(bench) == [(name, card) for card in (CARD, OTHER) for name in EVENTS]


def test_events_outlive_the_agent_while_the_broker_is_away(bench: Bench, mosquitto: Mosquitto) -> None:
    mosquitto.stop()
    stay(bench)
    bench.kill()
    mosquitto.start()
    bench.start()
    bench.settled()
    bench.wait(lambda: len(told(bench)) == 2)
    assert told(bench) == [(name, CARD) for name in EVENTS]


def test_an_inbox_event_is_acknowledged_only_when_it_is_kept(bench: Bench) -> None:
    bench.signal(signal.SIGSTOP)
    bench.inbox(f"{PREFIX}faulted.v1", {"error": ERROR})
    bench.kill()
    bench.start()
    bench.wait(lambda: bench.once("out-of-order"))
    bench.kill()
    bench.start()
    bench.wait(lambda: bench.faults() == ["GroundFailure"])
    bench.inbox(f"{PREFIX}faulted.v1", {"error": {**ERROR, "cleared": True}}, "e-2")
    bench.wait(lambda: bench.once("back-in-service"))
    bench.settled()
    assert len(bench.once("out-of-order")) == 1, "redelivered, but taken once"
    assert len(bench.books.view()["tickets"]) == 1


def test_a_fault_under_the_documents_misspelt_type_counts(bench: Bench) -> None:
    error = {"title": "Ground Failure", "slotNumber": 2}
    bench.inbox("com.ev-power-supplier.charging.station-faulted.v1", {"error": error})
    bench.wait(lambda: bench.once("out-of-order"))
    bench.wait(lambda: bench.slot(2)["status"] == "out-of-order")
    bench.wait(lambda: bench.state()["available"])
    bench.settled()
    assert [act["path"].rpartition("/")[2] for act in bench.acts()] == ["support", "2"]


def test_a_retained_inbox_event_is_not_taken(bench: Bench) -> None:
    bench.stop()
    bench.inbox(f"{PREFIX}faulted.v1", {"error": ERROR}, retain=True)
    bench.start()
    bench.wait_line("a retained message")
    bench.inbox(f"{PREFIX}unheard-of.v1", {}, "new")
    bench.wait(bench.errors)
    bench.wait(lambda: bench.faults() == [])


def test_what_is_no_event_is_told_and_the_next_is_taken(bench: Bench) -> None:
    bench.listener.publish("stations/ST-42/inbox", b"\xff\x00 no JSON")
    bench.inbox(f"{PREFIX}faulted.v1", {"error": ERROR})
    bench.wait(lambda: bench.faults() == ["GroundFailure"])
    bench.wait(lambda: len(bench.errors()) == 1)
    assert (bench.errors()[0]["status"], bench.errors()[0]["title"]) == (400, "Unsupported Event")


def test_a_card_from_afar_is_taken_only_if_configured_and_fresh(benches: Benches) -> None:
    bench = benches(remote_cards="true", triggers="true")
    bench.inbox(f"{PREFIX}card-scanned.v1", {"card": CARD.lower()}, "old", time="2020-01-01T00:00:00Z")
    bench.wait(lambda: [problem["title"] for problem in bench.errors()] == ["Stale Event"])
    bench.inbox(f"{PREFIX}card-scanned.v1", {"card": CARD.lower()}, "new", time=bench.state()["time"])
    bench.wait(lambda: bench.once("session-started"))
    assert bench.once("session-started")[0]["card"] == CARD
    assert bench.once("card-scanned") == [], "what came from there is not sent back"
    bench.tap(OTHER)
    bench.wait(lambda: bench.once("card-scanned"))
    assert bench.once("card-scanned") == [{"stationId": "ST-42", "card": OTHER}]


def test_mqtt_3_1_1_works_too(benches: Benches) -> None:
    bench = benches(protocol=4)
    bench.start_session()
    bench.inbox(f"{PREFIX}faulted.v1", {"error": ERROR})
    bench.wait(lambda: bench.once("out-of-order"))
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    assert bench.once("session-ended")[0]["payment"] == "paid"
    bench.settled()
    bench.listener.wait_for(lambda heard: any(each.topic.endswith("/status") for each in heard))
