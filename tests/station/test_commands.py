"""Commands over MQTT: the whole station with a real broker."""

import json
from collections.abc import Callable

import pytest
from support.bench import BLUE, CARD, DARK, OTHER, RED, WHITE, Bench

Benches = Callable[..., Bench]


def test_ping_is_answered_at_the_response_topic_with_the_correlation_data(bench: Bench) -> None:
    name = bench.command("ping")
    assert bench.reply(name) == {"id": name, "ok": True, "result": {"stationId": "ST-42"}}
    heard = [each for each in bench.listener.heard if each.topic == "back-office/1"]
    assert [(each.correlation, each.retain, each.content_type) for each in heard] == [
        (name.encode(), False, "application/json")
    ]


def test_without_a_response_topic_the_reply_comes_on_replies(bench: Bench) -> None:
    payload = json.dumps({"id": "c-1", "issuedAt": "2026-01-01T00:00:00Z", "args": {}}).encode()
    bench.listener.publish("stations/ST-42/commands/ping", payload)
    bench.wait(lambda: bench.heard("replies"))
    (reply,) = bench.heard("replies")
    assert json.loads(reply.payload)["problem"]["title"] == "Stale"


def test_unlock_says_what_the_sensor_saw_and_a_charging_slot_needs_force(bench: Bench) -> None:
    assert bench.reply(bench.command("unlock", {"slotNumber": 1}))["result"] == {"slotNumber": 1, "seen": "unlocked"}
    bench.start_session()
    refused = bench.reply(bench.command("unlock", {"slotNumber": 1}))
    assert (refused["ok"], refused["problem"]["status"]) == (False, 409)
    assert "use end" in refused["problem"]["detail"]
    assert bench.bolt(1) == "locked"
    forced = bench.reply(bench.command("unlock", {"slotNumber": 1, "force": True}))
    assert forced["result"] == {"slotNumber": 1, "seen": "unlocked"}
    bench.wait(lambda: bench.bolt(1) == "unlocked")
    assert bench.faults() == []
    assert bench.slot(1)["status"] == "charging"


def test_end_ends_pays_and_opens(bench: Bench) -> None:
    session = bench.start_session()
    assert bench.reply(bench.command("end", {"sessionId": session}))["ok"]
    bench.wait(lambda: bench.bolt(1) == "unlocked")
    bench.wait(lambda: bench.once("session-ended"))
    assert bench.once("session-ended")[0]["endedBy"] == "command"
    missing = bench.reply(bench.command("end", {"sessionId": "S-none"}))
    assert missing["problem"]["status"] == 404


def test_a_repeated_one_is_done_once_and_answered_the_same_also_after_a_kill(bench: Bench) -> None:
    session = bench.start_session()
    name = bench.command("end", {"sessionId": session})
    first = bench.reply(name)
    assert bench.reply(bench.command("end", {"sessionId": session}, command_id=name, age=1e6), 2) == first
    bench.settled()
    bench.kill()
    bench.start()
    again = bench.start_session()
    bench.command("end", {"sessionId": again}, command_id=name)
    bench.reply(name, 3)
    assert len(set(bench.replies(name))) == 1
    assert bench.slot(1)["status"] == "charging"
    assert len(bench.acts("pay")) == 1


def test_a_kill_between_doing_and_answering_loses_no_answer(bench: Bench) -> None:
    bench.on_line = lambda line: bench.kill_now() if "asks to unlock slot 2" in line else None
    name = bench.command("unlock", {"slotNumber": 2})
    bench.died()
    assert bench.replies(name) == []
    bench.on_line = lambda _: None
    bench.start()
    assert bench.reply(name)["result"] == {"slotNumber": 2, "seen": "unlocked"}
    bench.settled()
    assert len(set(bench.replies(name))) == 1


@pytest.mark.parametrize("age", [31.0, -31.0])
def test_a_stale_one_moves_nothing(bench: Bench, age: float) -> None:
    bench.start_session()
    name = bench.command("unlock", {"slotNumber": 1, "force": True}, age=age)
    assert bench.reply(name)["problem"]["title"] == "Stale"
    assert bench.bolt(1) == "locked"


