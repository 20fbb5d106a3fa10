"""Steps in order, whatever thread they come from, and without harm to it."""

import functools
import threading
from typing import Any

import msgspec
import pytest
from support.lane import HandedClock
from support.owing import HandClock as Hand

from agent.http.feed import KEPT_NUMBERED, Feed
from agent.web.recorder import Draft, Recorder, harmless


class Heard:
    """A recorder and what it told."""

    def __init__(self) -> None:
        self.hand = Hand()
        self.feed = Feed()
        self.recorder = Recorder(self.feed, HandedClock(self.hand), {"key-1": "V-1"}.get)

    def draft(self, title: str, **more: Any) -> Draft:
        about: dict[str, Any] = {"kind": "call", "from_": "station", "to": "supplier", **more}
        return Draft(title=title, at=self.recorder.now(), **about)

    @property
    def steps(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(told.body) for told in self.feed.numbered()]

    @property
    def titles(self) -> list[str]:
        return [step["title"] for step in self.steps]


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_what_nobody_reads_is_not_rendered(heard: Heard) -> None:
    rendered: list[int] = []

    def detail(number: int) -> dict[str, int]:
        rendered.append(number)
        return {"n": number}

    for number in range(2 * KEPT_NUMBERED):
        heard.recorder.note(heard.draft("event", detail=functools.partial(detail, number)))
    assert rendered == []
    for _ in range(2):
        assert heard.steps[-1]["detail"] == {"n": 2 * KEPT_NUMBERED - 1}
    assert rendered == list(range(KEPT_NUMBERED, 2 * KEPT_NUMBERED)), "once each"


def test_what_happens_while_a_fact_is_decided_comes_behind_it(heard: Heard) -> None:
    heard.recorder.note(heard.draft("before"))
    heard.recorder.deciding()
    call = heard.draft("call", about="key-1")
    other = threading.Thread(target=heard.recorder.note, args=[call])
    other.start()
    other.join()
    heard.hand.pass_(0.25)
    heard.recorder.note(heard.draft("answer", kind="answer", re=call))
    assert heard.titles == ["before"]
    heard.recorder.decided([heard.draft("tap", kind="tap", visit="V-1")], "V-1")
    heard.recorder.note(heard.draft("after"))
    assert heard.titles == ["before", "tap", "call", "answer", "after"]
    tap, call_step, answer = heard.steps[1:4]
    assert [step["visit"] for step in heard.steps] == [None, "V-1", "V-1", "V-1", None]
    assert (answer["re"], answer["ms"]) == (call_step["id"], 250)
    assert tap["re"] is None
    assert set(tap) == {"id", "visit", "at", "t", "from", "to", "kind", "title", "slot", "ok", "ms", "re", "detail"}
    assert [step["id"] for step in heard.steps] == list(range(1_000_001, 1_000_006)), "numbers begin at the boot's time"


def test_a_light_that_shines_meanwhile_belongs_to_the_visit(heard: Heard) -> None:
    heard.recorder.deciding()
    heard.recorder.note(heard.draft("light", kind="light"))
    heard.recorder.note(heard.draft("another's call"))
    heard.recorder.decided([], "V-7")
    assert [step["visit"] for step in heard.steps] == ["V-7", None]
    assert heard.recorder.latest() == "V-7"
    heard.recorder.deciding()
    assert heard.recorder.latest() is None, "what shines now may come of the next"
    heard.recorder.decided([], "V-8")
    assert heard.recorder.latest() == "V-8"
    heard.hand.pass_(1)
    assert heard.recorder.latest() is None, "that was too long ago"


def test_no_more_waits_than_is_kept(heard: Heard) -> None:
    heard.recorder.deciding()
    for number in range(600):
        heard.recorder.note(heard.draft(str(number)))
    assert len(heard.steps) == 100
    heard.recorder.decided([], None)
    assert len(heard.steps) == 500


def test_who_looks_on_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    @harmless
    def broken(what: str) -> None:
        raise RuntimeError(what)

    broken("no idea")
    assert "no idea" in caplog.text
