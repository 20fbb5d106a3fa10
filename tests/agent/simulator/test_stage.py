"""What the page of a simulated station shows, over the lives of its agent."""

import threading
from typing import Any

import msgspec
import pytest
from support.bench_config import wiring
from support.mqtt import eventually

from agent.clock import Clock
from agent.http.feed import Feed
from agent.simulator.stage import Slowly, Stage
from hardware.emulated.world import World
from hardware.lights import segments_of


class Shown:
    def __init__(self) -> None:
        self.feed = Feed()
        self.stage = Stage(self.feed, segments_of(wiring()), Clock())

    @property
    def steps(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(told.body) for told in self.feed.numbered()]


@pytest.fixture
def shown() -> Shown:
    return Shown()


def test_steps_are_numbered_anew_and_still_name_what_they_answer(shown: Shown) -> None:
    shown.stage.agent_lived(7, "the agent was started, process 7")
    for number, answers in ((501, None), (502, 501), (503, 44)):
        shown.stage.agent_told("step", {"id": number, "re": answers, "title": str(number)})
    shown.stage.agent_lived(None, "the agent has died (SIGKILL)")
    started, call, answer, late, died = shown.steps
    assert [step["id"] - started["id"] for step in shown.steps] == [0, 1, 2, 3, 4]
    assert (call["re"], answer["re"], late["re"]) == (None, call["id"], None)
    assert (started["kind"], started["ok"], died["ok"]) == ("agent", True, False)
    assert set(started) >= {"id", "visit", "at", "t", "from", "to", "kind", "title", "slot", "ok", "ms", "re", "detail"}


def test_what_is_told_once_more_is_known(shown: Shown) -> None:
    for number in (501, 502, 501, 502, 503):
        shown.stage.agent_told("step", {"id": number, "re": None})
    assert len(shown.steps) == 3


def test_only_so_many_numbers_are_remembered(shown: Shown) -> None:
    for number in range(1, 1202):
        shown.stage.agent_told("step", {"id": number, "re": number - 1})
    assert len(shown.stage._numbers) == 500
    assert shown.steps[-1]["re"] == shown.steps[-2]["id"]


def test_the_agent_is_alive_once_it_answers(shown: Shown) -> None:
    shown.stage.agent_lived(7, "started")
    assert shown.feed.latest("agent") == {"alive": False, "pid": 7}
    shown.stage.agent_answers(True)
    assert shown.feed.latest("agent") == {"alive": True, "pid": 7}
    shown.stage.agent_answers(False)
    shown.stage.agent_lived(None, "died")
    assert shown.feed.latest("agent") == {"alive": False, "pid": None}


def test_the_lights_are_those_of_the_worlds_strip(shown: Shown) -> None:
    world = World(wiring())
    told: list[object] = []
    world.subscribe(shown.stage.world_changed)
    shown.feed.publish("lights", "none yet", keep=True)
    shown.stage.agent_told("lights", "the agent's own")
    assert shown.feed.latest("lights") == "none yet"
    world.show([(0, 0, 0)] * 8 + [(0, 0, 255)] * 8 + [(1, 2, 3)] * 8, at=1.0)
    lights = shown.feed.latest("lights")
    assert lights == {"main": ["#000000"] * 8, "1": ["#0000ff"] * 8, "2": ["#010203"] * 8}
    shown.feed.publish("lights", told, keep=True)
    world.place("04A1B2C3D4E5F6")
    assert shown.feed.latest("lights") is told, "told on change only"
    assert shown.feed.latest("world")["cards"] == ["04A1B2C3D4E5F6"]


def test_what_changes_often_is_told_slowly_and_to_the_last() -> None:
    told: list[int] = []
    value = [0]
    gate = threading.Event()

    def tell() -> None:
        gate.wait(5)
        told.append(value[0])

    slowly = Slowly(tell, 0.001)
    slowly.start()
    for number in range(1, 50):
        value[0] = number
        slowly.changed()
    gate.set()
    assert eventually(lambda: told[-1:] == [49], 5)
    assert len(told) < 10
    slowly.stop()
    slowly.stop()
    slowly.changed()
    assert not any(thread.name == "supplier-teller" for thread in threading.enumerate())
