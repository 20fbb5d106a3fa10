"""One run of a story of the kill matrix: a station that dies where it is told to, and a driver who acts as drivers do.

Whatever kills the agent, the play starts it again and the story goes on. A driver whose tap came to nothing, because
the station died before it was written down or gave back a slot that he had not seen yet, taps again.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support.bench import CALM, CARD, DARK, JITTER, Bench
from support.mqtt import Mosquitto, eventually
from support.view import Owner, Since, view_of

from agent.control import ControlError
from agent.http.messages import Reply, Request
from agent.simulator.supplier import Books
from agent.simulator.supplier_faults import DOWN, LOST, SLOW
from agent.simulator.supplier_server import SupplierServer

PROGRAM = f"""
import random, runpy
# Before anything of the agent is imported: there the draw becomes a default.
random.uniform = lambda low, high: low + (high - low) * {JITTER}
runpy.run_path({str(Path(__file__).with_name("passages.py"))!r}, run_name="__main__")
"""
STEP_S = 30.0
"""How long one step of a story may take, restarts included."""
STEADY_S = 0.2
DYING_S = 2.0
"""How long an agent that dies while it starts may still count as running."""
SLOW_S = 0.5
"""Longer than the first wait of a repeat, and than a busy machine holds up a call."""
AT_WORK = frozenset({"starting", "ending"})
AT_REST = frozenset({"off", "red", "blue"})
DEAD = -9


class LosingSupplier(SupplierServer):
    """Counts the calls that come, and loses the answer of one: done, but the connection breaks."""

    def __init__(self, books: Books, lose: str) -> None:
        super().__init__(books, "127.0.0.1:0")
        self.counting = False
        self.lose = lose
        self._counts: Counter[str] = Counter()
        self._counted = threading.Lock()

    @property
    def came(self) -> list[str]:
        """The calls so far, by name and number."""
        return [f"{name} {number + 1}" for name, times in self._counts.items() for number in range(times)]

    def _handle(self, name: str, request: Request) -> Reply:
        with self._counted:
            self._counts[name] += self.counting
            if self.counting and f"{name} {self._counts[name]}" == self.lose:
                self.inject(LOST, {"calls": [name], "times": 1})
                self.lose = ""
        return super()._handle(name, request)


class Station(Bench):
    """A bench whose agent writes down its passages and dies at one."""

    def __init__(self, folder: Path, mosquitto: Mosquitto, *, lose: str, **options: Any) -> None:
        numbers = count(1)
        super().__init__(folder, mosquitto, new_id=lambda: f"S-{next(numbers):06}", **options)
        self.supplier: LosingSupplier = LosingSupplier(self.books, lose)
        self.program = PROGRAM
        self.environment["PASSAGES"] = str(folder)


class Play:
    """`with Play(...) as play:` a station that is ready; `arm` begins the story proper.

    `strikes` are the passages to die at, one in each life, `lose` the call whose answer is lost; empty: none.
    """

    def __init__(self, folder: Path, *, strikes: Sequence[str] = (), lose: str = "", **options: Any) -> None:
        (folder / "mosquitto").mkdir(parents=True)
        self._broker = Mosquitto(folder / "mosquitto").start()
        self._folder = folder / "bench"
        self._strikes = [strike for strike in strikes if strike]
        self._armed = False
        self.bench = Station(self._folder, self._broker, lose=lose, **{"driver_wait_s": 10.0, **options})
        self.deaths = 0
        self.since = Since(0, 0)

    def __enter__(self) -> Self:
        try:
            self.bench.__enter__()
        except BaseException:
            self._broker.kill()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self.bench.__exit__(kind, error, at)
        finally:
            self._broker.kill()

    # The story.

    def arm(self) -> None:
        """From here on passages count, and the strike falls."""
        self.settle()
        self.bench.away(CARD)
        self.since = Since(len(self.bench.books.view()["calls"]), len(self.bench.lines) - 1)
        self._armed = self.bench.supplier.counting = True
        self._await_strike()

    def _await_strike(self) -> None:
        """Let this life end at its passage, if there is one; only the last life's passages are kept."""
        (self._folder / "passed").write_text("", encoding="utf-8")
        strike = self._strikes[self.deaths] if self.deaths < len(self._strikes) else ""
        (self._folder / "armed").write_text(strike, encoding="utf-8")

    def tap(self, until: Callable[[], bool], card: str = CARD) -> None:
        """A driver taps, and again whenever that came to nothing because the station died."""
        while not self._tapped(until, card):
            pass

    def _tapped(self, until: Callable[[], bool], card: str) -> bool:
        """One tap: whether it came to something; if not, the station has died since and is calm again."""
        before = self.deaths
        calm = self._calm()
        came: list[bool] = []

        def decided() -> bool:
            came[:] = [until()]
            return came[0] or (self.deaths > before and calm())

        self._hold(card)
        self.until(decided)
        return came[0]

    def _hold(self, card: str) -> None:
        """Hold a card to the reader until the station has taken it or died of it."""
        bench = self.bench
        if bench.running:
            self.until(lambda: not bench.running or self._is_away(card), revive=False)
        self.until(lambda: bool(bench.state()))
        since = bench._tapped[card] = len(bench.log)
        bench.world.place(card)
        tapped = f"card ..{card[-4:]} tapped"
        self.until(lambda: not bench.running or any(tapped in line for line in bench.log[since:]), revive=False)
        bench.world.remove(card)

    def _is_away(self, card: str) -> bool:
        bench = self.bench
        return card not in bench._tapped or bench._says_since(card, "left")

    def offline(self) -> None:
        """Nobody reaches the supplier any more."""
        self.bench.supplier.inject(DOWN)

    def online(self) -> None:
        """The supplier is back."""
        self.bench.supplier.clear(DOWN)

    def slow(self, *calls: str) -> None:
        """These calls are answered late: whatever leaves beside them comes before what is behind them."""
        self.bench.supplier.inject(SLOW, {"calls": list(calls), "seconds": SLOW_S})

    def settle(self) -> None:
        """Wait until nobody is owed anything, no light says anything in passing, and the broker's word has come."""
        self.until(self._calm())
        known = len(self.bench.heard("barrier"))
        self.bench.listener.publish(f"stations/{self.bench.station}/barrier", b"")
        self.until(lambda: len(self.bench.heard("barrier")) > known)

    def _calm(self) -> Callable[[], bool]:
        calm = 0

        def is_calm() -> bool:
            nonlocal calm
            calm = calm + 1 if self._rests() else 0
            return calm > CALM

        return is_calm

    def _rests(self) -> bool:
        state = self.bench.state()
        owed = state["owed"]
        settled = owed["supplier"] == owed["broker"] == 0 or DOWN in self.bench.supplier.faults()
        lights = {state["mainLight"], *(slot["light"] for slot in state["slots"])}
        return settled and lights <= AT_REST and not AT_WORK & {slot["status"] for slot in state["slots"]}

    # Waiting, and coming back from the dead.

    def until(self, condition: Callable[[], bool], *, revive: bool = True) -> None:
        """Wait for a condition, starting the agent again when it died; fails with everything known."""
        deadline = time.monotonic() + STEP_S
        while not self.holds(condition):
            if revive and not self.bench.running:
                self._revive()
            if time.monotonic() > deadline:
                raise AssertionError(self.bench.told())
            threading.Event().wait(0.01)

    def holds(self, condition: Callable[[], bool]) -> bool:
        """Whether a condition is true; a dead agent says nothing."""
        try:
            return bool(condition())
        except (ControlError, StopIteration):
            return False

    def _revive(self) -> None:
        assert self._armed, self.bench.told()
        assert self.bench.died() == DEAD, self.bench.told()
        self.deaths += 1
        assert self.deaths <= len(self._strikes), self.bench.told()
        self._await_strike()
        self.bench.world.show([DARK] * len(self.bench.world.snapshot()["strip"]["pixels"]), 0.0)
        try:
            self.bench.start()
        except AssertionError:
            if not eventually(lambda: not self.bench.running, DYING_S):
                raise

    def struck(self) -> None:
        """Every strike has fallen, the last perhaps while the agent stops; after it the station runs again."""
        if self.deaths < len(self._strikes):
            self.bench.stop()
            self._revive()
            self.settle()
        assert self.deaths == len(self._strikes), f"the station died {self.deaths} times"
        assert not self.bench.supplier.lose, f"nobody called {self.bench.supplier.lose}"

    # What is left.

    def view(self, *, moves: bool) -> dict[str, Any]:
        """Everything, as far as it must be the same in every run."""
        return view_of(self.bench, self._owners(), self.since, deaths=self.deaths, moves=moves)

    def steady_view(self, *, moves: bool) -> dict[str, Any]:
        """The view once it has not changed for a moment."""
        seen: list[tuple[float, Mapping[str, Any]]] = []

        def steady() -> bool:
            view = self.view(moves=moves)
            if not seen or seen[-1][1] != view:
                seen.append((time.monotonic(), view))
            return time.monotonic() - seen[-1][0] > STEADY_S

        self.until(steady)
        return dict(seen[-1][1])

    def passed(self) -> list[str]:
        """The passages of the last life, in their order."""
        return (self._folder / "passed").read_text(encoding="utf-8").splitlines()

    def _owners(self) -> dict[str, Owner]:
        """Whose act each key is; a session that got the supplier's name is known by that."""
        lines = (self._folder / "calls").read_text(encoding="utf-8").splitlines()
        calls = [json.loads(line) for line in lines]
        return {call["key"]: Owner(call["card"], call["session"]) for call in calls}
