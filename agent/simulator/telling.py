"""What happens, as lines that a newcomer can read: on standard error, and in the feed."""

import contextlib
import re
import sys
import threading
import time
from collections.abc import Callable

import msgspec

from agent.http.feed import Feed
from agent.report import masked
from agent.simulator.records import Entry

LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d (\d\d:\d\d:\d\d),\d{3} ([A-Z]+) [^:]+: (.*)")
"""A line of the agent's log (`agent/logs.py`): time, level, text."""


class Telling:
    """Prints one line a fact; its methods may be called from any thread. `now` gives Unix seconds."""

    def __init__(self, feed: Feed, now: Callable[[], float] = time.time) -> None:
        self._feed = feed
        self._now = now
        self._lock = threading.Lock()

    def said(self, text: str) -> None:
        """Something happened now."""
        self._print(f"{time.strftime('%H:%M:%S', time.localtime(self._now()))} {text}")

    def logged(self, line: str) -> None:
        """The agent logged a line, which has its own time."""
        found = LOG_LINE.fullmatch(line)
        if found is None:
            self.said(line)
            return
        moment, level, text = found.groups()
        self._print(f"{moment} {text if level == 'INFO' else f'{level.lower()}: {text}'}")

    def called(self, entry: Entry) -> None:
        """The supplier answered a call."""
        path = entry.path.replace(entry.card, masked(entry.card)) if entry.card else entry.path
        notes = " (a repeat)" * entry.repeat + " (the answer is lost)" * (not entry.answered)
        self.said(f"supplier: {entry.method} {path} -> {entry.status}{notes}")
        self._feed.publish("call", msgspec.to_builtins(entry))

    def _print(self, line: str) -> None:
        # Whoever reads the lines may have gone (`simulate 2>&1 | head`); the station goes on.
        with self._lock, contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
        self._feed.publish("line", line)
