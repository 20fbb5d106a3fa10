"""The agent's end of the lights process, and the process as a child."""

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.lights import Shelf, served

from hardware.parts import LightsFailure, PartMissing
from hardware.strips import child as child_module
from hardware.strips import frames, remote
from hardware.strips.child import Child
from hardware.strips.door import listen_at
from hardware.strips.remote import RemoteStrip

RED = (255, 0, 0)
BLACK = (0, 0, 0)


def test_frames_reach_the_strip_and_closing_goes_dark(shelf: Shelf, path: Path, eventually: Any) -> None:
    with served(shelf, path):
        strip = RemoteStrip(path, 13, 3)
        strip.show([RED])
        assert shelf.opened == [(13, 3)]
        assert shelf.shown == [[RED, BLACK, BLACK]]
        strip.close()
        strip.close()
        eventually(lambda: shelf.lent == 0)
        with pytest.raises(LightsFailure, match="closed"):
            strip.show([RED])


def test_where_nobody_listens_it_says_what_to_start(path: Path) -> None:
    with pytest.raises(PartMissing, match=f"station-lights.service, or as root `station-agent lights --socket {path}`"):
        RemoteStrip(path, 18, 3)


def test_a_strip_that_cannot_be_opened_is_missing_for_the_reason_given(shelf: Shelf, path: Path) -> None:
    shelf.missing = "no DMA on this board"
    with served(shelf, path), pytest.raises(PartMissing, match=r"^no DMA on this board$"):
        RemoteStrip(path, 18, 3)


def test_a_server_that_went_is_a_failure_and_found_again_when_it_is_back(shelf: Shelf, path: Path) -> None:
    with served(shelf, path):
        strip = RemoteStrip(path, 18, 1)
    for told in ("took no frame", "no lights process listens"):
        with pytest.raises(LightsFailure, match=told):
            strip.show([RED])
    with served(shelf, path):
        strip.show([RED])
        assert shelf.shown == [[RED]]
        strip.close()


def test_a_frame_that_is_not_taken_opens_the_strip_anew(shelf: Shelf, path: Path) -> None:
    with served(shelf, path):
        strip = RemoteStrip(path, 18, 1)
        shelf.broken = "no power"
        with pytest.raises(LightsFailure, match=r"^no power$"):
            strip.show([RED])
        shelf.broken = ""
        strip.show([RED])
        assert shelf.opened == [(18, 1), (18, 1)]
        strip.close()


@contextmanager
def somebody(path: Path, *answers: bytes) -> Iterator[None]:
    """Listens in the lights process's place, and gives these answers whatever it hears."""

    def run() -> None:
        line, _ = listener.accept()
        with line:
            for answer in answers:
                line.recv(4096)
                line.sendall(answer)
            while line.recv(4096):
                pass

    listener = listen_at(path, "station-agent")
    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join(10)
    listener.close()


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n", frames.hello(18, 1)])
def test_somebody_else_at_the_socket_is_no_lights_process(path: Path, answer: bytes) -> None:
    with somebody(path, answer), pytest.raises(PartMissing, match="hung up"):
        RemoteStrip(path, 18, 1)
    with somebody(path, frames.done(), answer):
        strip = RemoteStrip(path, 18, 1)
        with pytest.raises(LightsFailure, match="took no frame"):
            strip.show([RED])


def test_half_an_answer_is_none() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(frames.done()[:3])
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionError, match="hung up"):
            remote._ask(ours, frames.hello(18, 1))


def test_one_that_never_answers_is_not_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "ANSWER_WITHIN_S", 0.05)
    with somebody(path), pytest.raises(PartMissing, match="timed out"):
        RemoteStrip(path, 18, 1)


def test_a_socket_that_may_not_be_used_is_told_even_to_root(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PartMissing, match="cannot be reached"):
        RemoteStrip(tmp_path / "file" / "socket", 18, 1)


PROGRAM = """
import os, sys
from pathlib import Path
sys.path[:0] = {paths!r}
from support.lights import Shelf
from hardware.strips.door import listen_at
from hardware.strips.server import LightsServer
server = LightsServer(listen_at(Path(sys.argv[1]), "station-agent"), frozenset([os.geteuid()]), Shelf().open)
server.end_with(0)
print("ready", flush=True)
server.run()
"""
Children = Callable[[str], Child]


@pytest.fixture
def child(path: Path) -> Iterator[Child]:
    here = Path(__file__).parents[2]
    program = PROGRAM.format(paths=[str(here), str(here.parent)])
    one = Child([sys.executable, "-c", program, str(path)])
    yield one
    one.close()


def test_where_nobody_listens_the_child_is_started(path: Path, child: Child) -> None:
    strip = RemoteStrip(path, 18, 1, child)
    strip.show([RED])
    assert child._running is not None
    process, _ = child._running
    assert process.poll() is None
    assert os.getsid(process.pid) != os.getsid(0), "a Ctrl-C in our terminal would be its end before ours"
    strip.close()
    child.close()
    assert process.poll() == 0


def test_where_somebody_listens_no_child_is_started(shelf: Shelf, path: Path, child: Child) -> None:
    with served(shelf, path):
        RemoteStrip(path, 18, 1, child).close()
    assert child._running is None


def test_a_child_that_died_is_started_anew(path: Path, child: Child) -> None:
    strip = RemoteStrip(path, 18, 1, child)
    assert child._running is not None
    process, _ = child._running
    process.kill()
    process.wait()
    with pytest.raises(LightsFailure, match="took no frame"):
        strip.show([RED])
    strip.show([RED])
    assert child._running[0] is not process
    strip.close()


@pytest.mark.parametrize("program", ["", "import sys; sys.stdin.read()"])
def test_a_child_that_does_not_come_up_is_told(path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(child_module, "READY_WITHIN_S", 0.2 if program else 10)
    with pytest.raises(PartMissing, match="did not come up"):
        RemoteStrip(path, 18, 1, Child([sys.executable, "-c", program]))


def test_a_child_that_listens_elsewhere_is_told(tmp_path: Path) -> None:
    program = "import sys; print('ready', flush=True); sys.stdin.read()"
    child = Child([sys.executable, "-c", program])
    with pytest.raises(PartMissing, match="started here cannot be reached"):
        RemoteStrip(tmp_path / "socket", 18, 1, child)
    child.close()


def test_a_program_that_is_not_there_is_told(path: Path) -> None:
    with pytest.raises(PartMissing, match="cannot be started"):
        RemoteStrip(path, 18, 1, Child(["/nowhere/station-agent"]))


def test_a_child_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(child_module, "ENDS_WITHIN_S", 0.05)
    child = Child([sys.executable, "-c", "import threading; print('ready', flush=True); threading.Event().wait()"])
    child.start()
    assert child._running is not None
    process, _ = child._running
    child.close()
    assert process.poll() == -9
    assert "is killed" in caplog.text


def test_the_line_to_a_server_is_not_handed_to_programs(shelf: Shelf, path: Path) -> None:
    with served(shelf, path):
        strip = RemoteStrip(path, 18, 1)
        assert isinstance(strip._line, socket.socket)
        assert not strip._line.get_inheritable()
        strip.close()
