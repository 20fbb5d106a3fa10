"""What the parts measure on: the real agent as a process on emulated chips, a real broker, a plain quick supplier."""

import json
import os
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from support.bench import Bench
from support.bench_config import PINS
from support.mqtt import Mosquitto, eventually

from agent.clock import boottime

STATION = "ST-42"
MORE_PINS = {3: (5, 6), 4: (12, 13), 5: (16, 20), 6: (19, 26), 7: (4, 24)}
"""Lock and sensor of the slots that a bench has none of."""
POLL_MS = 50
ACQUIRE_DEPTH = "/api/v2/stations/ST-42".count("/")
PROGRAM = """import contextlib, pathlib, runpy, threading
import agent.daemon
agent.daemon.scene_of = lambda *_: None
start = threading.Thread.start
def start_and_name(thread):
    start(thread)
    with contextlib.suppress(OSError):  # it has ended
        pathlib.Path(f"/proc/self/task/{thread.native_id}/comm").write_text(thread.name)
threading.Thread.start = start_and_name
runpy.run_module("agent", run_name="__main__", alter_sys=True)
"""
"""The agent as in the field: with the waits that it has there, and without what notes each step for the station page,
which emulated chips bring along. The kernel knows its threads by their names, as it does from Python 3.14 on."""


class PlainSupplier:
    """Says yes to everybody after `delay_s`; a context manager.

    `hangs`: it takes calls and never answers. `refuses`: it hangs up on everybody at once.

    `slots` by card; others get slot 1. `calls` is the number that it answered, `carried` the bytes both ways as HTTP
    has them, `own` from when to when it had each in turn, in CLOCK_BOOTTIME seconds.
    """

    def __init__(self, slots: Mapping[str, int] | None = None) -> None:
        self.slots = dict(slots or {})
        self.delay_s = 0.0
        self.hangs = threading.Event()
        self.goes_on = threading.Event()
        self.refuses = threading.Event()
        self.calls = 0
        self.carried = 0
        self.own: list[tuple[float, float]] = []
        self._lock = threading.Lock()
        supplier = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def parse_request(self) -> bool:
                self.began = boottime()
                return super().parse_request()

            def answer(self) -> None:
                supplier.answer(self)

            do_GET = do_POST = do_PUT = answer  # noqa: N815  the base class looks for these names

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="plain-supplier")

    @property
    def url(self) -> str:
        """The base of its paths."""
        return f"http://127.0.0.1:{self._server.server_port}/api/v2"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.goes_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, call: BaseHTTPRequestHandler) -> None:
        """One call, which began with its first line."""
        began: float = call.began  # type: ignore[attr-defined]
        body = call.rfile.read(int(call.headers.get("Content-Length", 0)))
        if self.refuses.is_set():
            call.close_connection = True
            return
        if self.hangs.is_set():
            call.close_connection = True
            self.goes_on.wait()
            return
        if self.delay_s:
            wait(self.delay_s)
        said = self._said(call.command, call.path, body)
        call.wfile.write(said)
        with self._lock:
            self.calls += 1
            self.carried += len(call.raw_requestline) + len(str(call.headers)) + len(body) + len(said)
            self.own.append((began, boottime()))

    def _said(self, method: str, path: str, body: bytes) -> bytes:
        if method == "GET":
            return answered(404, b'{"title":"None"}')
        if method == "POST" and path.count("/") == ACQUIRE_DEPTH:
            slot = self.slots.get(json.loads(body)["card"], 1)
            got = {"slot": {"number": slot}, "session": {"id": f"S-{uuid.uuid4()}"}}
            return answered(201, json.dumps(got).encode())
        return answered(200, b"{}")


def answered(status: int, body: bytes) -> bytes:
    """An answer in one piece."""
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@contextmanager
def broker() -> Iterator[Mosquitto]:
    """A mosquitto with its files in a folder of its own."""
    with scratch() as folder, ExitStack() as life:
        mosquitto = Mosquitto(folder).start()
        life.callback(mosquitto.kill)
        yield mosquitto


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for as long as it is needed; beside the clone, for a temporary folder may be memory."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as name:
        yield Path(name)


