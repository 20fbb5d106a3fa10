"""The line to the broker, against a real mosquitto."""

import json
import logging
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt.properties import Properties
from support.certificates import make_ca, make_certificate
from support.mailbox import Box
from support.mqtt import Listener, Mosquitto, eventually, free_port

import agent.broker.link
from agent import broker as room
from agent.broker import Broker
from agent.broker.mail import Incoming
from agent.broker.outgoing import WINDOW
from agent.clock import Clock
from agent.config.settings import MqttSettings

EVENT = "stations/ST-42/events/x"
STATUS = "stations/ST-42/status"
STATE = "stations/ST-42/state"
INBOX = "stations/ST-42/inbox"
CONNACK = bytes.fromhex("2003000000")
"""Success, without properties (MQTT 5.0 section 3.2)."""
TESTS = Path(__file__).resolve().parent.parent


class Station:
    """A Broker with a mailbox in memory, an inbox that keeps everything and short pauses."""

    def __init__(self, settings: MqttSettings, *, pause: Callable[[int], float] = lambda _: 0.05) -> None:
        self.box = Box()
        self.came: list[Incoming] = []
        self.changes: list[bool] = []
        self.acknowledges = True
        self.breaks = 0
        self.broker = Broker(
            settings,
            "ST-42",
            self.box,
            self.receive,
            version="1.2.3",
            boot_id="boot-1",
            clock=Clock(),
            changed=lambda: self.changes.append(self.broker.connection().reachable),
            pause=pause,
        )

    def receive(self, incoming: Incoming) -> None:
        if self.breaks:
            self.breaks -= 1
            raise RuntimeError("the journal is gone")
        self.came.append(incoming)
        if self.acknowledges:
            self.broker.acknowledge(incoming.token)

    def online(self) -> bool:
        return eventually(lambda: self.broker.connection().reachable)

    def put(self, *payloads: object, topic: str = EVENT, content_type: str = "") -> None:
        self.box.put(*payloads, topic=topic, content_type=content_type)
        self.broker.wake()

    def payloads(self) -> list[bytes]:
        return [incoming.payload for incoming in self.came]


@pytest.fixture
def stations() -> Iterator[Callable[..., Station]]:
    made: list[Station] = []

    def start(settings: MqttSettings, **wishes: Callable[[int], float]) -> Station:
        made.append(Station(settings, **wishes))
        made[-1].broker.start()
        return made[-1]

    yield start
    for station in made:
        station.broker.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "broker"]


@pytest.fixture
def station(mosquitto: Mosquitto, stations: Callable[..., Station]) -> Station:
    started = stations(MqttSettings(port=mosquitto.port))
    assert started.online()
    return started


def states(listener: Listener) -> list[str]:
    return [json.loads(payload)["state"] for payload in listener.payloads(STATUS)]


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


def test_a_forbidden_publish_stays_owed_until_the_acl_allows_it(
    mosquitto: Mosquitto, stations: Callable[..., Station]
) -> None:
    mosquitto.stop()
    acl = mosquitto.folder / "acl"
    acl.write_text("topic readwrite stations/ST-42/status\ntopic read #\n")
    acl.chmod(0o600)
    mosquitto.extra = f"acl_file {acl}"
    mosquitto.start()
    refusals: list[int] = []

    def pause(attempt: int) -> float:
        refusals.append(attempt)
        return 0.1

    station = stations(MqttSettings(port=mosquitto.port), pause=pause)
    station.put("a", "b", "c")
    assert eventually(lambda: len(refusals) >= 3)
    assert len(refusals) < 50
    assert station.box.owed == 3
    assert not station.box.set_aside
    acl.write_text("topic readwrite #\n")
    with Listener(mosquitto.port, EVENT) as listener:
        mosquitto.reload()
        listener.wait_for(lambda heard: len(heard) == 3)
        assert listener.payloads(EVENT) == [b"a", b"b", b"c"]
    assert station.changes == [True], "a refusal costs no connection"


def test_a_hanging_broker_does_not_keep_the_station_from_stopping(mosquitto: Mosquitto, station: Station) -> None:
    mosquitto.hang()
    station.put("a")
    began = time.monotonic()
    station.broker.stop()
    assert time.monotonic() - began < 5.0
    assert station.box.owed == 1
    mosquitto.go_on()
    with Listener(mosquitto.port, STATUS) as listener:
        listener.wait_for(lambda heard: any(b"offline" in each.payload for each in heard))


