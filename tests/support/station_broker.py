"""The example broker of config/mosquitto, as it stands, and whoever visits it."""

import getpass
import shutil
import ssl
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from support.certificates import make_ca, make_certificate
from support.mqtt import MOSQUITTO, Mosquitto, eventually, free_port

from agent.config.places import config_file

PASSWORD = "pass-of-{user}"
STATIONS, OPERATORS = ("ST-1", "ST-2"), ("operator", "back-office")


class StationBroker(Mosquitto):
    """`port` is the stations', `office_port` the operators'; passwords are PASSWORD, certificates signed by `ca`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.office_port = 0
        self.ca = make_ca(folder)
        certificate = make_certificate(self.ca, "broker", "IP:127.0.0.1")
        Path(f"{certificate}.key").rename(folder / "broker.key")
        for name in ("stations.acl", "operators.acl"):
            shutil.copy(config_file(f"mosquitto/{name}"), folder)
        for name, users in (("stations", STATIONS), ("operators", OPERATORS)):
            file = folder / f"{name}.passwords"
            file.write_text("".join(f"{user}:{PASSWORD.format(user=user)}\n" for user in users))
            subprocess.run(["mosquitto_passwd", "-U", str(file)], check=True)

    def config(self, port: int) -> str:
        """The example with its documented lines replaced."""
        text = config_file("mosquitto/station-broker.conf").read_text(encoding="utf-8")
        for old, new in (
            ("/etc/mosquitto/stations", str(self.folder)),
            ("/var/lib/mosquitto", str(self.folder)),
            ("\nlistener 8883\n", f"\nlistener {port} 127.0.0.1\n"),
            ("\nlistener 8884\n", f"\nlistener {self.office_port} 127.0.0.1\n"),
            ("\nuser mosquitto\n", f"\nuser {getpass.getuser()}\n"),
        ):
            assert old in text, old
            text = text.replace(old, new)
        return text

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        if not self.port:  # the first start, perhaps another try
            self.office_port = free_port()
            self.other_ports = (self.office_port,)
        config = self.folder / "station-broker.conf"
        config.write_text(self.config(port))
        with (self.folder / "mosquitto.log").open("ab") as log:
            return subprocess.Popen([MOSQUITTO, "-c", str(config)], stderr=log, stdout=log)


class Visitor:
    """Somebody at a port of it with TLS; `user` with the right password unless told otherwise. A context manager."""

    def __init__(
        self, broker: StationBroker, port: int, user: str = "", *, password: str = "", client_id: str = ""
    ) -> None:
        self._address = ("127.0.0.1", port)
        self.heard: list[tuple[str, bytes]] = []
        self.connected: int | None = None
        self.ends = 0
        self._reasons: dict[int, int] = {}
        self._answered = threading.Condition()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.tls_set_context(ssl.create_default_context(cafile=str(broker.ca)))
        if user:
            self._client.username_pw_set(user, password or PASSWORD.format(user=user))
        self._client.on_connect = lambda _client, _data, _flags, reason, _given: self._came(reason.value)
        self._client.on_publish = lambda _client, _data, mid, reason, _given: self._note(mid, reason.value)
        self._client.on_subscribe = lambda _client, _data, mid, reasons, _given: self._note(mid, reasons[0].value)
        self._client.on_disconnect = lambda *_: self._gone()
        self._client.on_message = self._on_message

    def __enter__(self) -> Self:
        self._client.connect(*self._address)
        self._client.loop_start()
        assert eventually(lambda: self.connected is not None), "no answer to CONNECT"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> int:
        """The reason code with which the broker answered: 0, or 16 if nobody listens, or 135."""
        return self._reason(self._client.publish(topic, payload, 1, retain).mid)

    def subscribe(self, *topics: str) -> None:
        """Hear these from now on, as far as the broker lets them through."""
        for topic in topics:
            _, mid = self._client.subscribe(topic, 1)
            self._reason(mid or 0)

    def _reason(self, mid: int) -> int:
        with self._answered:
            assert self._answered.wait_for(lambda: mid in self._reasons, 10), "no answer"
            return self._reasons[mid]

    def _note(self, mid: int, reason: int) -> None:
        with self._answered:
            self._reasons[mid] = reason
            self._answered.notify_all()

    def _came(self, reason: int) -> None:
        self.connected = reason

    def _gone(self) -> None:
        self.ends += 1

    def _on_message(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        del client, userdata
        self.heard.append((message.topic, bytes(message.payload)))
