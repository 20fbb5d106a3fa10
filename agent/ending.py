"""The last resort of a process that was told to end: it ends, whatever hangs."""

import faulthandler
import logging
import os
import threading

from agent.watchdog.stacks import log_stacks

log = logging.getLogger(__name__)

STOP_S = 4.0
"""How long an end may take, from the moment that it was asked for."""
DEAF_S = 0.5
"""How much later the interpreter itself is ended, if it gives no thread a turn any more."""


class LastResort:
    """Once begun, ends the process with status 1 after `STOP_S`, and logs all stacks first, unless it is called off.

    Nothing that was acknowledged is lost: the journal lies on the disk at each commit. Locks are made safe by whoever
    started the agent (`ExecStopPost=`).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = False
        self._over = threading.Event()

    def begin(self) -> None:
        """The time runs from now on; from the second call on nothing happens. Any thread."""
        with self._lock:
            if self._begun or self._over.is_set():
                return
            self._begun = True
        faulthandler.dump_traceback_later(STOP_S + DEAF_S, exit=True)
        threading.Thread(target=self._wait, name="last-resort", daemon=True).start()

    def call_off(self) -> None:
        """Everything has ended by itself."""
        with self._lock:
            self._over.set()
            if self._begun:
                faulthandler.cancel_dump_traceback_later()

    def _wait(self) -> None:
        if not self._over.wait(STOP_S):
            log.critical("the station did not stop within %g s: it ends without leave", STOP_S)
            log_stacks()
            os._exit(1)
