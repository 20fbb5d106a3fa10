"""The small parts of the agent's life; the whole of it is proven in tests/station."""

import math

from agent.clock import Clock
from agent.daemon import Stopped, loop, read
from agent.facts import Fact, Restarted
from agent.happenings import Facts
from agent.heartbeats import Heart, Hearts
from agent.threads import Crew


class Told:
    """A teller with nothing to tell, which says when it was asked."""

    def __init__(self, done: list[str]) -> None:
        self._done = done

    def wait_s(self) -> float:
        return math.inf

    def changing(self) -> None:
        self._done.append("changing")

    def settle(self) -> None:
        self._done.append("settle")

    def tell(self) -> None:
        self._done.append("tell")


class Recorder:
    """A road that only remembers; its second tick ends the loop."""

    def __init__(self, stopped: Stopped) -> None:
        self.done: list[str] = []
        self._stopped = stopped

    def wait_s(self) -> float:
        return 0.01

    def take(self, fact: Fact) -> None:
        self.done.append(type(fact).__name__)

    def tick(self) -> None:
        self.done.append("tick")
        if self.done.count("tick") == 2:
            self._stopped.ask()


def test_the_loop_takes_facts_and_lets_time_act_until_a_signal() -> None:
    facts = Facts(Clock())
    stopped = Stopped(facts, lambda: None)
    road = Recorder(stopped)
    facts.happen(Restarted)
    heart = Heart("MainThread")
    loop(road, facts, stopped, Told(road.done), heart)  # type: ignore[arg-type]
    assert road.done == ["changing", "Restarted", "tick", "settle", "changing", "tick", "settle", "tell"]
    assert stopped.status == 0


def test_a_lost_world_ends_the_agent_with_an_error() -> None:
    facts = Facts(Clock())
    stopped = Stopped(facts, lambda: None)
    stopped.world_lost()
    assert (stopped.asked, stopped.status) == (True, 1)


class Watch:
    """A reader that looks once and is then asked again in a minute."""

    def __init__(self) -> None:
        self.looks = 0

    def step(self) -> float:
        self.looks += 1
        return 60.0


class Reading:
    """As much of the rooms as the reader's thread needs."""

    def __init__(self) -> None:
        self.reader = Watch()
        self.hearts = Hearts()


def test_the_reader_has_looked_before_the_station_is_ready() -> None:
    rooms = Reading()
    with Crew() as crew:
        read(rooms, crew)  # type: ignore[arg-type]
        assert rooms.reader.looks == 1
