"""When the watchdog last bit, kept over restarts: what a restart does not mend must not become a life of restarts."""

import contextlib
import json
import logging
from collections.abc import Callable
from pathlib import Path

from agent.clock import At

log = logging.getLogger(__name__)

FILE = "bitten"
APART_S = 3600.0


class Bites:
    """Allows one bite an hour. Kept in the runtime directory, which a reboot empties."""

    def __init__(self, runtime: Path, now: Callable[[], At]) -> None:
        self._file = runtime / FILE
        self._now = now
        self._complained = False

    def take(self) -> bool:
        """Whether one may be taken now; then it is written down. One that cannot be written down is not taken."""
        now = self._now()
        last = self._last()
        if last is not None and now.age_of(last) < APART_S:
            return False
        try:
            self._file.write_text(json.dumps({"boot": now.boot, "boottime": now.boottime}), encoding="ascii")
        except OSError as error:
            if not self._complained:
                log.warning("the station is not started again, as %s cannot be written: %s", self._file, error)
            self._complained = True
            return False
        return True

    def _last(self) -> At | None:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # missing or no longer to be read
            found = json.loads(self._file.read_text(encoding="ascii"))
            return At(str(found["boot"]), float(found["boottime"]), 0.0)
        return None