@contextmanager
def station(
    folder: Path, mosquitto: Mosquitto, supplier: PlainSupplier, slots: int = 2, **options: Any
) -> Iterator[Bench]:
    """A running station with the poll interval that it has in the field."""
    bench = idle(folder, mosquitto, supplier, slots, **options)
    with bench:
        yield bench


def idle(folder: Path, mosquitto: Mosquitto, supplier: PlainSupplier, slots: int = 2, **options: Any) -> Bench:
    """The same, not started yet. Its world writes nothing on the disk that the journal waits for."""
    PINS.update(MORE_PINS)
    pixels = {"lights": f"pixels = {8 * slots + 8}"} if slots > 2 else {}
    chosen = {"poll_interval_ms": POLL_MS, "move_timeout_ms": 5000, **pixels, **options}
    bench = Bench(folder, mosquitto, slots=range(1, slots + 1), url=supplier.url, world_kept=False, **chosen)
    bench.program = PROGRAM
    return bench


class Drivers:
    """Cards that tap from afar, through the inbox, each in its slot, as fast as the station serves them."""

    def __init__(self, port: int, slots: int) -> None:
        self.cards = {f"04A1B2C3D4E5{number:02X}": number for number in range(1, slots + 1)}
        self._told = {(card, what): threading.Semaphore(0) for card in self.cards for what in ("started", "ended")}
        self.refused: list[str] = []
        self.client = Client(CallbackAPIVersion.VERSION2, "drivers", protocol=MQTTProtocolVersion.MQTTv5)
        self.client.on_connect = lambda client, *_: client.subscribe(f"stations/{STATION}/events/#", 1)
        self.client.on_message = self._heard
        self._ready = threading.Event()
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.client.connect("127.0.0.1", port)

    def __enter__(self) -> Self:
        self.client.loop_start()
        assert self._ready.wait(10), "the drivers hear nothing"
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def sessions(self, count: int) -> None:
        """So many in all, over all slots beside each other."""
        share = [count // len(self.cards) + (number < count % len(self.cards)) for number in range(len(self.cards))]
        drivers = [
            threading.Thread(target=self._drive, args=(card, many), name=f"driver-{card}")
            for card, many in zip(self.cards, share, strict=True)
        ]
        for driver in drivers:
            driver.start()
        for driver in drivers:
            driver.join()

    def _drive(self, card: str, count: int) -> None:
        for _ in range(count):
            for what in ("started", "ended"):
                self._tap(card)
                while not self._told[card, what].acquire(timeout=5.0):
                    self._tap(card)  # the first may have come while the tap before was still being worked on

    def _tap(self, card: str) -> None:
        event = {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": "urn:bench",
            "type": "com.ev-power-supplier.charging-station.card-scanned.v1",
            "time": datetime.now(UTC).isoformat(),
            "data": {"stationId": STATION, "card": card},
        }
        self.client.publish(f"stations/{STATION}/inbox", json.dumps(event).encode(), 1)

    def _heard(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        name = message.topic.rpartition("/")[2]
        data = json.loads(message.payload)["data"]
        told = self._told.get((data.get("card", ""), name.removeprefix("session-")))
        if told:
            told.release()
        elif name == "refused":
            self.refused.append(data["reason"])


def wait(seconds: float) -> None:
    """Let time go by, if it has not yet."""
    threading.Event().wait(max(0.0, seconds))


def ready_s(bench: Bench) -> float:
    """Seconds from starting the agent's process until it says that it is ready."""
    bench.log.clear()
    said = threading.Event()
    bench.on_line = lambda line: said.set() if " is ready" in line else None
    began = time.monotonic()
    bench.spawn()
    assert said.wait(40), "\n".join(bench.log)
    took = time.monotonic() - began
    bench.on_line = lambda _: None
    return took


def connected(bench: Bench) -> None:
    """Wait until the station has its broker."""
    assert eventually(bench._answers, 40), "\n".join(bench.log)
