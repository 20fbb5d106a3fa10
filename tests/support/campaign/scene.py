"""One station and everything around it, for the episodes that it lives through."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support.bench import PREFIX, Bench
from support.campaign.findings import Finding, Kind
from support.campaign.patience import Patience
from support.campaign.proxy import Proxy
from support.mqtt import Mosquitto

from agent.control import ControlError
from agent.simulator.dealings import Manners
from agent.simulator.records import Entry, Standing

LOOK_S = 0.02
KEPT_S = 0.3
"""How long after a message the broker has it on its disk for sure."""
SOURCE = "campaign"
ENDED_ANYWAY = (404, 409, 410)
"""Refusals of `end` by which the supplier says that the session is over."""
TRY_LATER = (401, 403, 408, 425, 429)


class Scene:
    """`with Scene(...) as scene:` starts a station. Whoever waits here also starts the agent again when it has died."""

    def __init__(self, folder: Path, *, manners: Mapping[str, Any], **options: Any) -> None:
        (folder / "mosquitto").mkdir(parents=True)
        mosquitto = Mosquitto(folder / "mosquitto")
        self.to_supplier = Proxy("supplier", lambda: self.bench.supplier.port)
        self.to_broker = Proxy("broker", lambda: mosquitto.port)
        self.bench = Bench(
            folder / "bench",
            mosquitto,
            url=f"http://127.0.0.1:{self.to_supplier.port}/api/v2",
            broker_port=self.to_broker.port,
            **options,
        )
        self.bench.books.behave(Manners(**manners))
        self.bench.books.subscribe(self._called)
        self.calls: list[Entry] = []
        self.story: list[str] = []
        self.findings: list[Finding] = []
        self.raised: set[str] = set()
        self.unsupported: set[str] = set()
        self.disk = ExitStack()
        self.patience = Patience(float(options["driver_wait_s"]))
        self.kills = 0
        self._inbox_fault: dict[str, Any] = {}
        self._raise_again: Callable[[], None] = lambda: None
        self._messages = 0
        self._posted_at = 0.0
        self._trap: Callable[[str, str], bool] | None = None
        self._away_s = 0.0
        self._died_at: float | None = None
        self._killed = False
        self._refused_ends: list[str] = []
        self._pause = threading.Event()
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        with ExitStack() as life:
            life.callback(self.bench.mosquitto.kill)
            self.bench.mosquitto.start()
            life.enter_context(self.to_supplier)
            life.enter_context(self.to_broker)
            self.bench.on_line = self._heard_line
            self.bench.on_world = self._saw_world
            life.enter_context(self.bench)
            self.bench.wait(lambda: self.bench.mosquitto.remembers("bench"))
            self.bench.wait(lambda: self.bench.mosquitto.remembers(self.bench.station))
            self._life = life.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._life.__exit__(kind, error, at)

    # What is told.

    def began(self) -> None:
        """A new episode: its story begins."""
        self._began = time.monotonic()
        self.story.clear()
        self.bench.frames.clear()
        self.bench.lines.clear()

    def note(self, text: str) -> None:
        """One line of the story."""
        self.story.append(f"{time.monotonic() - self._began:7.3f} {text}")

    def find(self, kind: Kind, text: str) -> None:
        """Something is wrong."""
        self.note(f"FOUND {kind}: {text}")
        self.findings.append(Finding(kind, text))

    def _called(self, entry: Entry) -> None:
        self.calls.append(entry)
        marks = f"{' again' if entry.repeat else ''}{'' if entry.answered else ', answer lost'}"
        self.note(f"supplier: {entry.method} {entry.path.removeprefix('/api/v2')} -> {entry.status}{marks}")
        if entry.name == "end" and 400 <= entry.status < 500 and entry.status not in TRY_LATER:
            self._refused_ends.append(entry.session)
            if entry.status in ENDED_ANYWAY:
                self.close_refused()
        self._spring("call", entry.name)

    def _heard_line(self, line: str) -> None:
        text = line.rstrip()
        self.note(f"agent: {text}")
        self.patience.line(text, time.monotonic())
        self._spring("line", text)

    def _saw_world(self, snapshot: Mapping[str, Any]) -> None:
        places = {slot["number"]: slot["bolt"] for slot in snapshot["slots"]}
        self.patience.bolts(places)
        for fault in snapshot["faults"]:
            if fault.startswith("lock-jammed-"):
                self.patience.excuse(int(fault.rpartition("-")[2]))
        if self._trap:
            for place in places.values():
                self._spring("bolt", place)

    # Waiting.

    def until(self, moment: float) -> None:
        """Wait until this moment (time.monotonic), while the agent is looked after."""
        self.wait(lambda: time.monotonic() >= moment, moment - time.monotonic() + 1)

    def wait(self, condition: Callable[[], bool], deadline_s: float) -> bool:
        """Whether a condition comes true in time, while the agent is looked after."""
        until = time.monotonic() + deadline_s
        while not condition():
            if time.monotonic() > until:
                return False
            self._pause.wait(LOOK_S)
            self.look_after()
        return True

    def look_after(self) -> None:
        """Start the agent again if it has died, as a service manager does, and see who waits for too long."""
        now = time.monotonic()
        for slot in self.patience.overdue(now):
            self.patience.excuse(slot)
            self.find(Kind.TRAPPED, f"the driver in slot {slot} tapped, and the bolt did not open in time")
        if self.bench.running:
            return
        if self._died_at is None:
            self._died_at = now
            status = self.bench.died()
            self.patience.excuse()
            self.note(f"the agent is dead: {status}")
            if not self._killed:
                self.find(Kind.UNWELL, f"the agent ended by itself with {status}")
        if now >= self._died_at + self._away_s:
            self._died_at, self._killed = None, False
            self.bench.spawn()
            self.note(f"the agent is process {self.bench.pid}")

    # What can be done to the agent.

    def kill(self, away_s: float = 0.0) -> None:
        """kill -9; it stays away for a while."""
        if self.bench.running:
            self._killed, self._away_s = True, away_s
            self.kills += 1
            self.bench.kill_now()

    def stop(self, away_s: float = 0.0) -> None:
        """Stop it as a service manager does."""
        if not self.bench.running:
            return
        self.thaw()
        self._killed, self._away_s = True, away_s
        try:
            status = self.bench.stop()
        except subprocess.TimeoutExpired:
            self.find(Kind.UNWELL, "the agent does not stop")
            self.bench.kill_now()
            return
        # Killed by a trap meanwhile, or stopped before it could listen to signals.
        if status not in (0, -signal.SIGKILL, -signal.SIGTERM):
            self.find(Kind.UNWELL, f"the agent ended a clean stop with {status}")

    def freeze(self) -> None:
        """SIGSTOP."""
        if self.bench.running:
            self.patience.excuse()
            self.bench.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        if self.bench.running:
            self.patience.excuse()
            self.bench.signal(signal.SIGCONT)

    def trap(self, kind: str, name: str, away_s: float) -> None:
        """Kill it the next time that this happens: a `call`, a `line` of the log, a `bolt`."""
        self._trap = lambda other, text: other == kind and name in text and self._kill_in(name, away_s)

    def _kill_in(self, name: str, away_s: float) -> bool:
        self.note(f"killed at {name!r}")
        self.kill(away_s)
        return True

    def disarm(self) -> None:
        """Nothing kills it any more."""
        self._trap = None

    def _spring(self, kind: str, text: str) -> None:
        trap = self._trap
        if trap and trap(kind, text):
            self._trap = None

    # What can be done around it.

    def set_standing(self, card: str, standing: Standing) -> None:
        """What a card counts as at the supplier."""
        self.bench.books.set_card(card, standing)

    def close_session(self, session: str) -> None:
        """The supplier's own people end a session."""
        with self.bench.books._lock:
            record = self.bench.books._record.sessions.get(session)
            if record:
                record.stage = "ended"

    def close_refused(self) -> None:
        """What the supplier refused to end stays with an operator: here the supplier's people end it."""
        while self._refused_ends:
            self.close_session(self._refused_ends.pop())

    def raise_in_inbox(self, slot: int, times: int) -> None:
        """The power electronics raise a fault of their own; the message may come several times."""
        self._messages += 1
        code = f"Campaign{self._messages}"
        self._inbox_fault = {"code": code, "title": "Campaign", **({"slotNumber": slot} if slot else {})}
        self.raised.add(code)
        self._raise_again = partial(self._post, "faulted.v1", {"error": self._inbox_fault}, f"{code}-raised")
        for _ in range(times):
            self._raise_again()

    def clear_in_inbox(self) -> None:
        """They clear it; and the message that raised it comes once more, late: it was taken before."""
        error = {**self._inbox_fault, "cleared": True}
        self._post("faulted.v1", {"error": error}, f"{error['code']}-cleared")
        self._raise_again()

    def nonsense_in_inbox(self) -> None:
        """An event that no station supports."""
        self._messages += 1
        kind = f"unheard-of-{self._messages}.v1"
        self.unsupported.add(kind)
        self._post(kind, {}, kind)

    def _post(self, kind: str, data: Mapping[str, Any], event_id: str) -> None:
        event = {"specversion": "1.0", "id": event_id, "source": SOURCE, "type": f"{PREFIX}{kind}", "data": data}
        self.bench.listener.post(f"stations/{self.bench.station}/inbox", json.dumps(event).encode())
        self._posted_at = time.monotonic()

    def quiet_inbox(self) -> None:
        """Wait until the broker has what was posted on its disk."""
        self.wait(lambda: not self.bench.listener.unsent, 5)
        self.until(max(self._posted_at, time.monotonic()) + KEPT_S)

    def state(self) -> Mapping[str, Any] | None:
        """What the agent says of itself; None while it says nothing."""
        try:
            return self.bench.state()
        except (ControlError, StopIteration, OSError):
            return None
