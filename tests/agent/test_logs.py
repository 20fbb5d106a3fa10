"""One line a fact on standard error."""

import logging
import re
from collections.abc import Iterator

import pytest

from agent import logs


@pytest.fixture(autouse=True)
def loggers_as_before() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in (None, "agent", "hardware")]
    before = [(logger.handlers[:], logger.level) for logger in loggers]
    yield
    for logger, (handlers, level) in zip(loggers, before, strict=True):
        logger.handlers[:] = handlers
        logger.setLevel(level)


def test_a_line_says_when_how_grave_and_who(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    logs.set_up()
    logging.getLogger("agent.road").info("a fact")
    logging.getLogger("hardware.locks").debug("a detail")
    logging.getLogger("paho").info("chatter")
    logging.getLogger("paho").warning("trouble")
    printed = capsys.readouterr()
    assert printed.out == ""
    when = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"
    assert re.fullmatch(rf"{when} INFO MainThread: a fact\n{when} WARNING MainThread: trouble\n", printed.err)


def test_journald_gets_its_priorities_on_every_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    logs.set_up()
    log = logging.getLogger("agent")
    log.info("a fact")
    log.log(25, "between")
    log.error("two\nlines", exc_info=ValueError("why\nat all"))
    first, second, third, *traceback = capsys.readouterr().err.splitlines()
    assert first == "<6>MainThread: a fact"
    assert second == "<5>MainThread: between"
    assert third == r"<3>MainThread: two\nlines"
    assert traceback == ["<3>ValueError: why", "<3>at all"]


@pytest.mark.parametrize("journal", [True, False])
def test_what_others_sent_makes_no_line_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, journal: bool
) -> None:
    if journal:
        monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    else:
        monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    logs.set_up()
    logging.getLogger("agent").info("inbox: %s", "foo\r\nERROR \x1b[31m\x85\u2028gefälscht")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(r"MainThread: inbox: foo\r\nERROR \x1b[31m\x85\u2028gefälscht")


def test_setting_up_twice_prints_once(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up()
    logs.set_up()
    logging.getLogger("agent").info("a fact")
    assert capsys.readouterr().err.count("a fact") == 1
