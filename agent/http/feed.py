"""What happens at the station, as server-sent events for whoever looks on (HTML standard, section 9.2)."""

import json
import queue
import threading
from collections.abc import Iterator
from typing import Any

KEEP_ALIVE_S = 15.0
BEHIND = 1000
"""How many events a slow reader may be behind before it is hung up on."""

Reader = queue.SimpleQueue[bytes | None]
"""Chunks for one reader; None: no more."""


class Feed:
    """One queue per reader; `publish` never waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers: list[Reader] = []
        self._latest: dict[str, bytes] = {}
        self._closed = False

    def publish(self, event: str, data: Any, *, keep: bool = False) -> None:
        """Tell every reader; what is kept is also told to those who come later."""
        chunk = f"event: {event}\ndata: {json.dumps(data)}\n\n".encode()
        with self._lock:
            if keep:
                self._latest[event] = chunk
            for reader in list(self._readers):
                self._put(reader, chunk)

    def _put(self, reader: Reader, chunk: bytes) -> None:
        if reader.qsize() < BEHIND:
            reader.put(chunk)
        else:
            self._readers.remove(reader)
            reader.put(None)

    def close(self) -> None:
        """Hang up on everybody."""
        with self._lock:
            self._closed = True
            for reader in self._readers:
                reader.put(None)
            self._readers.clear()

    def read(self, stopping: threading.Event) -> Iterator[bytes]:
        """The latest of what is kept, then every event from now on, and a comment when nothing happens for a while."""
        reader = self._join()
        try:
            while not stopping.is_set():
                chunk = _next(reader)
                if chunk is None:
                    return
                yield chunk
        finally:
            with self._lock:
                self._readers = [other for other in self._readers if other is not reader]

    def _join(self) -> Reader:
        reader: Reader = queue.SimpleQueue()
        with self._lock:
            for chunk in self._latest.values():
                reader.put(chunk)
            if self._closed:
                reader.put(None)
            else:
                self._readers.append(reader)
        return reader


def _next(reader: Reader) -> bytes | None:
    try:
        return reader.get(timeout=KEEP_ALIVE_S)
    except queue.Empty:
        return b": nothing happens\n\n"
