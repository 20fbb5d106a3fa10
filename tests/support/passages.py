"""The agent as the kill matrix runs it: it writes down each passage that matters, and dies at the one it was told.

No module of the tests but the program of the agent's process (`run_path`), so the product has no hooks. What is told,
with a number from the second time on:

    before commit of CardTapped, after ...    a write to the journal that writes, by the fact that wanted it
    before ask, after ask: Delivered          the question for the active session; " again" when it is repeated
    before call lock, after ...: Delivered    an act at the supplier; " again" when it is repeated under its key
    before bolt 1 locked, after ...           a lock is driven
    bolt 1 at the end of move N               its move is over
    before event session-started, after ...   an event goes to the broker

Nothing counts before the file `armed` is in the folder `PASSAGES`; what it holds is the passage to die at, if any.
"""

import json
import os
import runpy
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client

import agent.face
import agent.keeping
import hardware.board
from agent.effects import Act, ActName
from agent.face import SIGNALS
from agent.journal import Journal
from agent.road import Road
from agent.supplier import Supplier
from hardware.lock_keeper import LockKeeper

PASSING_S = 0.3
"""How long lights say something in passing here."""
NEVER_S = 3600.0
FOLDER = Path(os.environ["PASSAGES"])


class Passages:
    """What was passed in this life, each passage once."""

    def __init__(self, folder: Path) -> None:
        self._armed = folder / "armed"
        self._log = os.open(folder / "passed", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._calls = os.open(folder / "calls", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._lock = threading.Lock()
        self._passed: set[str] = set()
        self._counts: dict[str, int] = {}
        self._keys: dict[str, list[str]] = {}
        self._attempts: dict[str, int] = {}

    @property
    def armed(self) -> bool:
        """Whether passages count."""
        return self._armed.exists()

    def count(self, name: str) -> str:
        """The name, and from the second time on how often it came."""
        with self._lock:
            self._counts[name] = self._counts.get(name, 0) + 1
            return numbered(name, self._counts[name])

    def attempt(self, name: str, key: str) -> str:
        """The name of an attempt: the second act of a name has a number; a repeat of the same act says so."""
        with self._lock:
            keys = self._keys.setdefault(name, [])
            if key not in keys:
                keys.append(key)
            self._attempts[key] = self._attempts.get(key, 0) + 1
            return numbered(name, keys.index(key) + 1) + (" again" if self._attempts[key] > 1 else "")

    def passed(self, label: str) -> None:
        """Write a passage down, and die if it is the one. A third attempt passes where the second did."""
        with self._lock:
            if not self.armed or label in self._passed:
                return
            self._passed.add(label)
            os.write(self._log, f"{label}\n".encode())
            if label == self._armed.read_text(encoding="utf-8"):
                os.kill(os.getpid(), signal.SIGKILL)

    def called(self, act: Act) -> None:
        """Write down whose act a key is: the paths of some calls do not say so."""
        told = json.dumps({"key": act.key, "card": act.card, "session": act.session})
        os.write(self._calls, f"{told}\n".encode())


def numbered(name: str, number: int) -> str:
    """A name, and its number unless that is 1."""
    return name if number == 1 else f"{name} {number}"


PASSAGES = Passages(FOLDER)


def around(name: str, do: Callable[[], Any]) -> Any:
    """Do something between two passages."""
    if not PASSAGES.armed:
        return do()
    name = PASSAGES.count(name)
    PASSAGES.passed(f"before {name}")
    done = do()
    PASSAGES.passed(f"after {name}")
    return done


def exchange(name: str, key: str, do: Callable[[], Any]) -> Any:
    """An exchange with the supplier, between two passages; the second says what came of it."""
    if not PASSAGES.armed:
        return do()
    name = PASSAGES.attempt(name, key)
    PASSAGES.passed(f"before {name}")
    outcome = do()
    PASSAGES.passed(f"after {name}: {type(outcome).__name__}")
    return outcome


def watch_journal() -> None:
    """Each commit that writes, under the name of the last fact in it."""
    stage, commit, flush = Journal.stage, Journal.commit, Road.flush
    staged: dict[str, str] = {}

    def staging(journal: Journal, writing: Any) -> None:
        act = getattr(writing.fact, "act", None)
        staged["last"] = f"{type(writing.fact).__name__}{f' {act.name}' if act else ''}"
        stage(journal, writing)

    def committing(journal: Journal, **how: bool) -> None:
        if journal.staged:
            around(f"commit of {staged.get('flush') or staged.get('last')}", lambda: commit(journal, **how))
        else:
            commit(journal, **how)

    def flushing(road: Road) -> bool:
        staged["flush"] = "what is left"
        try:
            return flush(road)
        finally:
            del staged["flush"]

    Journal.stage, Journal.commit, Road.flush = staging, committing, flushing  # type: ignore[method-assign]


def watch_supplier() -> None:
    """Each question and each act."""
    ask, deliver = Supplier.ask, Supplier.deliver
    questions: dict[str, int] = {}

    def asking(supplier: Supplier, card: str) -> Any:
        outcome = exchange("ask", f"{card}/{questions.get(card, 0)}", lambda: ask(supplier, card))
        if type(outcome).__name__ != "Undelivered":
            questions[card] = questions.get(card, 0) + 1
        return outcome

    def delivering(supplier: Supplier, act: Act, *, repeated: bool) -> Any:
        PASSAGES.called(act)
        light = f" {act.light} {act.body['action']}" if act.name is ActName.LEDS else ""
        return exchange(f"call {act.name}{light}", act.key, lambda: deliver(supplier, act, repeated=repeated))

    Supplier.ask, Supplier.deliver = asking, delivering  # type: ignore[method-assign]


class WatchedLock:
    """A lock, of whatever kind, whose moves are passages."""

    def __init__(self, number: int, lock: Any) -> None:
        self._number = number
        self._lock = lock

    def drive(self, position: Any) -> None:
        """See parts.Lock."""
        around(f"bolt {self._number} {position}", lambda: self._lock.drive(position))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lock, name)


def watch_locks() -> None:
    """Each time a lock is driven, and each time its keeper says that a move is over."""
    open_lock, init = hardware.board.open_lock, LockKeeper.__init__  # type: ignore[attr-defined]

    def opening(slot: Any, pins: Any, position: Any, **named: Any) -> Any:
        return WatchedLock(slot.number, open_lock(slot, pins, position, **named))

    def keeping(keeper: LockKeeper, locks: Any, attempts: Mapping[int, int], settled: Any, *rest: Any) -> None:
        def over(slot: int, move: int, position: Any) -> None:
            if PASSAGES.armed:
                PASSAGES.passed(PASSAGES.count(f"bolt {slot} at the end of a move"))
            settled(slot, move, position)

        init(keeper, locks, attempts, over, *rest)

    hardware.board.open_lock = opening  # type: ignore[attr-defined]
    LockKeeper.__init__ = keeping  # type: ignore[assignment, method-assign]


def watch_broker() -> None:
    """Each event that goes out."""
    publish = Client.publish

    def publishing(client: Client, topic: str, *rest: Any, **named: Any) -> Any:
        _, _, event = topic.partition("/events/")
        if not event:
            return publish(client, topic, *rest, **named)
        return around(f"event {event}", lambda: publish(client, topic, *rest, **named))

    Client.publish = publishing  # type: ignore[assignment, method-assign]


def hurry() -> None:
    """Passing lights, which only cost time, are short; marks that wait for a commit wait for the stop."""
    assert hasattr(agent.face, "ENDED_S")
    assert hasattr(agent.keeping, "FLUSH_S")
    agent.face.ENDED_S = PASSING_S
    agent.keeping.FLUSH_S = NEVER_S
    for signal_, (colours, rhythm, _) in list(SIGNALS.items()):
        SIGNALS[signal_] = (colours, rhythm, PASSING_S)  # type: ignore[index]


if __name__ == "__main__":
    hurry()
    watch_journal()
    watch_supplier()
    watch_locks()
    watch_broker()
    runpy.run_module("agent", run_name="__main__", alter_sys=True)
