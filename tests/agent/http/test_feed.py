"""What happens, as server-sent events."""

import functools
import threading

import pytest

from agent.http import feed as feed_module
from agent.http.feed import Feed


def test_what_is_kept_is_told_first_and_the_rest_from_now_on() -> None:
    feed = Feed()
    feed.publish("state", 1, keep=True)
    feed.publish("state", 2, keep=True)
    feed.publish("line", "before")
    chunks = feed.read(threading.Event())
    assert next(chunks) == b"event: state\ndata: 2\n\n"
    feed.publish("line", "a\nb")
    assert next(chunks) == b'event: line\ndata: "a\\nb"\n\n'
    feed.close()
    assert list(chunks) == []
    assert list(feed.read(threading.Event())) == [b"event: state\ndata: 2\n\n"]


def test_a_reader_that_is_too_slow_is_hung_up_on_and_the_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "BEHIND", 3)
    feed = Feed()
    feed.publish("state", 0, keep=True)
    slow, quick = feed.read(threading.Event()), feed.read(threading.Event())
    assert next(slow) == next(quick)
    for number in range(9):
        feed.publish("line", number)
        assert next(quick) == f"event: line\ndata: {number}\n\n".encode()
    assert len(feed._readers) == 1, "nothing more is kept for it"
    assert len(list(slow)) == 3


def test_a_reader_that_goes_away_is_forgotten() -> None:
    feed = Feed()
    feed.publish("state", 0, keep=True)
    chunks = feed.read(threading.Event())
    next(chunks)
    assert len(feed._readers) == 1
    chunks.close()  # type: ignore[attr-defined]  # a generator
    assert feed._readers == []


def test_silence_is_told_so_that_a_dead_connection_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "BEAT_S", 0.01)
    stopping = threading.Event()
    chunks = Feed(now=lambda: 0.0).read(stopping)
    assert next(chunks) == b'event: beat\ndata: {"time":"1970-01-01T00:00:00.000Z"}\n\n'
    stopping.set()
    assert list(chunks) == []


def numbers(feed: Feed, after: int) -> list[int]:
    feed.close()
    return [told.number for told in feed.follow(threading.Event(), after)]


@pytest.mark.parametrize(("after", "told"), [(0, [5, 6, 7]), (5, [6, 7]), (7, []), (8, [5, 6, 7])])
def test_whoever_comes_back_is_told_what_it_missed(after: int, told: list[int]) -> None:
    feed = Feed()
    for number in (5, 6, 7):
        feed.publish_numbered("step", number, functools.partial(dict, n=number))
    assert feed.numbered()[0].chunk() == b'id: 5\nevent: step\ndata: {"n":5}\n\n'
    assert numbers(feed, after) == told


def test_the_last_numbered_events_are_kept() -> None:
    feed = Feed()
    for number in range(1, 700):
        feed.publish_numbered("step", number, functools.partial(int, number))
    assert numbers(feed, 0) == list(range(200, 700))


def test_a_reader_who_takes_nothing_costs_no_more_than_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "BEHIND_BYTES", 100)
    feed = Feed()
    feed.publish("state", 0, keep=True)
    slow = feed.read(threading.Event())
    next(slow)
    for _ in range(5):
        feed.publish("line", "x" * 30)
    assert len(list(slow)) == 3


def test_there_are_no_more_readers_than_there_may_be() -> None:
    feed = Feed(readers=1)
    feed.publish("state", 0, keep=True)
    first = feed.read(threading.Event())
    assert not feed.full
    next(first)
    assert feed.full
    assert len(list(feed.read(threading.Event()))) == 1, "what is kept, and the end"
