"""What happens, as server-sent events."""

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
    monkeypatch.setattr(feed_module, "KEEP_ALIVE_S", 0.01)
    stopping = threading.Event()
    chunks = Feed().read(stopping)
    assert next(chunks) == b": nothing happens\n\n"
    stopping.set()
    assert list(chunks) == []
