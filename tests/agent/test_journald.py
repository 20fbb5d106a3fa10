"""Lines with fields for systemd's journal."""

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.journald import JournalHandler, entry, listens


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    """What stands in for journald's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "journal"))
        line.settimeout(5)
        yield line


class Fallback(logging.Handler):
    """Keeps what the journal did not take."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record.getMessage())


class Logged:
    """A logger that speaks to a journal at a path, and what the journal did not take."""

    def __init__(self, path: Path) -> None:
        self.fallback = Fallback()
        self.handler = JournalHandler(self.fallback, path)
        self.log = logging.Logger("agent.chronicle")  # noqa: LOG001  of the test's own
        self.log.addHandler(self.handler)


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[Logged]:
    logged = Logged(tmp_path / "journal")
    yield logged
    logged.handler.close()


def test_a_line_has_its_priority_and_fields(journal: socket.socket, logged: Logged) -> None:
    logged.log.error("%s", "slot 1 is held", extra={"fields": {"SLOT": "1", "SESSION": "S-1", "FAULT": ""}})
    lines = journal.recv(4096).decode().splitlines()
    assert lines == [
        "MESSAGE=slot 1 is held",
        "PRIORITY=3",
        "SYSLOG_IDENTIFIER=station-agent",
        "THREAD=MainThread",
        "LOGGER=agent.chronicle",
        "SLOT=1",
        "SESSION=S-1",
    ]
    assert logged.fallback.kept == []


def test_no_value_makes_a_field_of_its_own() -> None:
    sent = entry("a line", 6, {"SESSION": "S\nFAULT=forged", "X": "\ud800"}).decode()
    assert sent == "MESSAGE=a line\nPRIORITY=6\nSYSLOG_IDENTIFIER=station-agent\nSESSION=S\nX=\\ud800\n"


def test_a_traceback_is_one_entry_a_line(journal: socket.socket, logged: Logged) -> None:
    logged.log.error("why", exc_info=ValueError("because"))
    messages = [journal.recv(4096).decode().splitlines()[0] for _ in range(2)]
    assert messages == ["MESSAGE=why", "MESSAGE=ValueError: because"]


def test_what_the_journal_does_not_take_goes_to_standard_error(logged: Logged) -> None:
    logged.log.warning("a fact")
    assert logged.fallback.kept == ["a fact"]


def test_a_journal_that_stands_still_holds_nobody_up(journal: socket.socket, logged: Logged) -> None:
    journal.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    for number in range(5000):
        logged.log.info("fact %d", number)
        if logged.fallback.kept:
            break
    assert logged.fallback.kept


@pytest.mark.usefixtures("journal")
def test_a_closed_handler_falls_back(logged: Logged) -> None:
    logged.handler.close()
    logged.handler.close()
    logged.log.info("late")
    assert logged.fallback.kept == ["late"]


def test_only_a_stream_that_is_the_journals_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        found = os.fstat(ours.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        assert listens(ours.fileno())
        assert not listens(theirs.fileno())
    assert not listens(-1)