def test_a_broker_that_takes_the_connection_and_says_nothing(
    stations: Callable[..., Station], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(agent.broker.link, "CONNECT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        station = stations(MqttSettings(port=silent.getsockname()[1]))
        assert eventually(lambda: "says nothing" in caplog.text)
        station.broker.stop()
    assert not station.changes


def test_stopping_while_the_broker_says_nothing(stations: Callable[..., Station]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        station = stations(MqttSettings(port=silent.getsockname()[1]))
        taken, _ = silent.accept()
        with taken:
            assert taken.recv(4096), "CONNECT was sent"
            began = time.monotonic()
            station.broker.stop()
            assert time.monotonic() - began < 5.0
            taken.settimeout(10)
            assert taken.recv(1) == b"", "the connection is cut"


def test_a_name_that_cannot_be_looked_up_does_not_hold_up_a_stop(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looking, answered = threading.Event(), threading.Event()

    def stuck(*_: object, **__: object) -> list[object]:
        looking.set()
        answered.wait()
        return []

    monkeypatch.setattr(room, "STOP_S", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", stuck)
    station = Station(MqttSettings(host="broker.example"))
    station.broker.start()
    assert looking.wait(10)
    station.broker.stop()
    assert "left to end with the process" in caplog.text
    answered.set()
    station.broker._thread.join(10)
    station.broker.stop()


def test_more_than_the_line_takes_at_once_is_written_when_it_can_be(mosquitto: Mosquitto, station: Station) -> None:
    mosquitto.hang()
    station.put(*("x" * 2_000_000 for _ in range(10)))
    assert eventually(lambda: len(station.broker._outgoing._flights) >= 10)
    mosquitto.go_on()
    assert eventually(lambda: station.box.owed == 0)
    assert station.changes == [True]


def test_the_same_complaint_is_logged_once(stations: Callable[..., Station], caplog: pytest.LogCaptureFixture) -> None:
    attempts: list[int] = []

    def pause(attempt: int) -> float:
        attempts.append(attempt)
        return 0.01

    stations(MqttSettings(port=free_port()), pause=pause)
    assert eventually(lambda: len(attempts) > 5)
    assert attempts[:5] == [1, 2, 3, 4, 5]
    assert len([record for record in caplog.records if "No broker at" in record.getMessage()]) == 1


def test_a_line_that_ends_without_a_word_is_said_to_be_cut(
    mosquitto: Mosquitto, station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    assert eventually(lambda: station.changes == [True])
    mosquitto.kill()
    assert eventually(lambda: f"No broker at 127.0.0.1:{mosquitto.port}: the connection was cut" in caplog.text)


def test_a_broken_mailbox_or_inbox_does_not_end_the_line(
    mosquitto: Mosquitto, station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    station.box.breaks = 1
    station.put("a")
    assert eventually(lambda: station.box.owed == 0)
    station.breaks = 1
    with Listener(mosquitto.port, STATUS) as listener:
        listener.publish(INBOX, b"first")
    assert eventually(lambda: station.payloads() == [b"first"])
    assert any(record.exc_info and record.levelno == logging.ERROR for record in caplog.records)


def test_a_message_without_an_answer_costs_the_connection(
    mosquitto: Mosquitto, station: Station, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mosquitto.hang()
    station.put("a")
    assert eventually(lambda: not station.broker._outgoing.idle())
    monkeypatch.setattr(room, "ANSWER_S", -1.0)
    station.broker.wake()
    assert eventually(lambda: "no answer" in caplog.text)
    monkeypatch.undo()
    mosquitto.go_on()
    assert eventually(lambda: station.box.owed == 0)


def test_a_refused_station_says_what_to_check(
    mosquitto: Mosquitto, stations: Callable[..., Station], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mosquitto.stop()
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(passwords), "station", "c0rrect"], check=True)
    mosquitto.extra = f"password_file {passwords}"
    mosquitto.anonymous = False
    mosquitto.start()
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")
    station = stations(MqttSettings(port=mosquitto.port, username="station", password_file=str(secret)))
    assert eventually(lambda: "check username, password" in caplog.text)
    secret.write_text("c0rrect\n")
    assert station.online(), "a corrected password counts without a restart"
    assert "c0rrect" not in caplog.text


def test_a_refused_subscription_is_said(stations: Callable[..., Station], caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        stations(MqttSettings(port=server.getsockname()[1]))
        line, _ = server.accept()
        with line:
            line.recv(4096)
            line.sendall(CONNACK)
            packet = b""
            while b"\x82" not in packet:
                packet += line.recv(4096)
            at = packet.index(b"\x82")
            line.sendall(b"\x90\x04" + packet[at + 2 : at + 4] + b"\x00\x87")  # SUBACK, not authorized
            assert eventually(lambda: "refused a subscription" in caplog.text)


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


def test_events_over_tls(mosquitto: Mosquitto, stations: Callable[..., Station], tmp_path: Path) -> None:
    ca = make_ca(tmp_path)
    certificate = make_certificate(ca, "broker", "IP:127.0.0.1")
    mosquitto.stop()
    port = free_port()
    mosquitto.extra = f"listener {port} 127.0.0.1\ncertfile {certificate}\nkeyfile {certificate}.key"
    mosquitto.start()
    with Listener(mosquitto.port, EVENT) as listener:
        station = stations(MqttSettings(port=port, tls=True, ca_file=str(ca)))
        assert station.online()
        station.put(*("x" * 20_000 for _ in range(10)))
        listener.wait_for(lambda heard: len(heard) == 10)
        listener.publish(INBOX, b"y" * 60_000)
        assert eventually(lambda: station.payloads() == [b"y" * 60_000])


def test_packets_that_share_a_tls_record_do_not_wait_for_the_next(
    stations: Callable[..., Station], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LOOK_S", 30.0)
    ca = make_ca(tmp_path)
    certificate = make_certificate(ca, "broker", "IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, f"{certificate}.key")
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings = MqttSettings(port=server.getsockname()[1], tls=True, ca_file=str(ca))
        station = stations(settings)
        plain, _ = server.accept()
        with context.wrap_socket(plain, server_side=True) as line:
            line.recv(4096)
            line.sendall(CONNACK)
            assert station.online()
            topic = INBOX.encode()
            publish = bytes([0x30, len(topic) + 4, 0, len(topic)]) + topic + b"\x00x"  # QoS 0
            line.sendall(publish * 5)
            assert eventually(lambda: len(station.came) == 5)


def test_full_jitter_is_bounded() -> None:
    assert all(0.0 <= room.full_jitter(n) <= min(60, 2**n) for n in (1, 2, 5, 9, 5000) for _ in range(50))


def test_stopping_before_starting_is_well() -> None:
    station = Station(MqttSettings())
    station.broker.stop()
    station.broker.stop()
    station.broker.wake()
