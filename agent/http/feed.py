"""What happens at the station, for whoever looks on, also as server-sent events (HTML standard, section 9.2)."""

import functools
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agent.clock import boottime
from agent.events import rfc3339

BEAT = "beat"
BEAT_S = 5.0
"""How often a reader hears that the server is there."""
BEHIND = 1000
"""How many events a slow reader may be behind before it is hung up on."""
BEHIND_BYTES = 4 * 1024 * 1024
KEPT_NUMBERED = 500
"""How many numbered events are kept for those who come later."""
READERS = 100


class Told:
    """One event: `number` is 0 for one that has none."""

    def __init__(self, event: str, data: Callable[[], Any], number: int = 0) -> None:
        """`data` is called once somebody reads it: of most nobody ever does."""
        self.event = event
        self.number = number
        self._data = data

    @functools.cached_property
    def body(self) -> bytes:
        """Its data as JSON."""
        return msgspec.json.encode(self._data())

    def chunk(self) -> bytes:
        """As server-sent event: JSON has no line ends of its own, so that one line of data does."""
        name = b"id: %d\n" % self.number if self.number else b""
        return b"%sevent: %s\ndata: %s\n\n" % (name, self.event.encode(), self.body)


@dataclass(slots=True, eq=False)
class _Reader:
    """What one reader is still to hear; None: no more. `put` and `taken` are bytes."""

    queue: "queue.SimpleQueue[Told | None]" = field(default_factory=queue.SimpleQueue)
    put: int = 0
    taken: int = 0


class Feed:
    """One queue per reader; `publish` never waits. Any thread.

    The last `KEPT_NUMBERED` numbered events are kept; of the others those that are to be, of each name the latest only.
    """

    def __init__(self, readers: int = READERS, now: Callable[[], float] = time.time) -> None:
        """At most so many `readers` at once; `now` gives Unix seconds."""
        self._most = readers
        self._now = now
        self._lock = threading.Lock()
        self._readers: list[_Reader] = []
        self._latest: dict[str, Any] = {}
        self._numbered: deque[Told] = deque(maxlen=KEPT_NUMBERED)
        self._closed = False

    @property
    def full(self) -> bool:
        """Whether there are as many readers as there may be."""
        with self._lock:
            return len(self._readers) >= self._most

    def publish(self, event: str, data: Any, *, keep: bool = False) -> None:
        """Tell every reader; what is kept is also told to those who come later."""
        with self._lock:
            if keep:
                self._latest[event] = data
            if self._readers:
                self._tell(Told(event, lambda: data))

    def publish_numbered(self, event: str, number: int, data: Callable[[], Any]) -> None:
        """Tell every reader; `number` is more than that of the one before. `data` is called in any thread, or never."""
        told = Told(event, data, number)
        with self._lock:
            self._numbered.append(told)
            self._tell(told)

    def numbered(self) -> list[Told]:
        """The numbered events that are kept, oldest first."""
        with self._lock:
            return list(self._numbered)

    def latest(self, event: str) -> Any:
        """The data of the latest kept event of this name; None before the first."""
        with self._lock:
            return self._latest.get(event)

    def close(self) -> None:
        """Hang up on everybody."""
        with self._lock:
            self._closed = True
            for reader in self._readers:
                reader.queue.put(None)
            self._readers.clear()

    def read(self, stopping: threading.Event, after: int = 0) -> Iterator[bytes]:
        """As `follow`, as server-sent events."""
        for told in self.follow(stopping, after):
            yield told.chunk()

    def follow(self, stopping: threading.Event, after: int = 0) -> Iterator[Told]:
        """What is kept, then every event from now on, and a `beat` every `BEAT_S` seconds.

        `after`: the number of the last event that this reader has seen, 0 for none; one that was never given out is
        another machine's, and counts for none.
        """
        reader = self._join(after)
        beat_at = boottime() + BEAT_S
        try:
            while not stopping.is_set():
                try:
                    told = reader.queue.get(timeout=max(0.0, beat_at - boottime()))
                except queue.Empty:
                    beat_at = boottime() + BEAT_S
                    told = Told(BEAT, lambda: {"time": rfc3339(self._now())})
                    reader.put += len(told.body)
                if told is None:
                    return
                reader.taken += len(told.body)
                yield told
        finally:
            with self._lock:
                self._readers = [other for other in self._readers if other is not reader]

    def _join(self, after: int) -> _Reader:
        reader = _Reader()
        with self._lock:
            newest = self._numbered[-1].number if self._numbered else 0
            kept = [Told(event, functools.partial(_same, data)) for event, data in self._latest.items()]
            kept += [told for told in self._numbered if told.number > after or after > newest]
            for told in kept:
                reader.queue.put(told)
            if self._closed or len(self._readers) >= self._most:
                reader.queue.put(None)
            else:
                self._readers.append(reader)
        return reader

    def _tell(self, told: Told) -> None:
        for reader in list(self._readers):
            reader.put += len(told.body)
            if reader.queue.qsize() < BEHIND and reader.put - reader.taken <= BEHIND_BYTES:
                reader.queue.put(told)
            else:
                self._readers.remove(reader)
                reader.queue.put(None)


def _same(data: Any) -> Any:
    return data
