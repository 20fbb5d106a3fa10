"""A station's line to the broker in a process of its own, to be killed: `python client_process.py PORT`.

Prints `online` when connected and each inbox payload as it comes; acknowledges nothing.
"""

import sys
import threading

from support.mailbox import Box

from agent.broker import Broker
from agent.broker.mail import Incoming
from agent.clock import Clock
from agent.config.settings import MqttSettings


def main() -> None:
    online = threading.Event()

    def received(incoming: Incoming) -> None:
        print(incoming.payload.decode(), flush=True)  # noqa: T201 - its way of speaking

    broker = Broker(
        MqttSettings(port=int(sys.argv[1])),
        "ST-42",
        Box(),
        received,
        version="1",
        boot_id="b",
        clock=Clock(),
        changed=online.set,
    )
    broker.start()
    online.wait()
    print("online", flush=True)  # noqa: T201
    threading.Event().wait()


main()
