"""What systemd does for a service of Type=notify with WatchdogSec=, for an agent on the bench (sd_notify(3))."""

import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from agent.clock import boottime

LOOK_S = 0.05


class Manager:
    """Hears what the agent tells, and sends SIGABRT to one that gives no sign of life for `patience_s` seconds."""

    def __init__(self, folder: Path, patience_s: float, kill: Callable[[int], None]) -> None:
        """`kill` sends the agent a signal."""
        self.told: list[str] = []
        self.bites = 0
        self._patience_s = patience_s
        self._kill = kill
        self._fed: float | None = None
        self._stopping = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self._socket.settimeout(LOOK_S)
        self.environment = {
            "NOTIFY_SOCKET": str(folder / "notify"),
            "WATCHDOG_USEC": str(round(patience_s * 1_000_000)),
        }
        self._thread = threading.Thread(target=self._run, name="manager")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopping.set()
        self._thread.join(5.0)
        self._socket.close()

    def status(self) -> list[str]:
        """The lines for `systemctl status` so far."""
        return [line.removeprefix("STATUS=") for line in self.told if line.startswith("STATUS=")]

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                lines = self._socket.recv(4096).decode().splitlines()
            except TimeoutError:
                lines = []
            self.told += lines
            self._heed(lines)

    def _heed(self, lines: list[str]) -> None:
        now = boottime()
        if "READY=1" in lines or "WATCHDOG=1" in lines:
            self._fed = now
        if "STOPPING=1" in lines:
            self._fed = None
        hungry = self._fed is not None and now - self._fed > self._patience_s
        if hungry or "WATCHDOG=trigger" in lines:
            self._fed = None
            self.bites += 1
            self._kill(signal.SIGABRT)
            self._kill(signal.SIGCONT)
