"""What can go wrong with the simulated supplier, by name and with settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event, Lock
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from agent.clock import boottime

CallName = Literal["ask", "acquire", "leds", "lock", "start", "end", "pay", "unlock", "support"]
Variant = Literal["not-json", "too-long", "wrong-card", "foreign-slot", "redirect", "text-no-slots"]
Seconds = Annotated[float, Meta(ge=0, le=3600)]

DOWN = "supplier-down"
SLOW = "supplier-slow"
ERRORS = "supplier-errors"
LOST = "supplier-lost-answers"
MALFORMED = "malformed"
TRICKLE = "trickle"


class FaultError(Exception):
    """There is no such fault, or not with these settings; the message says what there is."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a fault: none."""


class Passing(Fault, frozen=True, kw_only=True):
    """Settings of a fault of single calls: which it meets (none named: all), how many of them, and for how long."""

    calls: frozenset[CallName] = frozenset()
    times: Annotated[int, Meta(ge=1)] | None = None
    lasting_s: Seconds | None = None


class Slow(Passing, frozen=True, kw_only=True):
    """Done at once, but answered `seconds` later."""

    seconds: Seconds = 5.0


class Errors(Passing, frozen=True, kw_only=True):
    """Not done, and answered with this status."""

    status: Annotated[int, Meta(ge=500, le=599)] = 503
    retry_after_s: Annotated[int, Meta(ge=0)] | None = None


class Refusal(Passing, frozen=True, kw_only=True):
    """One kind of call is refused with this status."""

    status: Annotated[int, Meta(ge=400, le=499)] = 409


class PayRefusal(Refusal, frozen=True, kw_only=True):
    """The card cannot pay."""

    status: Annotated[int, Meta(ge=400, le=499)] = 402


class Malformed(Passing, frozen=True, kw_only=True):
    """Done (but for a redirect and `text-no-slots`), and answered with something that cannot be used."""

    variant: Variant = "not-json"


class Trickle(Passing, frozen=True, kw_only=True):
    """Done, and answered byte by byte."""

    interval_s: Seconds = 0.1


KINDS: Mapping[str, type[Fault]] = {
    DOWN: Fault,
    SLOW: Slow,
    ERRORS: Errors,
    LOST: Passing,
    "start-refused": Refusal,
    "end-refused": Refusal,
    "pay-refused": PayRefusal,
    MALFORMED: Malformed,
    TRICKLE: Trickle,
}


@dataclass(slots=True)
class _Active:
    """A fault there is now, until then (CLOCK_BOOTTIME seconds), for that many calls more."""

    fault: Fault
    until: float = float("inf")
    left: float = float("inf")

    def over(self) -> bool:
        return self.left <= 0 or boottime() >= self.until


class Faults:
    """The faults there are now; from any number of threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._active: dict[str, _Active] = {}
        self._waiting: set[Event] = set()
        self._answers_after_s = 0.0
        self._closed = False

    def set(self, name: str, settings: Mapping[str, Any]) -> None:
        """Let it go wrong from now on. Raises FaultError."""
        try:
            fault = msgspec.convert(settings, _kind(name))
        except msgspec.ValidationError as error:
            raise FaultError(f"The fault {name!r} cannot be set like this: {error}.") from error
        active = _Active(fault)
        if isinstance(fault, Passing) and fault.lasting_s is not None:
            active.until = boottime() + fault.lasting_s
        if isinstance(fault, Passing) and fault.times is not None:
            active.left = fault.times
        with self._lock:
            self._active[name] = active

    def clear(self, name: str) -> None:
        """Let it be well again; that there is no such fault now is well too. Raises FaultError for an unknown name."""
        _kind(name)
        with self._lock:
            self._active.pop(name, None)
            if name == SLOW:
                self._hurry()

    def names(self) -> list[str]:
        """What is wrong now."""
        with self._lock:
            return [name for name, active in self._active.items() if not active.over()]

    def take(self, name: str, call: str) -> Fault | None:
        """The fault, if it meets this call; that uses up one of its times."""
        with self._lock:
            active = self._active.get(name)
            if active is None or active.over():
                return None
            if isinstance(active.fault, Passing) and active.fault.calls and call not in active.fault.calls:
                return None
            active.left -= 1
            return active.fault

    def answer_after(self, seconds: float) -> None:
        """Every answer waits so long from now on; those that wait now are answered."""
        with self._lock:
            self._answers_after_s = seconds
            self._hurry()

    def delay(self, seconds: float) -> None:
        """Wait as a slow supplier, but not longer than it is slow and open."""
        self._wait(lambda: seconds if SLOW in self._active else 0.0)

    def pace(self) -> None:
        """Wait as long as every answer does now."""
        self._wait(lambda: self._answers_after_s)

    def _wait(self, wanted: Callable[[], float]) -> None:
        over = Event()
        with self._lock:
            seconds = wanted()
            if self._closed or not seconds:
                return
            self._waiting.add(over)
        over.wait(seconds)
        with self._lock:
            self._waiting.discard(over)

    def open(self) -> None:
        """Delays are waited for again."""
        with self._lock:
            self._closed = False

    def close(self) -> None:
        """End all delays, and let nobody wait any more."""
        with self._lock:
            self._closed = True
            self._hurry()

    def _hurry(self) -> None:
        for over in self._waiting:
            over.set()


def _kind(name: str) -> type[Fault]:
    if name not in KINDS:
        raise FaultError(f"There is no fault {name!r} of the supplier; there are {', '.join(KINDS)}.")
    return KINDS[name]
