"""One line a fact: on standard error, or to systemd's journal with its fields when that listens.

Where the journal's own socket takes nothing, lines go to standard error with their priorities (sd-daemon(3)).
"""

import logging
import os
import re
import sys
from collections import deque

from agent import journald
from agent.log_limit import Limited

LINE = "%(asctime)s %(levelname)s %(threadName)s: %(message)s"
JOURNAL_LINE = "%(threadName)s: %(message)s"
REMEMBERED = 200
LONGEST_LINE = 500
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def one_line(text: str) -> str:
    """`text` as one harmless line: what others sent may hold line ends and a terminal's escape sequences."""
    return CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


class LineFormatter(logging.Formatter):
    """Keeps a fact on its line; only a traceback has several."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's name
        return one_line(super().formatMessage(record))


class LastLines(logging.Handler):
    """Remembers the last lines, for whoever diagnoses the station from afar."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=REMEMBERED)
        self.setFormatter(LineFormatter(LINE))

    def emit(self, record: logging.LogRecord) -> None:
        """Runs in whichever thread logs; a deque takes that."""
        self.lines.append(self.format(record)[:LONGEST_LINE])


def last_lines() -> list[str]:
    """What was logged lately, oldest first."""
    found = [target for limited in _limited() for target in limited.targets if isinstance(target, LastLines)]
    return list(found[0].lines) if found else []


def sum_up() -> None:
    """Write how many lines were not written, where that is due."""
    for limited in _limited():
        limited.sum_up()


def _limited() -> list[Limited]:
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, Limited)]


class JournalFormatter(LineFormatter):
    """Puts the priority before each line, as journald reads it."""

    def format(self, record: logging.LogRecord) -> str:
        priority = f"<{journald.priority(record)}>"
        return "\n".join(priority + line for line in super().format(record).splitlines())


def set_up(level: int = logging.INFO) -> None:
    """Log to standard error. Libraries speak up only when something is wrong."""
    root = logging.getLogger()
    root.handlers[:] = [Limited([_handler(), LastLines()])]
    root.setLevel(logging.WARNING)
    for room in ("agent", "hardware"):
        logging.getLogger(room).setLevel(level)


def _handler() -> logging.Handler:
    stream = logging.StreamHandler(sys.stderr)
    if "JOURNAL_STREAM" not in os.environ:
        stream.setFormatter(LineFormatter(LINE))
        return stream
    stream.setFormatter(JournalFormatter(JOURNAL_LINE))
    if not journald.listens(sys.__stderr__.fileno() if sys.__stderr__ else -1):
        return stream
    journal = journald.JournalHandler(stream)
    journal.setFormatter(LineFormatter(JOURNAL_LINE))
    return journal
