"""The operator's end of the commands: one command to one station, and its reply (contract section 4)."""

import json
import queue
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.broker.dial import dial
from agent.broker.mail import BrokerError
from agent.clock import boottime
from agent.config.settings import MqttSettings
from agent.secret_files import read_secret
from agent.tls import Tls

CONNECT_S = 10.0
STATUS_S = 1.0
"""How long the station's retained status is waited for; an ACL may keep it from the operator."""
MQTT_5 = 5


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there will be no reply."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What is sent: `id` is the sender's own; sent again under the same id, it is answered again and not done again."""

    station: str
    name: str
    args: Mapping[str, Any]
    id: str


class Operator:
    """One connection to the broker. Callbacks run in the library's thread and only leave notes."""

    def __init__(self, settings: MqttSettings, station: str, client_id: str) -> None:
        self._five = settings.protocol == MQTT_5
        own = f"/{client_id}" if self._five else ""
        self._replies = f"stations/{station}/replies{own}"
        self._status = f"stations/{station}/status"
        self._notes: queue.SimpleQueue[bytes | Failure] = queue.SimpleQueue()
        self._statuses: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        protocol = MQTTProtocolVersion.MQTTv5 if self._five else MQTTProtocolVersion.MQTTv311
        self._client = _client(settings, client_id, protocol)
        self._client.on_connect = lambda client, _userdata, _flags, reason, _given: self._connected(client, reason)
        self._client.on_subscribe = lambda _client, _userdata, _mid, reasons, _given: self._subscribed(reasons)
        self._client.on_publish = lambda _client, _userdata, _mid, reason, _given: self._published(reason)
        self._client.on_message = lambda _client, _userdata, message: self._heard(message)
        self._client.connect(settings.host, settings.port)

    def send(self, command: Command, patience_s: float) -> dict[str, Any]:
        """Send it and wait for its reply, in JSON. Raises BrokerError."""
        with self._running():
            self._next(CONNECT_S, "the broker does not answer")
            self._publish(command, self._boot_of(command.station))
            until = boottime() + patience_s
            while True:
                found = _read(self._next(until - boottime(), unanswered(command, patience_s)))
                if found.get("id") == command.id:
                    return found

    @contextmanager
    def _running(self) -> Iterator[None]:
        self._client.loop_start()
        try:
            yield
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def _next(self, wait_s: float, otherwise: str) -> bytes:
        try:
            note = self._notes.get(timeout=max(0.0, wait_s))
        except queue.Empty:
            raise BrokerError(otherwise) from None
        if isinstance(note, Failure):
            raise BrokerError(note.text)
        return note

    def _boot_of(self, station: str) -> str:
        """The boot that the station told of; one without a clock can tell by it that the command is fresh."""
        try:
            status = _read(self._statuses.get(timeout=STATUS_S))
        except queue.Empty:
            return ""
        if status.get("state") != "online":
            since = status.get("since", "it was last heard of")
            raise BrokerError(f"{station} is offline since {since}; nothing was sent, for it would come too late")
        return str(status.get("bootId", ""))

    def _publish(self, command: Command, boot: str) -> None:
        issued = datetime.now(UTC).isoformat(timespec="milliseconds")
        said = {"id": command.id, "issuedAt": issued, "bootId": boot, "args": command.args}
        properties = None
        if self._five:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.ResponseTopic = self._replies
            properties.CorrelationData = command.id.encode()
        topic = f"stations/{command.station}/commands/{command.name}"
        self._client.publish(topic, json.dumps(said).encode(), 1, properties=properties)

    def _connected(self, client: Client, reason: Any) -> None:
        if reason.is_failure:
            self._notes.put(Failure(f"the broker refused you ({reason}): check user name and password"))
        else:
            client.subscribe([(self._replies, 1), (self._status, 1)])

    def _subscribed(self, reasons: list[Any]) -> None:
        if reasons[0].is_failure:
            self._notes.put(Failure(f"the broker does not let you read {self._replies}: check its ACL"))
        else:
            self._notes.put(b"")

    def _published(self, reason: Any) -> None:
        if reason.is_failure:
            self._notes.put(Failure(f"the broker does not let you send commands ({reason}): check its ACL"))

    def _heard(self, message: MQTTMessage) -> None:
        (self._statuses if message.topic == self._status else self._notes).put(bytes(message.payload))


class _DialledClient(Client):
    """The library's client over a connection made here, with TLS as everywhere else."""

    settings: MqttSettings

    def _create_socket(self) -> Any:
        asked = self.settings
        tls = Tls(asked.ca_file, asked.client_cert_file, asked.client_key_file) if asked.tls else None
        return dial(asked.host, asked.port, timeout_s=CONNECT_S, given_up=lambda: False, tls=tls)


def _client(settings: MqttSettings, client_id: str, protocol: MQTTProtocolVersion) -> Client:
    client = _DialledClient(CallbackAPIVersion.VERSION2, client_id, protocol=protocol, reconnect_on_failure=False)
    client.settings = settings
    if settings.username:
        password = read_secret(settings.password_file, "password_file") if settings.password_file else None
        client.username_pw_set(settings.username, password)
    return client


def send_command(settings: MqttSettings, command: Command, patience_s: float) -> dict[str, Any]:
    """One command and its reply, `{"id", "ok", "result"|"problem"}`. Raises BrokerError."""
    try:
        return Operator(settings, command.station, f"operator-{command.id}"[:60]).send(command, patience_s)
    except OSError as error:
        raise BrokerError(f"no broker at {settings.host}:{settings.port}: {error}") from error


def unanswered(command: Command, patience_s: float) -> str:
    """What is said when no reply came."""
    return (
        f"{command.station} has not answered within {patience_s:g} s; ask again with --id {command.id}: "
        "it is not done twice, and its first answer comes"
    )


def _read(payload: bytes) -> dict[str, Any]:
    try:
        found = json.loads(payload)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
