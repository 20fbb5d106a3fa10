"""A real mosquitto for tests, and somebody who listens to it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY, Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
AGAIN_S = 2.0
"""Seconds after which a mosquitto that still runs is told to stop once more."""


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(condition: Callable[[], bool], deadline_s: float = 10.0) -> bool:
    """Whether `condition` comes true within `deadline_s` seconds."""
    until = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > until:
            return False
        threading.Event().wait(0.01)
    return True


class Mosquitto:
    """One broker with a config of its own; `extra` lines are added to it (`acl_file ...`)."""

    def __init__(self, folder: Path, extra: str = "") -> None:
        self.folder = folder
        self.extra = extra
        self.env: dict[str, str] = {}
        self.anonymous = True
        self.port = 0
        self.other_ports: tuple[int, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start, at first on a free port, later again on the same; returns when it accepts connections."""
        for _ in range(5):
            port = self.port or free_port()
            process = self._process = self._spawn(port)
            if eventually(partial(self._is_up_or_ended, process, port)) and process.poll() is None:
                self.port = port
                return self
            self.kill()
        raise AssertionError((self.folder / "mosquitto.log").read_text())

    def remembers(self, client_id: str) -> bool:
        """Whether the session of this client is on its disk and outlives a kill."""
        kept = self.folder / "mosquitto.db"
        return kept.exists() and client_id.encode() in kept.read_bytes()

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Stop it as Debian does; told once, just after its start, it may forget that."""
        while self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(AGAIN_S)
                self._process = None

    def hang(self) -> None:
        """SIGSTOP: connections stay, answers do not come."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def reload(self) -> None:
        """SIGHUP: read passwords and ACL again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def _is_up_or_ended(self, process: "subprocess.Popen[bytes]", port: int) -> bool:
        return process.poll() is not None or all(accepts(each) for each in (port, *self.other_ports))

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        config = self.folder / "mosquitto.conf"
        lines = [
            f"listener {port} 127.0.0.1",
            f"allow_anonymous {str(self.anonymous).lower()}",
            "persistence true",
            f"persistence_location {self.folder}/",
            "autosave_on_changes true",
            "autosave_interval 1",
            "log_dest stderr",
            *(["user root"] if os.geteuid() == 0 else []),
            self.extra,
        ]
        config.write_text("\n".join(lines) + "\n")
        with (self.folder / "mosquitto.log").open("ab") as log:
            command = [MOSQUITTO, "-c", str(config)]
            return subprocess.Popen(command, stderr=log, stdout=log, env={**os.environ, **self.env})


def accepts(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as a subscriber got it. `content_type` and `correlation` are empty under MQTT 3.1.1."""

    topic: str
    payload: bytes
    retain: bool
    content_type: str = ""
    correlation: bytes = b""


class Listener:
    """Subscribes to `topics` and collects; a context manager.

    `kept_as`: a client id for which the broker keeps what comes while it, or the listener, is away.
    """

    def __init__(self, port: int, *topics: str, protocol: int = 5, kept_as: str = "") -> None:
        self._port = port
        self._topics = topics or ("#",)
        self._heard: list[Heard] = []
        self._news = threading.Condition()
        self._ready = threading.Event()
        self._posted: set[int] = set()
        self._arrived: set[int] = set()
        self._client = Client(CallbackAPIVersion.VERSION2, kept_as, protocol=MQTTProtocolVersion(protocol))
        self._properties = Properties(PacketTypes.CONNECT) if kept_as else None  # type: ignore[no-untyped-call]
        if self._properties:
            self._properties.SessionExpiryInterval = 3600
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe([(topic, 1) for topic in self._topics])
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._on_message
        self._client.on_publish = lambda _client, _userdata, mid, *_: self._arrived.add(mid)

    def __enter__(self) -> Self:
        # mosquitto 2.0.11 writes down only sessions that began without clean start.
        clean = False if self._properties else MQTT_CLEAN_START_FIRST_ONLY
        self._client.connect("127.0.0.1", self._port, clean_start=clean, properties=self._properties)
        self._client.loop_start()
        assert self._ready.wait(10), "the listener could not subscribe"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def heard(self) -> list[Heard]:
        """Everything so far, in order."""
        with self._news:
            return list(self._heard)

    def payloads(self, topic: str) -> list[bytes]:
        """The payloads of one topic so far, in order."""
        return [heard.payload for heard in self.heard if heard.topic == topic]

    def wait_for(self, predicate: Callable[[list[Heard]], bool], deadline_s: float = 10.0) -> list[Heard]:
        """Wait until what was heard satisfies `predicate`; fails the test, saying what was heard."""
        with self._news:
            assert self._news.wait_for(lambda: predicate(self._heard), deadline_s), f"heard only {self._heard}"
            return list(self._heard)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        reply_topic: str = "",
        correlation: bytes = b"",
    ) -> None:
        """Send something; returns when the broker has it."""
        properties = None
        if reply_topic or correlation:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.ResponseTopic = reply_topic
            properties.CorrelationData = correlation
        self._client.publish(topic, payload, qos, retain, properties).wait_for_publish(10)

    def post(self, topic: str, payload: bytes) -> None:
        """Send something as soon as there is a broker, without waiting for it."""
        self._posted.add(self._client.publish(topic, payload, 1).mid)

    @property
    def connected(self) -> bool:
        """Whether it hears anything now."""
        return self._client.is_connected()

    @property
    def unsent(self) -> int:
        """How much of what was posted the broker has not confirmed."""
        return len(self._posted - self._arrived)

    def _on_message(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        del client, userdata
        kind = getattr(message.properties, "ContentType", "")
        correlation = getattr(message.properties, "CorrelationData", b"")
        with self._news:
            self._heard.append(Heard(message.topic, bytes(message.payload), message.retain, kind, correlation))
            self._news.notify_all()
