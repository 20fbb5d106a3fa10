"""The lights process as this process's child, for a station that runs as root without the service."""

import logging
import select
import subprocess
from collections.abc import Sequence
from typing import IO

from hardware.parts import PartMissing

READY_WITHIN_S = 3.0
ENDS_WITHIN_S = 2.0

logger = logging.getLogger(__name__)


class Child:
    """Started when needed, at most one at a time. It ends when its standard input does, so it never outlives us."""

    def __init__(self, command: Sequence[str]) -> None:
        """`command`: the program, which writes a line to its standard output when it listens."""
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or anew if it has ended, and wait until it listens. Raises PartMissing."""
        self.close()
        try:
            # Its own session: a Ctrl-C in a terminal is ours, and we end it.
            process = subprocess.Popen(  # noqa: S603  our own program
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
        except OSError as error:
            raise PartMissing(f"the lights process cannot be started: {error}") from error
        self._process = process
        if not _speaks(process.stdout):
            self.close()
            raise PartMissing("the lights process did not come up: see what it said in the log")
        logger.info("the lights process was started, it is process %d", process.pid)

    def close(self) -> None:
        """End it. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            logger.warning("the lights process did not end and is killed")
            process.kill()
            process.wait()


def _speaks(output: IO[bytes] | None) -> bool:
    """Whether a line comes in time, rather than the end."""
    if output is None:
        return False
    told, _, _ = select.select([output], [], [], READY_WITHIN_S)
    return bool(told) and bool(output.readline())
