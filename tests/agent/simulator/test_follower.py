"""The agent's own word on the station, through as many lives as it has."""

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.mqtt import eventually

from agent.control import Control, Notice
from agent.http.feed import Feed
from agent.simulator.follower import AgentNotReady, Follower, await_agent


def control(folder: Path, *, broker: bool = True, feed: Feed | None = None) -> Control:
    def page(is_there: Callable[[], bool]) -> Iterator[Mapping[str, Any]]:
        assert feed is not None
        for told in feed.follow(threading.Event()):
            if is_there():
                yield {"event": told.event, "data": msgspec.json.decode(told.body)}

    made = Control(folder, lambda: {"broker": {"reachable": broker}}, Notice(), lambda *_: {}, page=page)
    made.start()
    return made


def test_everything_is_passed_on_through_all_lives_of_the_agent(tmp_path: Path) -> None:
    told: list[tuple[str, Any]] = []
    follower = Follower(
        tmp_path, lambda event, data: told.append((event, data)), lambda answers: told.append(("answers", answers))
    )
    follower.start()
    for life in (1, 2):
        feed = Feed()
        agent = control(tmp_path, feed=feed)
        feed.publish("state", {"life": life}, keep=True)
        feed.publish_numbered("step", life, functools.partial(dict, id=life))
        assert eventually(lambda: len(told) == 3, 5)
        feed.close()
        agent.stop()
        assert eventually(lambda: len(told) == 4, 5)
        assert sorted(told[1:3]) == [("state", {"life": life}), ("step", {"id": life})]
        assert (told[0], told[3]) == (("answers", True), ("answers", False))
        told.clear()
    follower.stop()
    assert not any(thread.name == "agent-follower" for thread in threading.enumerate())


def test_an_agent_is_ready_when_it_answers_and_has_its_broker(tmp_path: Path) -> None:
    ready: list[bool] = []
    waiting = threading.Thread(target=lambda: ready.append(await_agent(tmp_path, threading.Event())))
    waiting.start()
    early = control(tmp_path, broker=False)
    assert not eventually(lambda: bool(ready), 0.2)
    early.stop()
    agent = control(tmp_path)
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
