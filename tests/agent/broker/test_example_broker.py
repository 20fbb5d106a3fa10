"""The example broker in config/mosquitto keeps stations apart, lets operators in, and nobody else."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.mailbox import Box
from support.mqtt import eventually
from support.station_broker import PASSWORD, StationBroker, Visitor

from agent.broker import Broker
from agent.broker.mail import BrokerError, Incoming
from agent.broker.operator import Command, send_command
from agent.clock import Clock
from agent.config.settings import MqttSettings

ALLOWED = (0, 16)
"""Success, and success without anybody who listens (MQTT 5.0 section 3.4.2.1)."""
NOT_AUTHORIZED = 135
BAD_CREDENTIALS = 134
OWN = ("events/session-started", "status", "state", "errors", "replies", "replies/operator-1")
FOR_IT = ("inbox", "commands/ping", "commands/unlock")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[StationBroker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = StationBroker(folder)
    broker.start()
    yield broker
    broker.kill()


class Station:
    """A station's own line to this broker."""

    def __init__(self, broker: StationBroker, name: str, password_file: Path) -> None:
        password_file.write_text(PASSWORD.format(user=name))
        self.box = Box()
        self.came: list[Incoming] = []
        settings = MqttSettings(
            port=broker.port, tls=True, ca_file=str(broker.ca), username=name, password_file=str(password_file)
        )
        self.line = Broker(
            settings,
            name,
            self.box,
            self._receive,
            version="1",
            boot_id="b",
            clock=Clock(),
            subscriptions=("inbox", "commands/#"),
            pause=lambda _: 0.05,
        )
        self.line.start()
        assert eventually(lambda: self.line.connection().reachable)

    def _receive(self, incoming: Incoming) -> None:
        self.came.append(incoming)
        self.line.acknowledge(incoming.token)


@pytest.fixture
def stations(broker: StationBroker, tmp_path: Path) -> Iterator[Callable[[str], Station]]:
    made: list[Station] = []

    def make(name: str) -> Station:
        made.append(Station(broker, name, tmp_path / f"{name}.password"))
        return made[-1]

    yield make
    for station in made:
        station.line.stop()


@pytest.mark.parametrize("topic", OWN)
def test_a_station_says_its_own_and_nothing_of_another(broker: StationBroker, topic: str) -> None:
    with Visitor(broker, broker.office_port, "back-office") as office, Visitor(broker, broker.port, "ST-1") as station:
        office.subscribe("stations/#")
        assert station.publish(f"stations/ST-2/{topic}") == NOT_AUTHORIZED
        assert station.publish(f"stations/ST-1/{topic}") in ALLOWED
        assert eventually(lambda: bool(office.heard))
        assert office.heard == [(f"stations/ST-1/{topic}", b"x")]


@pytest.mark.parametrize(
    "topic", ["stations/ST-1/commands/unlock", "stations/ST-2/commands/unlock", "stations/ST-1/inbox", "elsewhere"]
)
def test_a_station_commands_nobody_not_even_itself(broker: StationBroker, topic: str) -> None:
    with Visitor(broker, broker.port, "ST-1") as station:
        assert station.publish(topic) == NOT_AUTHORIZED
        assert station.publish(topic, retain=True) == NOT_AUTHORIZED
        assert station.publish("stations/ST-1/status") in ALLOWED, "and it stays connected"
        assert station.ends == 0


@pytest.mark.parametrize("wish", ["#", "stations/+/inbox", "stations/ST-1/#", "stations/+/commands/#"])
def test_a_station_hears_nothing_of_another(broker: StationBroker, wish: str) -> None:
    with (
        Visitor(broker, broker.office_port, "operator") as operator,
        Visitor(broker, broker.port, "ST-1") as first,
        Visitor(broker, broker.port, "ST-2") as second,
    ):
        second.subscribe(wish)
        for topic in OWN:
            assert first.publish(f"stations/ST-1/{topic}") in ALLOWED
        for topic in FOR_IT:
            assert operator.publish(f"stations/ST-1/{topic}") in ALLOWED
        operator.publish("stations/ST-2/inbox", b"last")
        operator.publish("stations/ST-2/commands/ping", b"last")
        if "ST-1" not in wish:
            assert eventually(lambda: b"last" in [payload for _, payload in second.heard])
        assert {topic for topic, _ in second.heard} <= {"stations/ST-2/inbox", "stations/ST-2/commands/ping"}


def test_an_operator_commands_and_reads_everything(broker: StationBroker, stations: Callable[[str], Station]) -> None:
    station = stations("ST-1")
    with Visitor(broker, broker.office_port, "operator") as operator:
        operator.subscribe("stations/#")
        for topic in FOR_IT:
            assert operator.publish(f"stations/ST-1/{topic}", topic.encode()) == 0
        assert eventually(lambda: len(station.came) == len(FOR_IT))
        assert sorted(incoming.payload.decode() for incoming in station.came) == sorted(FOR_IT)
        station.box.put("told", topic="stations/ST-1/events/session-started")
        station.line.wake()
        assert eventually(lambda: ("stations/ST-1/events/session-started", b"told") in operator.heard)
        assert any(topic == "stations/ST-1/status" for topic, _ in operator.heard)
        for topic in ("stations/ST-1/status", "stations/ST-1/events/x", "stations/ST-1/replies"):
            assert operator.publish(topic) == NOT_AUTHORIZED, "nobody speaks for a station"


