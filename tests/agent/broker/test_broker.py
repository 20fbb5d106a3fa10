"""The line to the broker, against a real mosquitto."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from paho.mqtt.properties import Properties
from support.broker_line import EVENT, INBOX, STATE, STATUS, Station, states
from support.mqtt import Listener, Mosquitto, eventually

import agent.broker.link
from agent.broker.outgoing import WINDOW
from agent.config.settings import MqttSettings

TESTS = Path(__file__).parents[2]


def test_what_events_share_is_packed_once(
    mosquitto: Mosquitto, stations: Callable[..., Station], monkeypatch: pytest.MonkeyPatch
) -> None:
    pack, packed = Properties.pack, []

    def counted(properties: Properties) -> bytes:
        packed.append(vars(properties).get("ContentType"))
        return pack(properties)  # type: ignore[no-untyped-call, no-any-return]

    monkeypatch.setattr(Properties, "pack", counted)
    with Listener(mosquitto.port, EVENT) as listener:
        station = stations(MqttSettings(port=mosquitto.port))
        station.put(*range(3 * WINDOW), content_type="application/cloudevents+json")
        assert len(listener.wait_for(lambda all_heard: len(all_heard) == 3 * WINDOW)) == 3 * WINDOW
    assert packed.count("application/cloudevents+json") == 1


@pytest.mark.parametrize("protocol", [5, 4])
def test_events_arrive_in_order_byte_for_byte(
    mosquitto: Mosquitto, stations: Callable[..., Station], protocol: int
) -> None:
    with Listener(mosquitto.port, EVENT) as listener:
        station = stations(MqttSettings(port=mosquitto.port, protocol=protocol))
        station.put(*range(3 * WINDOW), content_type="application/cloudevents+json")
        heard = listener.wait_for(lambda all_heard: len(all_heard) == 3 * WINDOW)
        assert [each.payload for each in heard] == [str(n).encode() for n in range(3 * WINDOW)]
        assert {each.content_type for each in heard} == {"application/cloudevents+json" if protocol == 5 else ""}
        assert not any(each.retain for each in heard)
        assert eventually(lambda: station.box.owed == 0)


def test_messages_wait_for_the_broker_and_leave_in_order(mosquitto: Mosquitto, station: Station) -> None:
    mosquitto.stop()
    assert eventually(lambda: not station.broker.connection().reachable)
    station.put(*range(30))
    assert station.box.owed == 30
    mosquitto.start()
    with Listener(mosquitto.port, EVENT) as listener:
        assert eventually(lambda: station.box.owed == 0)
        assert station.box.delivered_payloads == [str(n) for n in range(30)]
        assert all(payload in map(str.encode, station.box.delivered_payloads) for payload in listener.payloads(EVENT))
    assert station.changes == [True, False, True]


def test_broker_killed_mid_flow_loses_nothing(
    mosquitto: Mosquitto, station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered = station.box.delivered
    killed = threading.Event()

    def kill_at_the_hundredth(parcel_id: int) -> None:
        delivered(parcel_id)
        if len(station.box.delivered_payloads) == 100:
            mosquitto.kill()
            killed.set()

    monkeypatch.setattr(station.box, "delivered", kill_at_the_hundredth)
    station.put(*range(2000))
    assert killed.wait(10)
    assert station.box.owed
    mosquitto.start()
    assert eventually(lambda: station.box.owed == 0)
    assert station.box.delivered_payloads == [str(n) for n in range(2000)]


def test_status_is_retained_and_offline_is_said_on_a_clean_stop(mosquitto: Mosquitto, station: Station) -> None:
    assert station.broker.connection().since == pytest.approx(time.time(), abs=30)
    with Listener(mosquitto.port, STATUS) as listener:
        online = json.loads(listener.wait_for(lambda heard: len(heard) == 1)[0].payload)
        assert (online["state"], online["version"], online["bootId"]) == ("online", "1.2.3", "boot-1")
        assert online["since"].endswith("Z")
        assert listener.heard[0].retain
        station.broker.stop()
        assert states(listener) == ["online", "offline"] or listener.wait_for(lambda heard: len(heard) == 2)
    with Listener(mosquitto.port, STATUS) as late:
        late.wait_for(lambda heard: bool(heard) and heard[0].retain)
        assert states(late) == ["offline"]
    station.broker.stop()


def test_a_killed_process_is_said_offline_by_its_will_and_gets_its_inbox_again(
    mosquitto: Mosquitto, stations: Callable[..., Station]
) -> None:
    script = TESTS / "support" / "client_process.py"
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    with (
        Listener(mosquitto.port, STATUS) as listener,
        subprocess.Popen(
            [sys.executable, str(script), str(mosquitto.port)],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": path},
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == b"online\n"
        listener.publish(INBOX, b"first")
        assert process.stdout.readline() == b"first\n"
        process.kill()
        listener.wait_for(lambda heard: len(heard) >= 2)
        assert states(listener) == ["online", "offline"]
        with Listener(mosquitto.port, STATUS) as late:
            late.wait_for(lambda heard: bool(heard) and heard[0].retain)
            assert states(late) == ["offline"]
        listener.publish(INBOX, b"second")
        station = stations(MqttSettings(port=mosquitto.port))
        assert eventually(lambda: len(station.came) == 2)
        assert station.payloads() == [b"first", b"second"]


def test_what_is_not_acknowledged_comes_again_after_a_reconnect(mosquitto: Mosquitto, station: Station) -> None:
    def bounce() -> None:
        """Reconnect, once the broker has read everything that was sent to it."""
        assert eventually(lambda: not station.broker._acknowledged)
        station.put("behind it")
        assert eventually(lambda: station.box.owed == 0)
        changes = len(station.changes)
        mosquitto.stop()
        mosquitto.start()
        assert eventually(lambda: len(station.changes) == changes + 2)

    station.acknowledges = False
    with Listener(mosquitto.port, STATUS) as listener:
        listener.publish(INBOX, b"first")
    assert eventually(lambda: len(station.came) == 1)
    bounce()
    assert eventually(lambda: len(station.came) == 2)
    station.broker.acknowledge(station.came[0].token)  # too late: that connection is over
    bounce()
    assert eventually(lambda: len(station.came) == 3)
    station.broker.acknowledge(station.came[2].token)
    bounce()
    with Listener(mosquitto.port, STATUS) as listener:
        listener.publish(INBOX, b"last", qos=0)
    assert eventually(lambda: len(station.came) == 4)
    assert station.payloads() == [b"first"] * 3 + [b"last"]


def test_retained_inbox_messages_are_marked(mosquitto: Mosquitto, stations: Callable[..., Station]) -> None:
    with Listener(mosquitto.port, STATUS) as listener:
        listener.publish(INBOX, b"before", retain=True)
        station = stations(MqttSettings(port=mosquitto.port))
        assert eventually(lambda: len(station.came) == 1)
        listener.publish(INBOX, b"while online", retain=True)
        listener.publish(INBOX, b"plain")
        assert eventually(lambda: len(station.came) == 3)
    assert [(each.payload, each.retained) for each in station.came] == [
        (b"before", True),
        (b"while online", True),
        (b"plain", False),
    ]
    assert {each.topic for each in station.came} == {INBOX}


def test_only_the_latest_state_is_told_after_an_outage(mosquitto: Mosquitto, station: Station) -> None:
    station.broker.publish_state(b"0")
    with Listener(mosquitto.port, STATE) as listener:
        listener.wait_for(lambda heard: [each.payload for each in heard] == [b"0"])
        mosquitto.stop()
    assert eventually(lambda: not station.broker.connection().reachable)
    for state in range(1, 100):
        station.broker.publish_state(str(state).encode())
    (mosquitto.folder / "mosquitto.db").unlink(missing_ok=True)
    mosquitto.start()
    with Listener(mosquitto.port, STATE) as listener:
        listener.wait_for(bool)
        station.broker.publish_state(b"last")
        listener.wait_for(lambda heard: heard[-1].payload == b"last")
        assert listener.payloads(STATE) == [b"99", b"last"]


def test_more_than_the_line_takes_at_once_is_written_when_it_can_be(mosquitto: Mosquitto, station: Station) -> None:
    mosquitto.hang()
    station.put(*("x" * 2_000_000 for _ in range(10)))
    assert eventually(lambda: len(station.broker._outgoing._flights) >= 10)
    mosquitto.go_on()
    assert eventually(lambda: station.box.owed == 0)
    assert station.changes == [True]


def test_qos_0_messages_are_bounded(
    mosquitto: Mosquitto, station: Station, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(agent.broker.link, "MOST_UNACKNOWLEDGED", 2)
    station.acknowledges = False
    with Listener(mosquitto.port, STATUS) as listener:
        for n in range(3):
            listener.publish(INBOX, str(n).encode(), qos=0)
        assert eventually(lambda: "dropped" in caplog.text)
        assert station.payloads() == [b"0", b"1"]
        for incoming in station.came:
            station.broker.acknowledge(incoming.token)
        listener.publish(INBOX, b"qos 1")
        assert eventually(lambda: len(station.came) == 3)
