"""The agent's own word on the station, through as many lives as it has."""

import threading
from pathlib import Path

import pytest
from support.mqtt import eventually

from agent.control import Control, Notice
from agent.http.feed import Feed
from agent.simulator.follower import AgentNotReady, Follower, await_agent


def control(folder: Path, notice: Notice, *, broker: bool = True) -> Control:
    made = Control(folder, lambda: {"broker": {"reachable": broker}}, notice, lambda *_: {})
    made.start()
    return made


def test_every_change_is_passed_on_through_all_lives_of_the_agent(tmp_path: Path) -> None:
    feed = Feed()
    feed.publish("line", "first", keep=True)
    chunks = feed.read(threading.Event())
    next(chunks)
    follower = Follower(tmp_path, feed)
    follower.start()
    for life in (1, 2):
        notice = Notice()
        agent = control(tmp_path, notice)
        notice.post({"life": life})
        assert next(chunks) == f'event: state\ndata: {{"life": {life}}}\n\n'.encode()
        agent.stop()
    follower.stop()
    assert not any(thread.name == "state-follower" for thread in threading.enumerate())


def test_an_agent_is_ready_when_it_answers_and_has_its_broker(tmp_path: Path) -> None:
    ready: list[bool] = []
    waiting = threading.Thread(target=lambda: ready.append(await_agent(tmp_path, threading.Event())))
    waiting.start()
    early = control(tmp_path, Notice(), broker=False)
    assert not eventually(lambda: bool(ready), 0.2)
    early.stop()
    agent = control(tmp_path, Notice())
    waiting.join(5)
    assert ready == [True]
    agent.stop()


def test_nobody_waits_longer_than_asked(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    assert await_agent(tmp_path, stop) is False


def test_an_agent_that_does_not_come_up_is_told(tmp_path: Path) -> None:
    moments = iter([0.0, 1.0, 31.0])
    with pytest.raises(AgentNotReady, match="not ready within 30 s"):
        await_agent(tmp_path, threading.Event(), clock=lambda: next(moments))
