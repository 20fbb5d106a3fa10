"""Some stations' broker sides in one process: a real journal, mailbox and line each. Told what to do on standard input.

`put N`: every station writes N more events down. `kept` is said after that; `back STATION SECONDS` whenever a station
is connected (CLOCK_MONOTONIC); `answered STATION NUMBER SECONDS` when the broker has answered for an event; `owed N`
about twice a second. The end of the input is the end of the stations.
"""

import argparse
import os
import selectors
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from support.owing import tap

from agent.broker import Broker
from agent.broker.mail import Incoming
from agent.broker.mailbox import Mailbox
from agent.clock import Clock
from agent.config.settings import MqttSettings
from agent.events import Events
from agent.journal import Journal, Writing
from agent.state import Station as State

MOST = 100
"""The line waits with select(2), which knows no descriptor above 1023; a station has about nine."""
LOOK_S = 0.5
SAYING = threading.Lock()


def say(line: str) -> None:
    """One line, whoever says it."""
    with SAYING:
        print(line, flush=True)  # noqa: T201


class TellingMailbox(Mailbox):
    """Tells when the broker has answered. The ids of a new journal count from 1, as its station's events do."""

    def __init__(self, journal: Journal, name: str) -> None:
        super().__init__(journal)
        self._name = name

    def delivered(self, parcel_id: int) -> None:
        super().delivered(parcel_id)
        say(f"answered {self._name} {parcel_id} {time.monotonic()}")


class Station:
    """What of a station has to do with the broker; everything but its line is done in one thread."""

    def __init__(self, name: str, port: int, folder: Path) -> None:
        self.name = name
        self._journal = Journal(folder / f"{name}.db")
        self._mailbox = TellingMailbox(self._journal, name)
        self._events = Events("https://supplier.example", name)
        self._put = 0
        self._broker = Broker(
            MqttSettings(port=port),
            name,
            self._mailbox,
            self._received,
            version="1",
            boot_id=str(uuid.uuid4()),
            clock=Clock(),
            changed=self._changed,
        )

    def start(self) -> None:
        self._broker.start()

    def put(self, count: int) -> None:
        """Write events down, in one commit each as a session does, and let them leave."""
        for _ in range(count):
            self._put += 1
            data = {"id": f"S-{self._put}", "card": "04A1B2C3D4E5F6", "slotNumber": 1}
            message = self._events.message(
                "session-started", data, event_id=f"{self.name}:{self._put}", wall=time.time(), slot=1
            )
            messages = ((self._journal.new_id("messages"), message),)
            nothing = State(slots={})
            self._journal.stage(Writing(fact=tap(), before=nothing, after=nothing, messages=messages))
            self._journal.commit()
        self._broker.wake()

    def flush(self) -> int:
        """Write down what was delivered; gives how much is owed still."""
        delivered, aside = self._mailbox.marks()
        assert not aside, aside
        self._journal.forget("messages", delivered)
        self._journal.commit()
        self._mailbox.committed(delivered)
        return self._mailbox.owed()[0]

    def close(self) -> None:
        self._broker.stop()
        self._mailbox.close()
        self._journal.close()

    def _changed(self) -> None:
        if self._broker.connection().reachable:
            say(f"back {self.name} {time.monotonic()}")

    def _received(self, incoming: Incoming) -> None:
        self._broker.acknowledge(incoming.token)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stations until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--first", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args(arguments)
    assert options.count <= MOST, f"at most {MOST} stations in one process"
    names = [f"ST-{number}" for number in range(options.first, options.first + options.count)]
    with ExitStack() as life:
        stations = [Station(name, options.port, options.folder) for name in names]
        for station in stations:
            life.callback(station.close)
            station.start()
        obey(stations)


def obey(stations: Sequence[Station]) -> None:
    """Do what is asked, and tell what is owed, until nobody asks any more."""
    os.set_blocking(sys.stdin.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        while True:
            if selector.select(LOOK_S):
                asked = os.read(sys.stdin.fileno(), 4096).decode()
                if not asked:
                    return
                for line in asked.splitlines():
                    for station in stations:
                        station.put(int(line.removeprefix("put ")))
                    say("kept")
            say(f"owed {sum(station.flush() for station in stations)}")


if __name__ == "__main__":
    main()