def test_a_retained_one_moves_nothing_whenever_the_station_connects(benches: Benches) -> None:
    bench = benches()
    bench.start_session()
    bench.stop()
    payload = json.dumps({"id": "c-1", "issuedAt": "2026-01-01T00:00:00Z", "args": {"slotNumber": 1, "force": True}})
    bench.listener.publish("stations/ST-42/commands/unlock", payload.encode(), retain=True)
    bench.start()
    bench.wait(lambda: bench.heard("replies"))
    assert json.loads(bench.heard("replies")[0].payload)["problem"]["title"] in {"Retained", "Stale"}
    assert bench.bolt(1) == "locked"
    bench.listener.publish("stations/ST-42/commands/unlock", b"", retain=True)


def test_what_makes_no_sense_is_answered_and_stops_nothing(bench: Bench) -> None:
    for name, args in (
        ("unlok", {}),
        ("unlock", {"slotNumber": "x"}),
        ("unlock", {"slotNumber": 1, "x": "y" * 20_000}),
    ):
        answer = bench.command(name, args)
        assert bench.reply(answer)["problem"]["status"] == 400
    bench.listener.publish("stations/ST-42/commands/unlock", b"\xff\x00")
    bench.listener.publish("stations/ST-42/commands/a/b", b"{}")
    assert bench.reply(bench.command("ping"))["ok"]


def test_lights_show_it_where_nothing_else_is_to_be_shown(bench: Bench) -> None:
    assert bench.reply(bench.command("lights", {"target": "2", "action": "on", "color": "white", "duration": 400}))[
        "ok"
    ]
    bench.wait(lambda: any(pixels[16] == WHITE for _, pixels in bench.frames))
    bench.wait(lambda: bench.pixels(16) == DARK)
    bench.start_session()
    assert bench.reply(bench.command("lights", {"target": 1, "action": "on", "color": "red"}))["ok"]
    assert bench.pixels(8) == BLUE


def test_availability_survives_a_kill_and_lets_vehicles_go(bench: Bench) -> None:
    bench.start_session()
    assert bench.reply(bench.command("availability", {"available": False}))["ok"]
    bench.kill()
    bench.start()
    bench.wait(lambda: bench.pixels(0) == RED)
    assert not bench.state()["available"]
    assert bench.faults() == []
    bench.tap(OTHER)
    bench.wait_refused(1)
    assert bench.refusals() == [(OTHER, "out-of-order")]
    bench.tap(CARD)
    bench.wait(lambda: bench.once("session-ended"))
    assert bench.reply(bench.command("availability", {"available": True}))["ok"]
    bench.wait(lambda: bench.state()["available"])
    assert bench.once("back-in-service") == []


def test_diagnostics_tell_much_and_no_card(bench: Bench) -> None:
    bench.start_session()
    found = bench.reply(bench.command("diagnostics"))["result"]
    assert set(found) == {"status", "versions", "process", "config", "journal", "reader", "locks", "log"}
    assert found["reader"]["polls"] > 0
    assert found["locks"][0]["moves"] >= 1
    assert any("tapped" in line for line in found["log"])
    assert CARD not in json.dumps(found).upper()


def test_restart_ends_the_agent_well_and_is_not_done_again(bench: Bench) -> None:
    name = bench.command("restart")
    assert bench.died() == 0
    bench.start()
    assert bench.reply(name)["ok"]
    assert bench.reply(bench.command("ping"))["ok"]
    assert bench.running


def test_under_mqtt_3_1_1_answers_come_on_replies(benches: Benches) -> None:
    bench = benches(protocol=4)
    bench.command("ping", command_id="c-1")
    bench.wait(lambda: bench.heard("replies"))
    assert json.loads(bench.heard("replies")[0].payload)["id"] == "c-1"


def test_a_bad_response_topic_is_set_aside_and_holds_up_nothing(benches: Benches) -> None:
    bench = benches()
    bench.command("ping", reply_topic="$share/x/y")
    assert bench.reply(bench.command("ping"))["ok"]
    bench.start_session()
    bench.settled()
