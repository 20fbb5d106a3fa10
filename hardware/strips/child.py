"""The lights process as this process's child, for a station that runs as root without the service."""

import logging
import socket
import subprocess
from collections.abc import Sequence

from hardware.parts import PartMissing

READY_WITHIN_S = 3.0
ENDS_WITHIN_S = 2.0
READ_AT_MOST = 100

logger = logging.getLogger(__name__)


class Child:
    """Started when needed, at most one at a time. It ends when its standard input does, so it never outlives us."""

    def __init__(self, command: Sequence[str]) -> None:
        """`command`: the program, which writes a line to its standard output when it listens."""
        self._command = command
        self._running: tuple[subprocess.Popen[bytes], socket.socket] | None = None

    def start(self) -> None:
        """Start it, or anew if it has ended, and wait until it listens. Raises PartMissing."""
        self.close()
        ours, theirs = socket.socketpair()
        end = theirs.fileno()
        try:
            # Its own session: a Ctrl-C in a terminal is ours, and we end it.
            process = subprocess.Popen(self._command, stdin=end, stdout=end, start_new_session=True)  # noqa: S603  ours
        except OSError as error:
            ours.close()
            raise PartMissing(f"the lights process cannot be started: {error}") from error
        finally:
            theirs.close()
        self._running = (process, ours)
        if not _speaks(ours):
            self.close()
            raise PartMissing("the lights process did not come up: see what it said in the log")
        logger.info("the lights process was started, it is process %d", process.pid)

    def close(self) -> None:
        """End it. Idempotent."""
        if self._running is None:
            return
        process, line = self._running
        self._running = None
        line.close()
        try:
            process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            logger.warning("the lights process did not end and is killed")
            process.kill()
            process.wait()


def _speaks(line: socket.socket) -> bool:
    """Whether a line comes in time, rather than the end."""
    line.settimeout(READY_WITHIN_S)
    try:
        with line.makefile("rb") as words:
            return bool(words.readline(READ_AT_MOST))
    except OSError:
        return False