def test_an_operator_gets_its_reply(broker: StationBroker, stations: Callable[[str], Station], tmp_path: Path) -> None:
    station = stations("ST-1")

    def reply(incoming: Incoming) -> None:
        station.came.append(incoming)
        station.line.acknowledge(incoming.token)
        station.box.put('{"id": "c-1", "ok": true}', topic=incoming.reply_topic)
        station.line.wake()

    station.line._received = reply
    password_file = tmp_path / "operator.password"
    password_file.write_text(PASSWORD.format(user="operator"))
    settings = MqttSettings(
        port=broker.office_port,
        tls=True,
        ca_file=str(broker.ca),
        username="operator",
        password_file=str(password_file),
    )
    command = Command(station="ST-1", name="ping", args={}, id="c-1")
    assert send_command(settings, command, 10.0) == {"id": "c-1", "ok": True}
    stranger = replace(settings, username="back-office", password_file="")
    with pytest.raises(BrokerError, match="refused you"):
        send_command(stranger, command, 10.0)


def test_the_back_office_only_listens(broker: StationBroker) -> None:
    with Visitor(broker, broker.office_port, "back-office") as office:
        for topic in FOR_IT:
            assert office.publish(f"stations/ST-1/{topic}") == NOT_AUTHORIZED


@pytest.mark.parametrize(
    ("user", "password"), [("", ""), ("ST-1", "wrong"), ("operator", ""), ("ST-9", "pass-of-ST-9")]
)
def test_strangers_wrong_passwords_and_operators_are_not_let_in_at_the_stations_port(
    broker: StationBroker, user: str, password: str
) -> None:
    with Visitor(broker, broker.port, user, password=password) as visitor:
        assert visitor.connected in (BAD_CREDENTIALS, NOT_AUTHORIZED)


@pytest.mark.parametrize("user", ["", "ST-1"])
def test_strangers_and_stations_are_not_let_in_at_the_operators_port(broker: StationBroker, user: str) -> None:
    with Visitor(broker, broker.office_port, user) as visitor:
        assert visitor.connected in (BAD_CREDENTIALS, NOT_AUTHORIZED)


def test_no_station_pushes_another_out_with_its_client_id(
    broker: StationBroker, stations: Callable[[str], Station]
) -> None:
    station = stations("ST-1")
    since = station.line.connection()
    with Visitor(broker, broker.port, "ST-2", client_id="ST-1") as other:
        assert other.publish("stations/ST-2/status") in ALLOWED
    assert station.line.connection() == since


@pytest.mark.parametrize("restarted", [False, True])
def test_what_is_for_a_station_waits_while_it_is_away(
    broker: StationBroker, stations: Callable[[str], Station], restarted: bool
) -> None:
    stations("ST-1").line.stop()
    with Visitor(broker, broker.office_port, "operator") as operator:
        assert operator.publish("stations/ST-1/inbox", b"meanwhile") == 0
    if restarted:
        assert eventually(lambda: b"meanwhile" in (broker.folder / "mosquitto.db").read_bytes())
        broker.kill()
        broker.start()
    station = stations("ST-1")
    assert eventually(lambda: [incoming.payload for incoming in station.came] == [b"meanwhile"])


def test_readers_of_the_back_office_share_what_comes(broker: StationBroker) -> None:
    with (
        Visitor(broker, broker.port, "ST-1") as station,
        Visitor(broker, broker.office_port, "back-office", client_id="reader-1") as first,
        Visitor(broker, broker.office_port, "back-office", client_id="reader-2") as second,
    ):
        for reader in (first, second):
            reader.subscribe("$share/office/stations/+/events/#")
        sent = [str(number).encode() for number in range(20)]
        for payload in sent:
            assert station.publish("stations/ST-1/events/x", payload) == 0
        assert eventually(lambda: len(first.heard) + len(second.heard) == len(sent))
        assert sorted(payload for _, payload in first.heard + second.heard) == sorted(sent)
        assert first.heard
        assert second.heard


def test_nothing_is_spoken_without_tls(broker: StationBroker) -> None:
    connect = bytes.fromhex("100f00044d5154540502003c0000024142")
    for port in (broker.port, broker.office_port):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            plain.sendall(connect)
            try:
                answer = plain.recv(10)
            except ConnectionError:
                answer = b""
            assert answer[:1] != b"\x20", "CONNACK"


def test_these_two_listeners_are_all_there_are(broker: StationBroker) -> None:
    lines = broker.config(broker.port).splitlines()
    assert len([line for line in lines if line.startswith("listener ")]) == 2
    assert not [line for line in lines if line.startswith(("port ", "bind_address ", "include_dir "))]
    queued = next(line.split()[1] for line in lines if line.startswith("max_queued_messages "))
    assert int(queued) > 0
