"""A flood of one kind of line is counted and summed up in one, so that nobody fills the disk by talking to it."""

import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

WINDOW_S = 10.0
BURST = 20
"""Lines of one kind that are written within the window: a reader takes a card at most twice a second."""
NUMBERS = re.compile(r"\d+")
FACT = "%s"
"""The format of lines that were put into words elsewhere."""


@dataclass(slots=True)
class _Window:
    """`last` is the last line that was not written; one that was is not kept, nor what its traceback holds."""

    began: float
    count: int = 0
    last: logging.LogRecord | None = None


class Limited(logging.Handler):
    """Passes lines on to `targets`, those of one kind at most `BURST` times within `WINDOW_S`; then their number.

    What is critical always passes. Errors are of one kind if they differ in nothing but numbers, so each is written the
    first time; other lines if they have the same format.
    """

    def __init__(self, targets: Sequence[logging.Handler], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.targets = targets
        self._clock = clock
        self._windows: dict[tuple[str, int, str], _Window] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Runs under the handler's lock."""
        if record.levelno >= logging.CRITICAL:
            self._pass(record)
            return
        now = self._clock()
        self._sum_up(now)
        window = self._windows.setdefault(kind(record), _Window(now))
        window.count += 1
        if window.count <= BURST:
            self._pass(record)
        else:
            window.last = record

    def sum_up(self) -> None:
        """Write the numbers that are due, also if nobody says anything any more."""
        self.acquire()
        try:
            self._sum_up(self._clock())
        finally:
            self.release()

    def _sum_up(self, now: float) -> None:
        # the oldest come first, and most lines find none that is over
        over = list(takewhile(lambda item: now - item[1].began >= WINDOW_S, self._windows.items()))
        for key, window in over:
            del self._windows[key]
            if window.last is not None:
                self._pass(_summary(window, window.last, now))

    def _pass(self, record: logging.LogRecord) -> None:
        for target in self.targets:
            target.handle(record)


def kind(record: logging.LogRecord) -> tuple[str, int, str]:
    """What tells one flood from another."""
    if record.levelno >= logging.ERROR:
        words = NUMBERS.sub("#", record.getMessage())
    elif record.msg == FACT:
        words = record.getMessage().partition(": ")[0]
    else:
        words = str(record.msg)
    return record.name, record.levelno, words


def _summary(window: _Window, last: logging.LogRecord, now: float) -> logging.LogRecord:
    return logging.LogRecord(
        last.name,
        last.levelno,
        last.pathname,
        last.lineno,
        "%d more such lines within %.0f s, the last: %s",
        (window.count - BURST, now - window.began, last.getMessage()),
        None,
        last.funcName,
    )
