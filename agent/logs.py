"""One line a fact on standard error, with the journal's priorities when systemd's journal listens (sd-daemon(3))."""

import logging
import os
import re
import sys
from collections import deque

LINE = "%(asctime)s %(levelname)s %(threadName)s: %(message)s"
JOURNAL_LINE = "%(threadName)s: %(message)s"
PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
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
    found = [handler for handler in logging.getLogger().handlers if isinstance(handler, LastLines)]
    return list(found[0].lines) if found else []


class JournalFormatter(LineFormatter):
    """Puts the priority before each line, as journald reads it."""

    def format(self, record: logging.LogRecord) -> str:
        priority = f"<{PRIORITIES.get(record.levelno, 5)}>"
        return "\n".join(priority + line for line in super().format(record).splitlines())


def set_up(level: int = logging.INFO) -> None:
    """Log to standard error. Libraries speak up only when something is wrong."""
    journal = "JOURNAL_STREAM" in os.environ
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JournalFormatter(JOURNAL_LINE) if journal else LineFormatter(LINE))
    root = logging.getLogger()
    root.handlers[:] = [handler, LastLines()]
    root.setLevel(logging.WARNING)
    for room in ("agent", "hardware"):
        logging.getLogger(room).setLevel(level)
