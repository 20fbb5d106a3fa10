"""One connection to the broker, to see whether it would have the station."""

import json
import socket
from contextlib import ExitStack

from agent.broker.link import Link
from agent.broker.mail import BrokerError
from agent.broker.outgoing import Kind, Publish
from agent.clock import Clock, boottime
from agent.config.settings import MqttSettings
from agent.events import rfc3339
from agent.version import VERSION

ANSWER_S = 5.0
LOOK_S = 0.1
REFUSED = 128
"""Reason codes from here on are refusals (MQTT 5.0 section 2.4)."""


class NotAuthorised(BrokerError):
    """The broker answers, but does not take the station or its messages."""


def try_broker(settings: MqttSettings, station_id: str) -> None:
    """Connect under the station's own id and publish that it is offline; for while no agent runs.

    What waits for the station at the broker stays there. Raises NotAuthorised, BrokerError and OSError.
    """
    now = Clock().now()
    said = {"state": "offline", "since": rfc3339(now.wall), "version": VERSION, "bootId": now.boot}
    offline = Publish(Kind.STATUS, f"stations/{station_id}/status", json.dumps(said).encode(), "application/json")
    with ExitStack() as life:
        wake, other = socket.socketpair()
        life.callback(wake.close)
        life.callback(other.close)
        link = Link(settings, station_id, 1, offline, lambda: False)
        life.callback(link.close)
        link.await_answer(wake, lambda: False)
        link.publish(offline)
        reason = _answer(link, wake)
        link.disconnect()
    if reason >= REFUSED:
        raise NotAuthorised(f"it refuses the station's messages (reason {reason})")


def _answer(link: Link, wake: socket.socket) -> int:
    until = boottime() + ANSWER_S
    while not link.answers:
        if boottime() >= until:
            raise BrokerError("it took the connection, but does not answer a message")
        link.turn(wake, LOOK_S)
    return link.answers[0][1]
