"""The lights process as it runs on a station, over the emulated C module: rpi_ws281x and all above it are real."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.mqtt import eventually

from agent.rooms import LIGHTS_PROCESS
from hardware.parts import LightsFailure, PartMissing
from hardware.sockets import at_path
from hardware.strips import frames
from hardware.strips.child import Child
from hardware.strips.remote import RemoteStrip

CLONE = Path(__file__).parents[3]
PROGRAM = CLONE / "tests" / "support" / "lights_process.py"
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(CLONE), str(CLONE / "tests")])}
RED, BLUE, BLACK = [255, 0, 0], [0, 0, 255], [0, 0, 0]
NOBODY = 65534


class Process:
    """The lights process, and what its strip shows."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.path = folder / "socket"
        self.frames = folder / "frames"
        self.frames.touch()
        self._options = options
        self.start()

    def start(self) -> None:
        command = [sys.executable, str(PROGRAM), str(self.frames), "lights", "--socket", str(self.path)]
        self.process = subprocess.Popen(
            [*command, *self._options], env=ENVIRONMENT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert eventually(lambda: self.listens() or self.process.poll() is not None)

    def listens(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                at_path(self.path, probe.connect)
            except OSError:
                return False
        return True

    def shown(self) -> list[list[list[int]]]:
        return [json.loads(line) for line in self.frames.read_text(encoding="utf-8").splitlines()]

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that everybody may enter, as /run is."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


Start = Callable[..., Process]


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts lights processes, and ends them after the test."""
    processes: list[Process] = []

    def started(*options: str) -> Process:
        processes.append(Process(folder, *options))
        return processes[-1]

    yield started
    for one in processes:
        if one.process.poll() is None:
            one.end(signal.SIGKILL)


@pytest.fixture
def lights(start: Start) -> Process:
    return start()


def test_frames_reach_the_strip_through_the_real_library(lights: Process) -> None:
    strip = RemoteStrip(lights.path, 18, 3)
    strip.show([(255, 0, 0), (0, 0, 255)])
    assert lights.shown() == [[RED, BLUE, BLACK]]
    strip.close()
    assert eventually(lambda: lights.shown()[-1] == [BLACK] * 3)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well_and_dark(lights: Process, number: int) -> None:
    strip = RemoteStrip(lights.path, 18, 1)
    strip.show([(255, 0, 0)])
    code, errors = lights.end(number)
    assert (code, lights.shown()) == (0, [[RED], [BLACK]]), errors
    strip.close()
    lights.start()
    assert lights.listens(), "what is left of its socket is in nobody's way"


AGENT = """
import sys
from pathlib import Path
from hardware.strips.remote import RemoteStrip
strip = RemoteStrip(Path(sys.argv[1]), 18, 2)
strip.show([(255, 0, 0)] * 2)
print("shown", flush=True)
sys.stdin.read()
"""


def test_an_agent_that_is_killed_leaves_a_dark_strip(lights: Process) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", AGENT, str(lights.path)],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as agent:
        assert agent.stdout is not None
        assert agent.stdout.readline() == "shown\n"
        assert lights.shown() == [[RED] * 2]
        agent.kill()
    assert eventually(lambda: lights.shown()[-1] == [BLACK] * 2)


def test_a_killed_process_is_a_failure_and_found_again(lights: Process) -> None:
    strip = RemoteStrip(lights.path, 18, 1)
    lights.end(signal.SIGKILL)
    with pytest.raises(LightsFailure):
        strip.show([(255, 0, 0)])
    with pytest.raises(LightsFailure, match="no lights process listens"):
        strip.show([(255, 0, 0)])
    lights.start()
    strip.show([(0, 0, 255)])
    assert lights.shown() == [[BLUE]]
    strip.close()


def test_a_dead_strip_is_told_and_comes_back(lights: Process) -> None:
    strip = RemoteStrip(lights.path, 18, 1)
    lights.frames.with_suffix(".dead").touch()
    with pytest.raises(LightsFailure, match="-10"):
        strip.show([(255, 0, 0)])
    lights.frames.with_suffix(".dead").unlink()
    strip.show([(255, 0, 0)])
    assert lights.shown()[-1] == [RED]
    strip.close()


def test_a_board_that_the_library_does_not_know_is_told_and_ends_well(folder: Path, start: Start) -> None:
    (folder / "frames.unsupported").touch()
    lights = start()
    for _ in range(3):
        with pytest.raises(PartMissing, match=r"-3 \(Hardware revision is not supported\)"):
            RemoteStrip(lights.path, 18, 1)
    code, errors = lights.end()
    assert code == 0, errors
    assert errors.count("no lights: the strip on GPIO18 cannot be opened") == 1


def test_the_real_c_module_fails_off_a_pi_and_the_process_lives_on_and_ends_well(folder: Path) -> None:
    if Path("/dev/vcio").exists():
        pytest.skip("this is a Pi")
    path = folder / "socket"
    child = Child([*LIGHTS_PROCESS, "--socket", str(path)])
    for _ in range(2):
        with pytest.raises(PartMissing, match=r"-3 .*run as root on a Pi up to 4"):
            RemoteStrip(path, 18, 24, child)
    assert child._running is not None
    process, _ = child._running
    child.close()
    assert process.poll() == 0


def test_a_child_says_when_it_is_ready_and_goes_dark_with_its_parent(folder: Path) -> None:
    (folder / "frames").touch()
    path, shown = folder / "lights" / "socket", folder / "frames"
    command = [sys.executable, str(PROGRAM), str(shown), "lights", "--child", "--socket", str(path)]
    parent = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(CLONE)!r})
from hardware.strips.child import Child
from hardware.strips.remote import RemoteStrip
strip = RemoteStrip(Path({str(path)!r}), 18, 1, Child({command!r}))
strip.show([(255, 0, 0)])
print(strip._child._running[0].pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", parent], env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert shown.read_text() == "[[255, 0, 0]]\n"
        process.kill()
    assert eventually(lambda: shown.read_text() == "[[255, 0, 0]]\n[[0, 0, 0]]\n")
    assert eventually(lambda: not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text())


STRANGER = f"""
import os, socket, sys
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
line = socket.socket(socket.AF_UNIX)
try:
    line.connect(sys.argv[1])
    line.sendall(bytes.fromhex(sys.argv[2]))
    print(line.recv(100))
except PermissionError:
    print("kept out")
except ConnectionError:
    print(b"")
"""


def stranger(path: Path, said: bytes) -> str:
    """What another user is answered."""
    return subprocess.run(
        [sys.executable, "-c", STRANGER, str(path), said.hex()], capture_output=True, text=True, check=True, timeout=20
    ).stdout.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(("mode", "told"), [(0o660, "kept out"), (0o666, "b''")])
def test_another_user_is_kept_out_by_the_sockets_mode_and_sent_away_by_the_process(
    lights: Process, mode: int, told: str
) -> None:
    lights.path.chmod(mode)
    assert stranger(lights.path, frames.hello(18, 1) + frames.frame([(255, 0, 0)])) == told
    assert lights.shown() == []
    strip = RemoteStrip(lights.path, 18, 1)
    strip.show([(255, 0, 0)])
    strip.close()
    code, errors = lights.end()
    assert code == 0
    assert errors.count(f"user {NOBODY} ") == (mode == 0o666)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_the_user_that_is_named_may_connect(start: Start) -> None:
    lights = start("--user", "nobody")
    assert stranger(lights.path, frames.hello(18, 1)) == repr(frames.done())
    assert lights.end()[0] == 0


def test_root_loads_nothing_of_the_agent_but_what_it_needs() -> None:
    program = "import sys, agent.cli.lights; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=20
    )
    loaded = set(done.stdout.split())
    assert {name for name in loaded if name.startswith("agent.")} == {
        *("agent.cli", "agent.cli.lights", "agent.journald", "agent.log_limit", "agent.logs"),
        *("agent.notify", "agent.version"),
    }
    assert not loaded & {"requests", "paho", "msgspec", "gpiozero", "lgpio", "spidev"}


def test_a_second_one_at_the_same_socket_says_so(lights: Process, start: Start) -> None:
    second = start()
    _, errors = second.process.communicate(timeout=20)
    assert second.process.returncode == 1
    assert "stop that one first" in errors
    assert lights.process.poll() is None
