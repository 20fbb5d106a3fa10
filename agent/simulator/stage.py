"""What the station page of a simulated station shows: the agent's own word, and what only its world can know.

The agent dies and comes back; its steps are numbered anew here, so that one conversation goes on over all its lives.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from agent.clock import Clock, boottime
from agent.events import rfc3339
from agent.http.feed import KEPT_NUMBERED, Feed
from agent.web.colours import colours
from agent.web.steps import STEP

KEPT = frozenset({"state", "history"})
"""The agent's events of which the latest is kept."""
OURS = frozenset({"lights", "beat"})
"""The agent's events that the world tells itself: its strip outlives the agent."""


class Stage:
    """Puts everything into `feed`; any thread. `segments` has the first and last pixel of each light."""

    def __init__(self, feed: Feed, segments: Mapping[str, tuple[int, int]], clock: Clock) -> None:
        self._feed = feed
        self._segments = segments
        self._clock = clock
        self._lock = threading.Lock()
        self._number = int(boottime() * 1000)  # more than any that a page has seen of a simulation before
        self._numbers: dict[int, int] = {}
        self._last = 0
        self._pid: int | None = None
        self._strip: object = None

    def agent_told(self, event: str, data: Any) -> None:
        """The agent tells a page something."""
        if event == STEP:
            self._agents_step(data)
        elif event not in OURS:
            self._feed.publish(event, data, keep=event in KEPT)

    def agent_answers(self, answers: bool) -> None:
        """Whether the agent can be asked anything."""
        with self._lock:
            self._feed.publish("agent", {"alive": answers, "pid": self._pid}, keep=True)

    def agent_lived(self, pid: int | None, what: str) -> None:
        """The agent was started, as process `pid`, or has died (None)."""
        with self._lock:
            self._pid = pid
            self._feed.publish("agent", {"alive": False, "pid": pid}, keep=True)
        now = self._clock.now()
        own = {"visit": None, "at": rfc3339(now.wall), "t": now.boottime, "from": "station", "to": "station"}
        own |= {"kind": "agent", "title": what, "slot": None, "ok": pid is not None, "ms": None, "re": None}
        with self._lock:
            self._tell({**own, "detail": {"pid": pid}})

    def _agents_step(self, step: Mapping[str, Any]) -> None:
        """Its numbers grow over all its lives, so that one which is told once more is known."""
        with self._lock:
            if step["id"] <= self._last:
                return
            self._last = step["id"]
            self._numbers[step["id"]] = self._number + 1
            if len(self._numbers) > KEPT_NUMBERED:
                del self._numbers[next(iter(self._numbers))]
            self._tell({**step, "re": self._numbers.get(step["re"])})

    def _tell(self, step: Mapping[str, Any]) -> None:
        self._number += 1
        told = {**step, "id": self._number}
        self._feed.publish_numbered(STEP, self._number, lambda: told)

    def switched(self, faults: Mapping[str, bool]) -> None:
        """Something was broken or mended."""
        self._feed.publish("switches", faults, keep=True)

    def world_changed(self, snapshot: Mapping[str, Any]) -> None:
        """The world is another now."""
        self._feed.publish("world", snapshot, keep=True)
        pixels = snapshot["strip"]["pixels"]
        if pixels != self._strip:
            self._strip = pixels
            self._feed.publish("lights", colours(pixels, self._segments), keep=True)


class Slowly:
    """Tells the same thing at most every `pause_s` seconds, however often it changes. Thread `supplier-teller`."""

    def __init__(self, tell: Callable[[], None], pause_s: float) -> None:
        self._tell = tell
        self._pause_s = pause_s
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supplier-teller", daemon=True)

    def start(self) -> None:
        """Begin, and tell for the first time."""
        self._changed.set()
        self._thread.start()

    def changed(self) -> None:
        """It changed. Any thread."""
        self._changed.set()

    def stop(self) -> None:
        """Tell no more. Idempotent."""
        self._stopping.set()
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while self._changed.wait() and not self._stopping.wait(self._pause_s):
            self._changed.clear()
            self._tell()
