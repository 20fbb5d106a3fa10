"""One connection to the MQTT broker, over paho: the only file that knows it."""

import logging
import select
import socket
import ssl
from collections import deque
from collections.abc import Callable, Sequence

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.broker.dial import dial
from agent.broker.mail import BrokerError, Incoming, Token
from agent.broker.outgoing import WINDOW, Publish
from agent.clock import boottime
from agent.config.settings import MqttSettings
from agent.secret_files import read_secret
from agent.tls import Tls
from agent.tls.handshake import TlsLine
from agent.tls.reasons import why

log = logging.getLogger(__name__)

KEEPALIVE_S = 30
CONNECT_S = 10.0
LOOK_S = 0.1
NEVER = 0xFFFFFFFF
UNSPECIFIED = 0x80
"""The reason code (MQTT 5, 3.14.2.1) that the library makes up for a line that ended without a word."""
LARGEST_PACKET = 256 * 1024
MOST_UNACKNOWLEDGED = 100


class _DialledClient(Client):
    """The library's client over a connection that can be given up while it is being made."""

    dial: Callable[[], socket.socket]
    dialled: socket.socket | None = None

    def _create_socket(self) -> socket.socket:
        self.dialled = self.dial()
        return self.dialled


class _Packed(Properties):
    """Properties that many publishes share: the library would pack them anew for each, slower than it sends them."""

    packed: bytes

    def pack(self) -> bytes:
        """See Properties."""
        return self.packed


