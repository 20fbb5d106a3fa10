"""When the state of the station is told, and how often."""

import json
import math
import threading
from collections.abc import Mapping
from typing import Any

from agent.clock import At
from agent.control import Notice
from agent.effects import Effects, Event
from agent.facts import Restarted
from agent.state import Station
from agent.teller import LATEST_S, SETTLE_S, Teller


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


NOTHING = Station(slots={})
RESTARTED = Restarted(at=At("boot", 100.0, 0.0), id="F-1")


class Bench:
    """A teller, what it tells, and time that passes only here."""

    def __init__(self) -> None:
        self.now = 100.0
        self.state: dict[str, Any] = {"time": "1", "slots": (1, 2)}
        self.told: list[Mapping[str, Any]] = []
        self.said: list[Mapping[str, Any]] = []
        self.notice = Notice()
        self.teller = Teller(
            lambda: self.state,
            self.notice,
            lambda payload: self.told.append(json.loads(payload)),
            self.said.append,
            clock=lambda: self.now,
        )

    def happens(self, **state: Any) -> None:
        self.teller.changing()
        self.state.update(state)
        self.teller.settle()

    def passes(self, seconds: float) -> None:
        """Time alone, as main waits for it."""
        self.now += seconds
        self.teller.changing()
        self.teller.settle()


def test_a_change_is_told_once_but_not_the_time() -> None:
    bench = Bench()
    bench.teller.tell()
    bench.state["time"] = "2"
    bench.teller.tell()
    assert bench.told == [{"time": "1", "slots": [1, 2]}]
    assert as_json(bench.teller.latest()) == bench.told[0]
    bench.state["slots"] = (3,)
    bench.teller.tell()
    assert bench.told[1:] == [{"time": "2", "slots": [3]}]
    assert bench.told == as_json(bench.said)
    assert as_json(next(bench.notice.follow(lambda: True))) == bench.told[1]


def test_of_what_follows_at_once_only_the_last_is_told() -> None:
    bench = Bench()
    bench.teller.tell()
    for slot in (3, 4, 5):
        bench.happens(slots=(slot,))
        bench.now += SETTLE_S / 2
    assert len(bench.told) == 1
    assert 0 < bench.teller.wait_s() <= SETTLE_S / 2
    bench.passes(bench.teller.wait_s())
    assert bench.told[1:] == [{"time": "1", "slots": [5]}]
    assert bench.teller.wait_s() == math.inf, "it woke main once, and not again"


def test_a_station_that_never_rests_is_told_of_all_the_same() -> None:
    bench = Bench()
    for slot in range(100):
        bench.happens(slots=(slot,))
        bench.now += SETTLE_S / 4
    assert 4 <= len(bench.told) <= 100 * SETTLE_S / 4 / LATEST_S


def test_whoever_hears_of_an_event_finds_the_state_told() -> None:
    bench = Bench()
    bench.teller.tell()
    bench.teller.changing()
    bench.state["slots"] = (3,)
    event = Event(name="session-started", data={}, id="E-1", slot=1)
    bench.teller.heed(RESTARTED, NOTHING, NOTHING, Effects(events=(event,)))
    bench.teller.settle()
    assert bench.told[1:] == [{"time": "1", "slots": [3]}]
    bench.teller.changing()
    bench.state["slots"] = (4,)
    bench.teller.heed(RESTARTED, NOTHING, NOTHING, Effects())
    bench.teller.settle()
    assert len(bench.told) == 2


class Asked:
    """Somebody who asks amid a change, in a thread of his own."""

    def __init__(self, bench: Bench) -> None:
        bench.teller.tell()
        bench.happens(slots=(7,))
        self.told: list[Mapping[str, Any]] = []
        self._thread = threading.Thread(target=lambda: self.told.append(bench.teller.latest()), name="caller")
        self._thread.start()

    def slots(self) -> Any:
        self._thread.join(5)
        return self.told[0]["slots"]


def test_who_asks_amid_a_change_is_told_what_comes_of_it() -> None:
    bench = Bench()
    asked = Asked(bench)
    bench.passes(SETTLE_S)
    assert asked.slots() == (7,)


def test_who_asks_waits_no_longer_than_a_change_may_take() -> None:
    assert Asked(Bench()).slots() == (1, 2), "main hangs, and whoever asks why is answered"
