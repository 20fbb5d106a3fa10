"""The Unix socket through which the command line and the page speak to a running agent (root and its group only).

One JSON object a line each way. `{"command": "status"}` is answered once, `{"command": "watch"}` on every change, until
the caller hangs up, `{"command": "page"}` (of an agent that has one) with all that happens, `{"command": "check"}` with
`status` and the parts' health; any other command, with its `args`, as `commands.py` does.
"""

import json
import logging
import select
import socket
import socketserver
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from agent.clock import boottime
from agent.heartbeats import Heart
from hardware.sockets import at_path

log = logging.getLogger(__name__)

SOCKET = "control.sock"
LINE_LIMIT = 64 * 1024
CALLERS = 8
"""How many may be connected at once."""
CALLER_S = 5.0
"""How long a caller may take to ask, and to take an answer."""
ACCEPT_AGAIN_S = 0.05
LOOK_S = 1.0
"""How soon it is noticed that a watcher has hung up."""
SOCKET_MODE = 0o660
ANSWER_S = 5.0
STOP_S = 5.0


class ControlError(Exception):
    """The agent could not be asked; the message says what to do."""


class NoAgent(ControlError):
    """No agent is running here."""


class Notice:
    """The latest state, for whoever wants to see every change."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._number = 0
        self._latest: Mapping[str, Any] = {}
        self._closed = False

    def post(self, latest: Mapping[str, Any]) -> None:
        """Something changed."""
        with self._changed:
            self._number += 1
            self._latest = latest
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing will change any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def follow(self, is_there: Callable[[], bool]) -> Iterator[Mapping[str, Any]]:
        """The latest, then each change while the caller `is_there`; some are skipped if it is slow."""
        seen = 0
        while is_there():
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._number > seen, LOOK_S)  # noqa: B023  in its turn
                if self._closed:
                    return
                number, latest = self._number, self._latest
            if number > seen:
                seen = number
                yield latest


Answers = Callable[[bytes, Callable[[], bool]], Iterator[Mapping[str, Any]]]
"""From a line, and whether its caller is still there, to what it is answered."""


Stream = Callable[[Callable[[], bool]], Iterator[Mapping[str, Any]]]
"""Tells things one by one, as long as its caller is still there."""


class _Caller(socketserver.StreamRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        try:
            line = self._line()
            for answer in self.server.answers(line, self._is_there):
                self.wfile.write(json.dumps(answer).encode() + b"\n")
        except OSError as error:
            log.debug("a caller on the control socket went away: %s", error)

    def _line(self) -> bytes:
        """What is asked. Raises TimeoutError: a byte now and then would else keep a place for ever."""
        until, said = boottime() + CALLER_S, b""
        while b"\n" not in said and len(said) < LINE_LIMIT:
            self.connection.settimeout(max(0.0, until - boottime()))
            more = self.connection.recv(LINE_LIMIT - len(said))
            if not more:
                break
            said += more
        self.connection.settimeout(CALLER_S)
        return said.partition(b"\n")[0]

    def _is_there(self) -> bool:
        said, _, _ = select.select([self.connection], [], [], 0)
        return not said or bool(self.connection.recv(1, socket.MSG_PEEK))


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = CALLERS

    def __init__(self, path: str, answers: Answers, heart: Heart) -> None:
        self.answers = answers
        self._heart = heart
        self.stopping = threading.Event()
        self._room = threading.BoundedSemaphore(CALLERS)
        super().__init__(path, _Caller)

    def accept(self) -> None:
        """Without serve_forever's polling: `end_accepting` wakes it."""
        while not self.stopping.is_set():
            self._heart.rest()
            try:
                caller, address = self.get_request()
            except OSError as error:
                log.debug("no caller was let in: %s", error)
                self.stopping.wait(ACCEPT_AGAIN_S)
            else:
                self._heart.work()
                self.process_request(caller, address)

    def end_accepting(self) -> None:
        self.stopping.set()
        self.socket.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        threading.current_thread().name = "control-caller"
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  the base class's signature
        log.error("a caller could not be answered", exc_info=True)  # noqa: LOG014  called while handling it


