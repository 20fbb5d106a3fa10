"""Messages and bytes between a station and its broker, in a session and at rest: for scripts/bench fleet."""

import argparse
import json
import selectors
import socket
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from support.bench import Bench
from support.mqtt import Mosquitto

HOUR_S = 3600
DAY_SESSIONS = 20
RECORD = 22
"""Bytes that a TLS 1.3 record adds: header, content type and tag (RFC 8446 section 5.2)."""
SEGMENT = 52
"""Bytes of an IPv4 and a TCP header with time stamps (RFC 7323): for each packet, and for its acknowledgement."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What passed: publishes by the station, and bytes and pieces each way, as TCP carries them."""

    publishes: int = 0
    out: int = 0
    back: int = 0
    pieces: int = 0

    def __sub__(self, other: "Traffic") -> "Traffic":
        return Traffic(
            self.publishes - other.publishes,
            self.out - other.out,
            self.back - other.back,
            self.pieces - other.pieces,
        )

    @property
    def on_the_line(self) -> int:
        """Bytes that a mobile network would count with TLS, at most: each piece a record, a packet and its answer."""
        return self.out + self.back + self.pieces * (RECORD + 2 * SEGMENT)


class Meter:
    """Stands between station and broker and counts; one thread, a context manager."""

    def __init__(self, mosquitto: Mosquitto, station: str) -> None:
        self._mosquitto = mosquitto
        self._said = f"Received PUBLISH from {station} "
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._wake, self._wakes = socket.socketpair()
        self._passed = {True: 0, False: 0}
        self._pieces = 0
        self._thread = threading.Thread(target=self._run, name="mqtt-meter")

    def __enter__(self) -> Self:
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._wakes.close()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._selector.close()

    def read(self) -> Traffic:
        """Everything so far."""
        log = (self._mosquitto.folder / "mosquitto.log").read_text(encoding="utf-8", errors="replace")
        return Traffic(log.count(self._said), self._passed[True], self._passed[False], self._pieces)

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._wake:
                    return
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._pass(key)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        far = socket.create_connection(("127.0.0.1", self._mosquitto.port))
        for end, other, outward in ((near, far, True), (far, near, False)):
            self._selector.register(end, selectors.EVENT_READ, (other, outward))

    def _pass(self, key: selectors.SelectorKey) -> None:
        other, outward = key.data
        assert isinstance(key.fileobj, socket.socket)
        if key.fileobj.fileno() < 0:  # closed with its other end, a moment ago
            return
        data = key.fileobj.recv(65536)
        if not data:
            for end in (key.fileobj, other):
                self._selector.unregister(end)
                end.close()
            return
        self._passed[outward] += len(data)
        self._pieces += 1
        other.sendall(data)


@contextmanager
def metered(folder: Path) -> Iterator[tuple[Bench, Meter]]:
    """A station whose line to the broker is watched."""
    with ExitStack() as life:
        mosquitto = Mosquitto(folder, extra="log_type all").start()
        life.callback(mosquitto.kill)
        meter = life.enter_context(Meter(mosquitto, "ST-42"))
        bench = life.enter_context(Bench(folder / "bench", mosquitto, broker_port=meter.port))
        bench.settled()
        yield bench, meter


def session(bench: Bench, meter: Meter) -> Traffic:
    """What one session comes to, from its first tap until nothing more is told of it."""
    before = meter.read()
    ended = len(bench.events("session-ended"))
    bench.start_session()
    bench.tap()
    bench.wait(lambda: len(bench.events("session-ended")) > ended)
    bench.settled()
    bench.wait(lambda: dark(bench))
    return meter.read() - before


def dark(bench: Bench) -> bool:
    """Whether the station has told that the light of the end is out, which is the last that it tells of a session."""
    told = json.loads(bench.listener.payloads("stations/ST-42/state")[-1])
    return all(slot["light"] == "off" for slot in told["slots"])


def rest(meter: Meter, seconds: float) -> Traffic:
    """What passes while nothing happens."""
    before = meter.read()
    threading.Event().wait(seconds)
    return meter.read() - before


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m support.mqtt_bench", description=__doc__)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--rest-s", type=float, default=120.0)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name, metered(Path(name)) as (bench, meter):
        connected = meter.read()
        sessions = [session(bench, meter) for _ in range(options.sessions)]
        idle = rest(meter, options.rest_s)
    mean = Traffic(
        *(round(sum(getattr(each, field) for each in sessions) / len(sessions)) for field in Traffic.__slots__)
    )
    hours = options.rest_s / HOUR_S
    tell("connecting", connected)
    tell("a session", mean)
    tell("an idle hour", Traffic(*(round(getattr(idle, field) / hours) for field in Traffic.__slots__)))
    day = (24 * idle.on_the_line / hours + DAY_SESSIONS * mean.on_the_line) / 1024
    print(f"a day with {DAY_SESSIONS} sessions: {day:.0f} KiB with TLS on the line")  # noqa: T201


def tell(what: str, traffic: Traffic) -> None:
    """One line."""
    print(  # noqa: T201
        f"{what:<13}{traffic.publishes:5} messages {traffic.out:7} bytes out {traffic.back:6} back"
        f" {traffic.on_the_line:7} with TLS on the line"
    )


if __name__ == "__main__":
    main()
