"""The state of the whole station, told to the broker and whoever watches as it changes."""

import math
import threading
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from agent.clock import boottime
from agent.control import Notice
from agent.effects import Effects
from agent.facts import Fact
from agent.state import Station

SETTLE_S = 0.02
"""How long nothing more may happen before a change is told: of what follows at once only the last state matters."""
LATEST_S = 0.1
"""How soon it is told although more and more happens."""


class Teller:
    """Tells when the state has changed in anything but the time. `latest` is for any thread, all else for `main`."""

    def __init__(
        self,
        status: Callable[[], Mapping[str, Any]],
        notice: Notice,
        publish: Callable[[bytes], None],
        *say: Callable[[Mapping[str, Any]], None],
        clock: Callable[[], float] = boottime,
    ) -> None:
        """`publish` gets the state as JSON, whoever is to `say` it in its own shape."""
        self._say = say
        self._status = status
        self._notice = notice
        self._publish = publish
        self._clock = clock
        self._told: Mapping[str, Any] = {}
        self._first = self._due = math.inf
        self._settled = threading.Event()

    def changing(self) -> None:
        """Something happens, unless it is only that a change is due to be told."""
        now = self._clock()
        if now < self._due:
            self._settled.clear()
            self._first = min(now, self._first)
            self._due = min(now + SETTLE_S, self._first + LATEST_S)

    def heed(self, _fact: Fact, _before: Station, _after: Station, effects: Effects) -> None:
        """Tell with the next `settle` where a fact says something to others: whoever hears of it may look at once."""
        if effects.is_told:
            self._due = -math.inf

    def wait_s(self) -> float:
        """Seconds until `settle` has something to do; infinite if nothing has happened."""
        return max(0.0, self._due - self._clock())

    def settle(self) -> None:
        """Tell what is due."""
        if self._clock() >= self._due:
            self.tell()

    def tell(self) -> None:
        """Tell now, once, if anything changed."""
        self._first = self._due = math.inf
        latest = dict(self._status())
        if {**latest, "time": ""} != {**self._told, "time": ""}:
            self._told = latest
            self._publish(msgspec.json.encode(latest))
            shown = msgspec.to_builtins(latest)
            self._notice.post(shown)
            for say in self._say:
                say(shown)
        self._settled.set()

    def latest(self) -> Mapping[str, Any]:
        """What was told last; amid a change, once that is told."""
        self._settled.wait(2 * LATEST_S)
        return msgspec.to_builtins(self._told)  # type: ignore[no-any-return]