class Link:
    """One connection, from dialling to its end, and never used again. One thread only.

    A new client for each, so that the library has nothing to send again on its own: the mailbox knows what is owed. A
    message sent again then has a new packet id, which QoS 1 does not mind: its receiver keeps none (MQTT 5.0 section
    4.3.2). Callbacks only take notes, as an exception in one could end the library's work half-way.

    `answers` are packet ids with their reason codes, `messages` what came; whoever owns the link empties both.
    """

    def __init__(
        self, settings: MqttSettings, client_id: str, number: int, will: Publish, given_up: Callable[[], bool]
    ) -> None:
        """Dial and send CONNECT. Raises OSError or BrokerError."""
        self._number = number
        self._five = settings.protocol == 5  # noqa: PLR2004 - MQTT 5
        self._accepted = False
        self._ended = ""
        self._unacknowledged = 0
        self._kinds: dict[str, Properties] = {}
        self.receive_maximum = WINDOW
        self.largest_packet: int | None = None
        self.answers: deque[tuple[int, int]] = deque()
        self.messages: deque[Incoming] = deque()
        client = self._client = _DialledClient(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=None if self._five else False,
            protocol=MQTTProtocolVersion.MQTTv5 if self._five else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.will_set(will.topic, will.payload, qos=1, retain=True)
        if settings.username:
            password = read_secret(settings.password_file, "password_file") if settings.password_file else None
            client.username_pw_set(settings.username, password)
        tls = Tls(settings.ca_file, settings.client_cert_file, settings.client_key_file) if settings.tls else None
        client.dial = lambda: dial(settings.host, settings.port, timeout_s=CONNECT_S, given_up=given_up, tls=tls)
        if self._five:
            wishes = _properties(
                PacketTypes.CONNECT,
                SessionExpiryInterval=NEVER,
                ReceiveMaximum=WINDOW,
                MaximumPacketSize=LARGEST_PACKET,
            )
            client.connect(settings.host, settings.port, KEEPALIVE_S, clean_start=False, properties=wishes)
        else:
            client.connect(settings.host, settings.port, KEEPALIVE_S)
        self._until = boottime() + CONNECT_S

    def await_answer(self, wake: socket.socket, given_up: Callable[[], bool]) -> None:
        """Wait for the broker's yes. Raises BrokerError if it says no, or nothing in time."""
        while not self._accepted:
            if given_up():
                raise BrokerError("the station is stopping")
            if boottime() >= self._until:
                raise BrokerError("it took the connection and says nothing")
            self.turn(wake, LOOK_S)

    def turn(self, wake: socket.socket, wait_s: float) -> bool:
        """Read and write what there is, waiting at most `wait_s` for it. Returns whether it was woken by `wake`.

        Raises BrokerError when the connection ends.
        """
        line = self._line()
        # TLS may hold decrypted bytes that select cannot see.
        held = isinstance(line, ssl.SSLSocket) and line.pending() > 0
        writes = [line] if self._client.want_write() else []
        readable, writable, _ = select.select([line, wake], writes, [], 0.0 if held else wait_s)
        if wake in readable:
            wake.recv(4096)
        if held or line in readable:
            self._client.loop_read()
        if line in writable:
            self._client.loop_write()
        self._client.loop_misc()
        self._line()
        return wake in readable

    def subscribe(self, topics: Sequence[str]) -> None:
        """QoS 1. MQTT 5: retained messages come once, not at each connection, and are always marked as retained."""
        if self._five:
            wish = SubscribeOptions(qos=1, retainAsPublished=True, retainHandling=1)
            self._client.subscribe([(topic, wish) for topic in topics])
        else:
            self._client.subscribe([(topic, 1) for topic in topics])

    def publish(self, publish: Publish) -> int:
        """Send with QoS 1 and return the packet id. Raises BrokerError if the connection has ended."""
        self._line()
        info = self._client.publish(publish.topic, publish.payload, 1, publish.retain, self._about(publish))
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise BrokerError(f"a message could not be sent ({info.rc.name})")
        return info.mid

    def _about(self, publish: Publish) -> Properties | None:
        """Its properties; events share theirs, for the library takes longer to make some than to send them."""
        if not self._five:
            return None
        if publish.correlation:
            about = {"ContentType": publish.content_type, "CorrelationData": publish.correlation}
            return _properties(PacketTypes.PUBLISH, **{name: value for name, value in about.items() if value})
        kind = publish.content_type
        if kind and kind not in self._kinds:
            self._kinds[kind] = _packed(kind)
        return self._kinds.get(kind)

    def acknowledge(self, token: Token) -> None:
        """Answer for a message, if it came by this connection; QoS 0 wants no answer, but makes room."""
        if token.link == self._number:
            self._unacknowledged -= 1
            self._client.ack(token.mid, token.qos)

    def disconnect(self) -> None:
        """Take leave: the broker then forgets the last will."""
        self._client.disconnect()

    def close(self) -> None:
        """Cut the connection, if it still stands."""
        line = self._client.socket()
        if line is not None:
            line.close()

    def _line(self) -> socket.socket:
        line = self._client.socket()
        if not isinstance(line, socket.socket):
            raise BrokerError(self._ended)
        return line

    def _on_connect(
        self, client: Client, userdata: object, flags: ConnectFlags, reason: ReasonCode, given: Properties | None
    ) -> None:
        del client, userdata, flags
        self._accepted = not reason.is_failure
        if reason.is_failure:
            self._ended = f"it refused the station ({reason}): check username, password and its rights"
        self.receive_maximum = getattr(given, "ReceiveMaximum", WINDOW)
        self.largest_packet = getattr(given, "MaximumPacketSize", None)

    def _on_disconnect(
        self, client: Client, userdata: object, flags: DisconnectFlags, reason: ReasonCode, given: Properties | None
    ) -> None:
        del client, userdata, given
        line = self._client.dialled
        if isinstance(line, TlsLine) and line.broke:
            said = f"the connection ended ({why(line.broke)})"
        elif reason.value == UNSPECIFIED and not flags.is_disconnect_packet_from_server:
            said = "the connection was cut"
        else:
            said = f"the connection ended ({reason})"
        self._ended = self._ended or said

    def _on_publish(
        self, client: Client, userdata: object, mid: int, reason: ReasonCode, given: Properties | None
    ) -> None:
        del client, userdata, given
        self.answers.append((mid, reason.value))

    def _on_subscribe(
        self, client: Client, userdata: object, mid: int, reasons: list[ReasonCode], given: Properties | None
    ) -> None:
        del client, userdata, mid, given
        if any(reason.is_failure for reason in reasons):
            log.error("The broker refused a subscription: nothing can reach the station; check the broker's ACL.")

    def _on_message(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        del client, userdata
        if message.qos == 0 and self._unacknowledged >= MOST_UNACKNOWLEDGED:
            log.warning("Messages come faster than they can be taken: one sent with QoS 0 is dropped.")
            return
        self._unacknowledged += 1
        token = Token(self._number, message.mid, message.qos)
        reply_topic = getattr(message.properties, "ResponseTopic", "")
        correlation = getattr(message.properties, "CorrelationData", b"")
        payload = bytes(message.payload)
        self.messages.append(Incoming(message.topic, payload, message.retain, token, reply_topic, correlation))


def _packed(kind: str) -> _Packed:
    shared: _Packed = _Packed(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    packed = _properties(PacketTypes.PUBLISH, ContentType=kind).pack()  # type: ignore[no-untyped-call]
    object.__setattr__(shared, "packed", packed)  # the library's own takes only names of properties
    return shared


def _properties(packet: int, **values: object) -> Properties:
    made: Properties = Properties(packet)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(made, name, value)
    return made
