"""A broker of the simulated station's own: mosquitto if it is installed, else amqtt, on loopback only.

amqtt speaks MQTT 3.1.1 only and forgets everything when it is stopped; mosquitto keeps its sessions and retained
messages in the folder.
"""

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Literal

from agent.clock import boottime

Kind = Literal["mosquitto", "amqtt"]

LOOPBACK = "127.0.0.1"
USUAL_PORT = 1883
STEPS = 50
READY_S = 15.0
STOP_S = 5.0
LOOK_S = 0.02
SBIN = ":/usr/local/sbin:/usr/sbin"
"""Debian's mosquitto lies here, where a plain user's PATH does not look."""
CONNECT = bytes.fromhex("101100044d5154540402000a0005") + b"ready"
"""CONNECT of MQTT 3.1.1 (section 3.1): clean session, keep alive 10 s, client id `ready`."""
CONNACK = bytes.fromhex("20020000")
DISCONNECT = bytes.fromhex("e000")


class SimulatedBrokerError(Exception):
    """The simulated station's broker could not be started; the message says what to do."""


class SimulatedBroker:
    """One broker process that dies with this one. Its methods may be called from any thread."""

    def __init__(self, folder: Path, port: int = USUAL_PORT, step_over: bool = True, kind: Kind | None = None) -> None:
        """`folder` keeps its files. Port 0 is any free one; `step_over` takes the next free one where `port` is taken.

        `kind` None takes what is installed. Raises SimulatedBrokerError if nothing is.
        """
        self.kind: Kind = kind or _installed()
        self.port = port
        self._folder = folder.resolve()
        self._step_over = step_over
        self._process: subprocess.Popen[bytes] | None = None
        # The kernel ends a child whose parent *thread* has ended, so one thread that stays starts every process.
        self._keeper = ThreadPoolExecutor(1, thread_name_prefix="broker-keeper")
        self._stopped = False

    @property
    def protocol(self) -> Literal[4, 5]:
        """The newest MQTT protocol it speaks, as in `[mqtt] protocol`."""
        return 5 if self.kind == "mosquitto" else 4

    def start(self) -> None:
        """Start on a free port and wait until it takes connections. Raises SimulatedBrokerError."""
        self._keeper.submit(self._start).result()

    def stop(self) -> None:
        """Stop for good. Idempotent."""
        if not self._stopped:
            self._stopped = True
            self._keeper.submit(self._end).result()
            self._keeper.shutdown()

    def down(self) -> None:
        """The fault `broker-down`: really stopped, until `up`."""
        self._keeper.submit(self._end).result()

    def up(self) -> None:
        """Start again on the same port, with what it had kept. Raises SimulatedBrokerError."""
        self._keeper.submit(self._up).result()

    def _start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._end_predecessor()
        for port in self._ports():
            if _free(port) and self._spawn(port):
                self.port = port
                return
        raise SimulatedBrokerError(f"No broker could be started on port {self.port}: name another port.{self._told()}")

    def _up(self) -> None:
        if self._process is None and not self._spawn(self.port):
            raise SimulatedBrokerError(f"The broker did not come back on port {self.port}.{self._told()}")

    def _ports(self) -> Iterator[int]:
        if self.port == 0:
            for _ in range(STEPS):
                with socket.socket() as probe:
                    probe.bind((LOOPBACK, 0))
                    found: int = probe.getsockname()[1]
                yield found
        else:
            yield from range(self.port, min(self.port + STEPS, 65536) if self._step_over else self.port + 1)

    def _spawn(self, port: int) -> bool:
        """Start a process on `port`; whether it takes connections in time."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own config, no shell
                [*_dying_with_us(), *self._command(port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,  # Ctrl-C is for the station, which says offline before its broker goes
            )
        self._pid_file.write_text(str(self._process.pid), encoding="ascii")
        until = boottime() + READY_S
        while boottime() < until and self._process.poll() is None:
            if _takes_connections(port):
                return True
            threading.Event().wait(LOOK_S)
        self._end()
        return False

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._pid_file.unlink(missing_ok=True)

    def _end_predecessor(self) -> None:
        """Without setpriv a broker outlives a killed station; two must not share one folder."""
        if not self._pid_file.exists():
            return
        command = Path("/proc") / (self._pid_file.read_text(encoding="ascii").strip() or "none") / "cmdline"
        until = boottime() + STOP_S
        while self._config.as_posix().encode() in _bytes_of(command) and boottime() < until:
            with suppress(ProcessLookupError):
                os.kill(int(command.parent.name), signal.SIGKILL)
            threading.Event().wait(LOOK_S)

    def _command(self, port: int) -> list[str]:
        if self.kind == "mosquitto":
            self._config.write_text(_mosquitto_config(self._folder, port), encoding="utf-8")
            return [_mosquitto() or "mosquitto", "-c", str(self._config)]
        self._config.write_text(_amqtt_config(port), encoding="utf-8")
        return [sys.executable, "-m", "amqtt.scripts.broker_script", "-c", str(self._config)]

    def _told(self) -> str:
        return " It said: " + _bytes_of(self._log).decode(errors="replace")[-500:] if self._log.exists() else ""

    @property
    def _config(self) -> Path:
        return self._folder / "broker.conf"

    @property
    def _log(self) -> Path:
        return self._folder / "broker.log"

    @property
    def _pid_file(self) -> Path:
        return self._folder / "broker.pid"


def _mosquitto() -> str | None:
    return shutil.which("mosquitto", path=os.environ.get("PATH", os.defpath) + SBIN)


def _installed() -> Kind:
    if _mosquitto():
        return "mosquitto"
    if importlib.util.find_spec("amqtt"):
        return "amqtt"
    raise SimulatedBrokerError("There is no MQTT broker: install mosquitto, or station-agent with [simulator].")


def _dying_with_us() -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def _mosquitto_config(folder: Path, port: int) -> str:
    lines = [
        f"listener {port} {LOOPBACK}",
        "allow_anonymous true",
        "persistence true",
        f"persistence_location {folder}/",
        "autosave_on_changes true",
        "autosave_interval 1",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
    ]
    if os.geteuid() == 0:
        lines.append("user root")  # else it becomes the user mosquitto, who may not write to the folder
    return "\n".join(lines) + "\n"


def _amqtt_config(port: int) -> str:
    """amqtt reads YAML, of which JSON is a part."""
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    return json.dumps({"listeners": {"default": {"type": "tcp", "bind": f"{LOOPBACK}:{port}"}}, "plugins": plugins})


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _takes_connections(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1) as line:
            line.sendall(CONNECT)
            answer = line.recv(len(CONNACK))
            line.sendall(DISCONNECT)
    except OSError:
        return False
    return answer == CONNACK


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
