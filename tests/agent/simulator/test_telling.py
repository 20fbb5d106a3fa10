"""What happens, as lines."""

import io
import threading
import time
from collections.abc import Iterator

import pytest
from support.bench import CARD

from agent.http.feed import Feed
from agent.logs import LINE
from agent.simulator.records import Entry
from agent.simulator.telling import LOG_LINE, Telling

NOON = time.mktime((2026, 11, 22, 12, 0, 0, 0, 0, -1))


@pytest.fixture
def feed() -> Iterator[Feed]:
    feed = Feed()
    yield feed
    feed.close()


def entry(**values: object) -> Entry:
    given = {"time": 1.0, "name": "ask", "method": "GET", "path": f"/session/{CARD}", "key": "", "card": CARD}
    return Entry(**{**given, "session": "", "body": None, "status": 404, **values})  # type: ignore[arg-type]


def test_lines_carry_the_time_of_day(feed: Feed, capsys: pytest.CaptureFixture[str]) -> None:
    telling = Telling(feed, lambda: NOON)
    telling.said("a fault")
    telling.logged("2026-11-22 16:03:12,345 INFO MainThread: card ..E5F6 tapped")
    telling.logged("2026-11-22 16:03:12,345 WARNING supplier-1: no answer: too slow")
    telling.logged("Traceback (most recent call last):")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "12:00:00 a fault",
        "16:03:12 card ..E5F6 tapped",
        "16:03:12 warning: no answer: too slow",
        "12:00:00 Traceback (most recent call last):",
    ]


def test_the_agents_log_has_the_form_that_is_read_here() -> None:
    line = LINE % {
        "asctime": "2026-11-22 16:03:12,345",
        "levelname": "INFO",
        "threadName": "MainThread",
        "message": "x: y",
    }
    found = LOG_LINE.fullmatch(line)
    assert found is not None
    assert found.groups() == ("16:03:12", "INFO", "x: y")


def test_calls_are_masked_in_lines_and_whole_in_the_feed(feed: Feed, capsys: pytest.CaptureFixture[str]) -> None:
    chunks = feed.read(threading.Event())
    feed.publish("start", None, keep=True)
    assert next(chunks)
    telling = Telling(feed, lambda: NOON)
    telling.called(entry())
    telling.called(entry(name="acquire", method="POST", path="/stations/ST-42", status=201, repeat=True))
    telling.called(entry(card="", path="/sessions/S-1/pay", method="PUT", status=200, answered=False))
    assert capsys.readouterr().err.splitlines() == [
        "12:00:00 supplier: GET /session/..E5F6 -> 404",
        "12:00:00 supplier: POST /stations/ST-42 -> 201 (a repeat)",
        "12:00:00 supplier: PUT /sessions/S-1/pay -> 200 (the answer is lost)",
    ]
    feed.close()
    events = [chunk.decode() for chunk in chunks]
    assert [event.partition("\n")[0] for event in events] == ["event: line", "event: call"] * 3
    assert CARD in events[1]
    assert CARD not in events[0]


def test_nobody_has_to_read_the_lines(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = io.StringIO()
    gone.close()
    monkeypatch.setattr("sys.stderr", gone)
    Telling(feed, lambda: NOON).said("a fault")
