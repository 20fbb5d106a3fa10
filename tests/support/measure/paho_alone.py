"""The MQTT library alone: as many events as fast as it can, with the station's QoS and window. Prints seconds."""

import argparse
import threading
import time

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.broker.outgoing import WINDOW
from agent.effects import Message
from agent.events import Events


def event(number: int) -> Message:
    """The n-th event that waits."""
    data = {"id": f"S-{number}", "card": "04A1B2C3D4E5F6", "slotNumber": 1}
    events = Events("https://supplier.example", "ST-42")
    return events.message("session-started", data, event_id=f"e-{number}", wall=1_800_000_000.0 + number, slot=1)


def main() -> None:
    """Publish all of them; each answer lets the next one leave, so that the window is always full."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    options = parser.parse_args()
    waiting = iter([event(number) for number in range(options.count)])
    about = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    about.ContentType = "application/cloudevents+json"
    client = Client(CallbackAPIVersion.VERSION2, "alone", protocol=MQTTProtocolVersion.MQTTv5)
    client.max_inflight_messages_set(WINDOW)
    up, done, answered = threading.Event(), threading.Event(), 0

    def leave() -> None:
        message = next(waiting, None)
        if message is not None:
            client.publish(message.topic, message.payload, 1, properties=about)

    def came(*_: object) -> None:
        nonlocal answered
        answered += 1
        leave()
        if answered == options.count:
            done.set()

    client.on_connect = lambda *_: up.set()
    client.on_publish = came
    client.connect("127.0.0.1", options.port)
    client.loop_start()
    up.wait()
    began = time.monotonic()
    for _ in range(WINDOW):
        leave()
    done.wait()
    print(time.monotonic() - began)  # noqa: T201
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main()
