"""systemd's journal, spoken to in its own protocol: a line with fields (systemd.io, "Native Journal Protocol")."""

import logging
import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path

SOCKET = Path("/run/systemd/journal/socket")
PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
BETWEEN = 5
"""The priority of levels that nobody has named: notice."""
IDENTIFIER = "station-agent"


def priority(record: logging.LogRecord) -> int:
    """As syslog(3) has them."""
    return PRIORITIES.get(record.levelno, BETWEEN)


def listens(stream: int) -> bool:
    """Whether what is written to this descriptor goes to the journal (systemd.exec(5), `$JOURNAL_STREAM`)."""
    try:
        found = os.fstat(stream)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM", "") == f"{found.st_dev}:{found.st_ino}" and not stat.S_ISREG(found.st_mode)


class JournalHandler(logging.Handler):
    """Sends each line with the fields that it has (`extra={"fields": ...}`), and THREAD and LOGGER.

    What the journal does not take at once goes to `fallback` instead.
    """

    def __init__(self, fallback: logging.Handler, path: Path = SOCKET) -> None:
        super().__init__()
        self._fallback = fallback
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)

    def emit(self, record: logging.LogRecord) -> None:
        """Runs in whichever thread logs."""
        fields: Mapping[str, str] = getattr(record, "fields", {})
        about = {"THREAD": record.threadName or "", "LOGGER": record.name, **fields}
        try:
            for line in self.format(record).splitlines():
                self._socket.sendto(entry(line, priority(record), about), self._path)
        except OSError:
            self._fallback.handle(record)

    def close(self) -> None:
        """Idempotent."""
        self._socket.close()
        super().close()


def entry(line: str, level: int, fields: Mapping[str, str]) -> bytes:
    """One entry; a field's value must be one line, and is cut at its end."""
    known = {"MESSAGE": line, "PRIORITY": str(level), "SYSLOG_IDENTIFIER": IDENTIFIER, **fields}
    rows = (f"{name}={value.partition(chr(10))[0]}\n" for name, value in known.items() if value)
    return "".join(rows).encode("utf-8", "backslashreplace")
