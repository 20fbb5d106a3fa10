"""A whole station on a bench: the real agent in a process of its own, emulated chips, a supplier and a real broker."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from support.bench_config import station_toml, wiring
from support.mqtt import Heard, Listener, Mosquitto, eventually

from agent.control import ControlError, ask
from agent.simulator.dealings import new_session_id
from agent.simulator.supplier import Books, Entry
from agent.simulator.supplier_server import SupplierServer
from hardware.emulated.world import World
from hardware.emulated.world_server import WorldServer

CARD = "04A1B2C3D4E5F6"
OTHER = "04A1B211223344"
THIRD = "DEAD4711"
PREFIX = "com.ev-power-supplier.charging-station."
BLUE = (0, 0, 128)
DARK = (0, 0, 0)
RED = (128, 0, 0)
WHITE = (128, 128, 128)
MAIN = 0
"""The first pixel of the main light; slot N's first is 8 N."""

CALM = 5
"""How often in a row nothing may be owed before a story counts as over: the agent says so a moment after it happens."""

JITTER = 0.1
AGENT = f"""
import random, runpy, sys
# Every wait between retries is drawn at random; a short draw keeps tests quick.
random.uniform = lambda low, high: low + (high - low) * {JITTER}
runpy.run_module("agent", run_name="__main__", alter_sys=True)
"""


