"""Keeps one agent running: starts it, starts it again when it dies, and stops it."""

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.clock import boottime

STOP_S = 8.0
AGAIN_S = 0.3
"""How long a dead agent stays dead, as systemd's RestartSec would have it."""
AGAIN_MAX_S = 5.0
"""The same for one that ends by itself again and again."""
SHORT_LIFE_S = 10.0
PACKAGES = Path(__file__).parent.parent.parent
"""Where this very version of the agent is imported from."""
TIES = frozenset({"JOURNAL_STREAM", "NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY"})
"""What systemd means for the simulation itself (systemd.exec(5))."""
NO_FILES = 'ulimit -S -f 0 && exec "$@"'
"""For sh: the agent's files cannot grow from its first instruction on (RLIMIT_FSIZE, getrlimit(2))."""


class AgentProcess:
    """`station-agent run` as a child, in a thread named `agent-keeper`; `logged` gets its log line by line."""

    def __init__(
        self,
        config: Path,
        runtime: Path,
        logged: Callable[[str], None],
        said: Callable[[str], None],
        command: Sequence[str] | None = None,
        *,
        lived: Callable[[int | None, str], None] = lambda _pid, _what: None,
    ) -> None:
        """`command` runs an agent; None: this very version of it.

        `lived` is told in words that it was started, with its process id, or has died (None).
        """
        self._command = [*(command or program()), "run", "--config", str(config)]
        self._runtime = runtime
        self._logged = logged
        self._said = said
        self._lived = lived
        self._stopping = False
        self._hurry = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._disk_full = False
        self._thread = threading.Thread(target=self._run, name="agent-keeper", daemon=True)

    def start(self) -> None:
        """Start the agent."""
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """The running agent's process id."""
        with self._lock:
            return self._running.pid if self._running else None

    @property
    def _running(self) -> "subprocess.Popen[str] | None":
        return self._process if self._process and self._process.poll() is None else None

    def fill_disk(self, full: bool) -> None:
        """Let no file of the agent be written any more, or again; also of one that is started later."""
        with self._lock:
            self._disk_full = full
            if self._running:
                _, hard = resource.prlimit(self._running.pid, resource.RLIMIT_FSIZE)
                resource.prlimit(self._running.pid, resource.RLIMIT_FSIZE, (0 if full else hard, hard))
        self._hurry.set()

    def kill(self) -> bool:
        """End the agent with SIGKILL; it is started again as after any death. False: there is none now."""
        with self._lock:
            running = self._running
            if running is not None:
                running.kill()
        return running is not None

    def stop(self) -> None:
        """Stop the agent with SIGTERM, and with SIGKILL if it does not go. Idempotent."""
        with self._lock:
            self._stopping = True
            process = self._running
        self._hurry.set()
        if process is not None:
            self._end(process)
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def _end(self, process: "subprocess.Popen[str]") -> None:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)  # one that somebody has stopped could not end
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._said(f"the agent did not stop within {STOP_S:g} s and is killed")
            process.kill()

    def _run(self) -> None:
        again_s = AGAIN_S
        while (process := self._spawn()) is not None:
            self._said(f"the agent is process {process.pid}")
            self._lived(process.pid, f"the agent was started, process {process.pid}")
            began = boottime()
            status = self._accompany(process)
            self._lived(None, f"the agent has died ({ending(status)})")
            if self._stopping:
                return
            failed = status >= 0 and boottime() - began < SHORT_LIFE_S
            again_s = min(2 * again_s, AGAIN_MAX_S) if failed else AGAIN_S
            self._said(f"the agent has died ({ending(status)}); it is started again in {again_s:g} s")
            self._hurry.wait(again_s)
            self._hurry.clear()

    def _accompany(self, process: "subprocess.Popen[str]") -> int:
        with process:
            for line in process.stderr or ():
                self._logged(line.rstrip("\n"))
            return process.wait()

    def _spawn(self) -> "subprocess.Popen[str] | None":
        with self._lock:
            if self._stopping:
                return None
            prefix = ["sh", "-c", NO_FILES, "sh"] if self._disk_full else []
            self._process = subprocess.Popen(  # noqa: S603  our own program with a config of our own
                [*prefix, *self._command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                env=environment(self._runtime),
                start_new_session=True,  # Ctrl-C is for the simulation, which stops the agent in its turn
            )
            return self._process


def environment(runtime: Path) -> dict[str, str]:
    """What the agent finds in its environment: nothing that systemd means for the simulation itself."""
    kept = {name: value for name, value in os.environ.items() if name not in TIES}
    paths = [str(PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
    return kept | {"RUNTIME_DIRECTORY": str(runtime), "PYTHONPATH": os.pathsep.join(paths)}


def program() -> list[str]:
    """The command that starts this very version of the agent, as this process was started itself."""
    script = Path(sys.argv[0]).resolve()
    if script.name == "station-agent":
        return [sys.executable, str(script)]
    return [sys.executable, "-P", "-m", "agent"]


def ending(status: int) -> str:
    """How a process ended, in words."""
    return signal.Signals(-status).name if status < 0 else f"status {status}"
