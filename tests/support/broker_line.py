"""A line to a broker, with what it carries in memory."""

import json
from collections.abc import Callable

from support.mailbox import Box
from support.mqtt import Listener, eventually

from agent.broker import Broker
from agent.broker.mail import Incoming
from agent.clock import Clock
from agent.config.settings import MqttSettings

EVENT = "stations/ST-42/events/x"
STATUS = "stations/ST-42/status"
STATE = "stations/ST-42/state"
INBOX = "stations/ST-42/inbox"
CONNACK = bytes.fromhex("2003000000")
"""Success, without properties (MQTT 5.0 section 3.2)."""


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


def states(listener: Listener) -> list[str]:
    return [json.loads(payload)["state"] for payload in listener.payloads(STATUS)]
