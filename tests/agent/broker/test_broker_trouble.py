"""The line to a broker that refuses, hangs, breaks off or is not there."""

import logging
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.broker_line import CONNACK, EVENT, INBOX, STATUS, Station
from support.certificates import make_ca, make_certificate
from support.mqtt import Listener, Mosquitto, eventually, free_port

import agent.broker.link
from agent import broker as room
from agent.config.settings import MqttSettings


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