class Bench:
    """`with Bench(...) as bench:` starts everything and waits until the agent is ready.

    A test that passes must also leave an agent that stops well, told no card in clear and did nothing twice.
    """

    def __init__(
        self,
        folder: Path,
        mosquitto: Mosquitto,
        *,
        url: str = "",
        slots: Sequence[int] = (1, 2),
        supplier_slots: Sequence[int] = (),
        new_id: Callable[[], str] = new_session_id,
        station: str = "ST-42",
        broker_port: int = 0,
        contacts: bool = False,
        lock: str = "solenoid",
        permits: bool = False,
        world_kept: bool = True,
        **options: Any,
    ) -> None:
        """`world_kept`: the world writes itself down at each change, as under `simulate`."""
        self.folder = folder
        self.mosquitto = mosquitto
        self.station = station
        (folder / "state").mkdir(parents=True)
        self.books = Books(supplier_slots or slots, new_id=new_id)
        self.supplier = SupplierServer(self.books, "127.0.0.1:0")
        self._wiring = wiring(slots, contacts=contacts, lock=lock, permits=permits)
        self.world = World(self._wiring, folder / "world.json" if world_kept else None, travel_s=0.05)
        self.program = AGENT
        self._constants: dict[str, object] = {}
        self.environment: dict[str, str] = {}
        self._url = url
        self._broker_port = broker_port
        self._lock = lock
        self._options = {
            "poll_interval_ms": 20,
            "driver_wait_s": 3.0,
            "request_timeout_s": 5.0,
            "retap_guard_s": 0.01,
            "unpaid_release": "release",
            "offline_start": "deny",
            "remote_cards": "false",
            "triggers": "false",
            "where": "local",
            "protocol": 5,
            "move_timeout_ms": 400,
            "lights": "",
            "metrics": "",
            "web": "",
            **options,
        }
        self._agent: subprocess.Popen[str] | None = None
        self._tapped: dict[str, int] = {}
        self._full = False
        self.log: list[str] = []
        self.frames: list[tuple[float, tuple[tuple[int, int, int], ...]]] = []
        self.lines: list[dict[str, int]] = []
        self.on_line: Callable[[str], None] = lambda _: None
        self.on_world: Callable[[Mapping[str, Any]], None] = lambda _: None

    def __enter__(self) -> Self:
        with ExitStack() as life:
            self.supplier.start()
            life.callback(self.supplier.stop)
            life.enter_context(WorldServer(self.world, self.folder / "state" / "world.sock"))
            life.callback(self.world.subscribe(self._remember))
            self.listener = life.enter_context(
                Listener(self.mosquitto.port, f"stations/{self.station}/#", "back-office/#", kept_as="bench")
            )
            self.config = self.folder / "station.toml"
            self.config.write_text(self._config(), encoding="utf-8")
            life.callback(self._clear_away)
            self.start()
            self._life = life.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        with self._life:
            if kind is None:
                self._inspect()

    def _clear_away(self) -> None:
        if self.running:
            self.stop()

    def _inspect(self) -> None:
        """What holds after every story."""
        if self.running:
            assert self.stop() == 0, self.told()
        assert not any("Traceback" in line for line in self.log), self.told()
        for card in (CARD, OTHER, THIRD):
            assert not any(card in line.upper() for line in self.log), "a card in clear in the log"
            for topic in ("state", "errors", "status"):
                payloads = self.listener.payloads(f"stations/{self.station}/{topic}")
                assert not any(card.encode() in payload.upper() for payload in payloads), f"a card in clear on {topic}"
        assert not any(slot["burnt"] for slot in self.world.snapshot()["slots"]), "a motor had power both ways at once"
        self._inspect_books()

    def _inspect_books(self) -> None:
        by_key: dict[str, tuple[str, object]] = {}
        for call in self.acts():
            assert call["key"], call
            what = (call["path"], call["body"])
            assert by_key.setdefault(call["key"], what) == what, "one key for two acts"
        paid = [payment["session"] for payment in self.books.view()["payments"]]
        assert len(paid) == len(set(paid)), "paid twice"

    def _config(self) -> str:
        return station_toml(
            self._wiring,
            self._lock,
            station=self.station,
            state=self.folder / "state",
            url=self._url or self.supplier.url,
            port=self._broker_port or self.mosquitto.port,
            **self._options,
        )

    def _remember(self, snapshot: Mapping[str, Any]) -> None:
        pixels = tuple((int(r), int(g), int(b)) for r, g, b in snapshot["strip"]["pixels"])
        if not self.frames or self.frames[-1][1] != pixels:
            self.frames.append((float(snapshot["strip"]["at"]), pixels))
        if not self.lines or self.lines[-1] != snapshot["lines"]:
            self.lines.append(snapshot["lines"])
        self.on_world(snapshot)

    # The agent's process.

    def start(self) -> None:
        """Start the agent and wait until it answers."""
        self.spawn()
        eventually(lambda: self._answers() or not self.running, 40)
        assert self._answers(), self.told()

    def spawn(self) -> None:
        """Start the agent and wait for nothing."""
        self._tapped.clear()
        environment = {**os.environ, "RUNTIME_DIRECTORY": str(self.folder / "run"), **self.environment}
        prefix = ["sh", "-c", 'ulimit -S -f 0; exec "$@"', "sh"] if self._full else []
        self._agent = subprocess.Popen(
            [
                *prefix,
                sys.executable,
                "-c",
                self._program() if self._constants else self.program,
                "run",
                "--config",
                str(self.config),
            ],
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._reader = threading.Thread(target=self._read, args=(self._agent,), name="bench-log")
        self._reader.start()

    def _read(self, agent: "subprocess.Popen[str]") -> None:
        assert agent.stderr is not None
        with agent.stderr:
            for line in agent.stderr:
                self.log.append(line.rstrip())
                self.on_line(line)

    @property
    def pid(self) -> int:
        """The agent's process id."""
        assert self._agent is not None
        return self._agent.pid

    @property
    def running(self) -> bool:
        """Whether the agent lives."""
        return self._agent is not None and self._agent.poll() is None

    def _answers(self) -> bool:
        try:
            return bool(self.state()["broker"]["reachable"])
        except (ControlError, StopIteration):
            return False

    def hurry(self, **constants: object) -> None:
        """From its next start the agent takes other values for these constants, such as `agent__health__AWAY_S=0.5`."""
        self._constants.update(constants)

    def _program(self) -> str:
        lines = ["import pathlib"]
        for name, value in self._constants.items():
            module, _, constant = name.replace("__", ".").rpartition(".")
            lines.append(f"import {module}; {module}.{constant} = {value}")
        return "\n".join([*lines, self.program])

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def kill_now(self) -> None:
        """kill -9, without waiting: for whoever runs in one of the bench's own threads."""
        self.signal(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; gives the exit status."""
        return self._end(signal.SIGTERM)

    def safe_state(self, *options: str) -> str:
        """What systemd does to the lines when the agent is gone; gives what it said."""
        command = [sys.executable, "-m", "agent", "safe-state", "--config", str(self.config), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def signal(self, number: int) -> None:
        """Send the agent a signal."""
        assert self._agent is not None
        self._agent.send_signal(number)

    def _end(self, number: int) -> int:
        self.signal(number)
        return self.died()

    def died(self) -> int:
        """Wait for the agent's end; gives the exit status."""
        assert self._agent is not None
        status = self._agent.wait(15)
        self._reader.join(5)
        return status

    @contextmanager
    def disk_full(self) -> Iterator[None]:
        """No file of the agent can be written any more (RLIMIT_FSIZE, getrlimit(2)), until the `with` block ends.

        That holds for an agent that is started in it too.
        """
        self._fill(full=True)
        try:
            yield
        finally:
            self._fill(full=False)

    def _fill(self, *, full: bool) -> None:
        self._full = full
        soft = 0 if full else resource.RLIM_INFINITY
        if self.running:
            resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))

    # What one can see.

    def told(self) -> str:
        """Everything known, for whoever reads a failed test."""
        try:
            state = json.dumps(self.state(), indent=1)
        except (ControlError, StopIteration) as error:
            state = str(error)
        events = [f"{each.topic} {each.payload.decode()}" for each in self.heard("events/", "errors")]
        return "\n".join([*self.log[-60:], *self.calls(), *events, state])

    def state(self) -> dict[str, Any]:
        """What the agent says of itself."""
        return next(ask(self.folder / "run", "status"))

    def slot(self, number: int) -> dict[str, Any]:
        """One slot of it."""
        return next(slot for slot in self.state()["slots"] if slot["number"] == number)

    def metrics(self) -> dict[str, float]:
        """What a scrape shows, by metric with its labels: `name{label="value"}`."""
        return {
            name: float(value)
            for name, _, value in (line.rpartition(" ") for line in self.scrape().splitlines())
            if not name.startswith("#")
        }

    def scrape(self) -> str:
        """The text of a scrape; the bench has `metrics="127.0.0.1:0"`."""
        url = urlsplit(self.metrics_url())
        with closing(HTTPConnection(url.netloc, timeout=10)) as line:
            line.request("GET", url.path)
            answer = line.getresponse()
            text = answer.read().decode()
        assert answer.status == HTTPStatus.OK, text
        return text

    def metrics_url(self) -> str:
        """Where the running agent is scraped."""
        said = "metrics for programs on this machine at http"
        self.wait(lambda: any(said in line for line in self.log))
        return next(line for line in reversed(self.log) if said in line).rpartition(" ")[2]

    def owed(self) -> dict[str, Any]:
        """What is owed to supplier and broker, and what was set aside."""
        owed: dict[str, Any] = self.state()["owed"]
        return owed

    def faults(self) -> list[str]:
        """The codes of the faults raised now, with their slot if they have one."""
        return [f"{each['code']} {each.get('slotNumber', '')}".strip() for each in self.state()["faults"]]

    def bolt(self, number: int) -> str:
        """Where a bolt really is."""
        return next(str(slot["bolt"]) for slot in self.world.snapshot()["slots"] if slot["number"] == number)

    def pixels(self, first: int) -> tuple[int, int, int]:
        """What the strip shows at a pixel."""
        red, green, blue = self.world.snapshot()["strip"]["pixels"][first]
        return red, green, blue

    def white_winks(self) -> int:
        """How often the main light turned white."""
        shown = [pixels[MAIN] for _, pixels in self.frames]
        return sum(now == WHITE != before for before, now in pairwise(shown))

    def acts(self, name: str = "") -> list[dict[str, Any]]:
        """The acts that came to the supplier so far, repeats too: all, or those of one name."""
        calls: list[dict[str, Any]] = self.books.view()["calls"]
        return [call for call in calls if call["name"] != "ask" and name in ("", call["name"])]

    def calls(self) -> list[str]:
        """The supplier's calls so far, as `METHOD path`, without the base path."""
        return [f"{call['method']} {call['path'].removeprefix('/api/v2')}" for call in self.books.view()["calls"]]

    def names(self, since: int = 0) -> list[str]:
        """The names of the supplier's calls so far."""
        return [str(call["name"]) for call in self.books.view()["calls"][since:]]

    def sessions(self) -> list[dict[str, Any]]:
        """The supplier's sessions."""
        sessions: list[dict[str, Any]] = self.books.view()["sessions"]
        return sessions

    def heard(self, *below: str) -> list[Heard]:
        """What came on topics that start like these, below the station's."""
        starts = tuple(f"stations/{self.station}/{each}" for each in below)
        return [each for each in self.listener.heard if each.topic.startswith(starts)]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The CloudEvents of one name so far."""
        return [json.loads(each) for each in self.listener.payloads(f"stations/{self.station}/events/{name}")]

    def once(self, name: str) -> list[dict[str, Any]]:
        """The data of the events of one name, each id once: QoS 1 may deliver one again."""
        return [event["data"] for event in {event["id"]: event for event in self.events(name)}.values()]

    def refusals(self) -> list[tuple[str, str]]:
        """Who was turned away so far, and why."""
        return [(data["card"], data["reason"]) for data in self.once("refused")]

    def errors(self) -> list[dict[str, Any]]:
        """The problems told so far."""
        return [json.loads(each) for each in self.listener.payloads(f"stations/{self.station}/errors")]

    def wait(self, condition: Callable[[], object], deadline_s: float = 10.0) -> None:
        """Wait for a condition; fails the test with everything known."""
        if not eventually(lambda: bool(condition()), deadline_s):
            raise AssertionError(self.told())

    def wait_line(self, text: str, count: int = 1) -> None:
        """Wait until the agent's log says something for the n-th time."""
        self.wait(lambda: sum(text in line for line in list(self.log)) >= count)

    def wait_refused(self, count: int) -> None:
        """Wait until this many drivers were turned away."""
        self.wait(lambda: len(self.refusals()) >= count)

    def settled(self) -> None:
        """Wait until nothing is owed to anybody, and nothing new has come of that."""
        calm = 0

        def nothing_owed() -> bool:
            nonlocal calm
            owed = self.owed()
            calm = calm + 1 if owed["supplier"] == owed["broker"] == 0 else 0
            return calm > CALM

        self.wait(nothing_owed, 20)

    # What one can do.

    def hold(self, card: str = CARD) -> None:
        """Hold a card to the reader until the station has taken it."""
        self.away(card)
        self._tapped[card] = len(self.log)
        self.world.place(card)
        self.wait(lambda: self._says_since(card, "tapped"))

    def tap(self, card: str = CARD) -> None:
        """Hold a card to the reader until the station has taken it, and take it away."""
        self.hold(card)
        self.world.remove(card)

    def away(self, card: str = CARD) -> None:
        """Wait until the station knows that a card has gone which it has seen; it is a tap again only then."""
        if card in self._tapped:
            self.wait(lambda: self._says_since(card, "left"))

    def _says_since(self, card: str, what: str) -> bool:
        return any(f"card ..{card[-4:]} {what}" in line for line in self.log[self._tapped[card] :])

    def inbox(
        self, kind: str, data: Mapping[str, Any], event_id: str = "e-1", *, retain: bool = False, **attributes: Any
    ) -> None:
        """Publish a CloudEvent to the station's inbox."""
        event = {"specversion": "1.0", "id": event_id, "source": "test", "type": kind, "data": data, **attributes}
        self.listener.publish(f"stations/{self.station}/inbox", json.dumps(event).encode(), retain=retain)

    def command(
        self,
        name: str,
        args: Mapping[str, Any] | None = None,
        *,
        command_id: str = "",
        age: float = 0.0,
        reply_topic: str = "back-office/1",
        **attributes: Any,
    ) -> str:
        """Publish a command that was issued `age` seconds ago; gives its id."""
        command_id = command_id or str(uuid.uuid4())
        issued = datetime.now(UTC) - timedelta(seconds=age)
        asked = {"id": command_id, "issuedAt": issued.isoformat(), "args": args or {}, **attributes}
        topic = f"stations/{self.station}/commands/{name}"
        correlation = command_id.encode()
        self.listener.publish(topic, json.dumps(asked).encode(), reply_topic=reply_topic, correlation=correlation)
        return command_id

    def replies(self, command_id: str) -> list[bytes]:
        """What came in reply to a command, with its correlation data."""
        found = [heard for heard in self.listener.heard if heard.correlation == command_id.encode()]
        return [heard.payload for heard in found if "/commands/" not in heard.topic]

    def reply(self, command_id: str, count: int = 1) -> dict[str, Any]:
        """Wait for the n-th reply to a command."""
        self.wait(lambda: len(self.replies(command_id)) >= count, 20)
        answer: dict[str, Any] = json.loads(self.replies(command_id)[count - 1])
        return answer

    def start_session(self, card: str = CARD) -> str:
        """Tap until `session-started`; gives the session's id."""
        before = len(self.events("session-started"))
        self.tap(card)
        self.wait(lambda: len(self.events("session-started")) > before)
        return str(self.sessions()[-1]["id"])

    def on_call(self, name: str, then: Callable[[Entry], None]) -> None:
        """Do something once, when the supplier was next called like this and has not answered yet."""

        def heard(entry: Entry) -> None:
            if entry.name == name:
                end()
                then(entry)

        end = self.books.subscribe(heard)