class Control:
    """The agent's end of the socket; its thread is named `control`."""

    name = "control"

    def __init__(
        self,
        folder: Path,
        status: Callable[[], Mapping[str, Any]],
        notice: Notice,
        carry_out: Callable[[str, object], Mapping[str, Any]],
        about: Callable[[], Mapping[str, Any]] = dict,
        heart: Heart | None = None,
        page: Stream | None = None,
    ) -> None:
        """Listen in this folder; `carry_out` does a command with its arguments, `about` tells more than `status`.

        They are called in the thread of a caller, as is `page`, which tells all that a station page shows, as it
        happens; None: there is none. Raises ControlError.
        """
        self._path = folder / SOCKET
        self._carry_out = carry_out
        self._status = status
        self._notice = notice
        self._about = about
        self._page = page
        self._heart = heart or Heart(self.name)
        try:
            folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            at_path(self._path, self._listen)
            self._path.chmod(SOCKET_MODE)
        except OSError as error:
            raise ControlError(f"Nobody can listen on {self._path}: {error}. Check the folder's rights.") from error
        self._thread = threading.Thread(target=self._server.accept, name=self.name, daemon=True)

    def _listen(self, path: str) -> None:
        self._server = _Server(path, self._answers, self._heart)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def tell_to_end(self) -> None:
        """Hang up on everybody; returns at once."""
        self._notice.close()
        self._server.end_accepting()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of its thread; whether that came."""
        self._thread.join(max(0.0, timeout_s))
        self._server.server_close()
        self._path.unlink(missing_ok=True)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Tell it to end and wait for that."""
        self.tell_to_end()
        self.join(STOP_S)

    def _answers(self, line: bytes, is_there: Callable[[], bool]) -> Iterator[Mapping[str, Any]]:
        command, args = _command(line)
        match command:
            case "status":
                yield self._status()
            case "check":
                yield {**self._about(), "status": self._status()}
            case "watch":
                yield from self._notice.follow(is_there)
            case "page" if self._page:
                yield from self._page(is_there)
            case _:
                yield self._carry_out(command, args)


def _command(line: bytes) -> tuple[str, object]:
    try:
        asked = msgspec.json.decode(line)  # unlike json, it takes no half of a character, which nobody could write down
    except (ValueError, RecursionError):
        return "", {}
    return (str(asked.get("command", "")), asked.get("args", {})) if isinstance(asked, dict) else ("", {})


def ask(
    folder: Path, command: str, timeout_s: float | None = ANSWER_S, *, args: Mapping[str, Any] | None = None
) -> Generator[dict[str, Any]]:
    """Ask the agent whose runtime directory this is; its answers, one by one. Raises NoAgent, ControlError."""
    path = folder / SOCKET
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(timeout_s)
        try:
            at_path(path, line.connect)
            line.sendall(json.dumps({"command": command, "args": args or {}}).encode() + b"\n")
            with line.makefile("rb") as answers:
                for answer in answers:
                    yield json.loads(answer)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NoAgent(f"No agent listens on {path}; start one with `station-agent run`.") from error
        except PermissionError as error:
            raise ControlError(f"{path} is not for you: become root, or a member of the agent's group.") from error
        except (OSError, ValueError) as error:
            raise ControlError(f"The agent at {path} does not answer ({error}); ask again, or look at its log.") from (
                error
            )


def ask_once(
    folder: Path, command: str, timeout_s: float = ANSWER_S, *, args: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The first answer of the agent whose runtime directory this is. Raises NoAgent, ControlError."""
    with closing(ask(folder, command, timeout_s, args=args)) as answers:
        for answer in answers:
            return answer
    raise ControlError(f"The agent at {folder / SOCKET} hung up; ask again.")
