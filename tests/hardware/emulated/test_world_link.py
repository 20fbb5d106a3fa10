"""The world's door and the chips' link, over a real socket."""

import contextlib
import fcntl
import socket
import stat
import struct
import termios
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hardware.emulated.cards import ReaderFault
from hardware.emulated.wire import LINE_AT_MOST, Incoming, encode, stream
from hardware.emulated.world import View, World, WorldRefused
from hardware.emulated.world_link import WorldLink
from hardware.emulated.world_server import WorldServer, _Agent
from hardware.parts import PartMissing
from hardware.sockets import at_path

CARD = "04A1B2C3D4E5F6"


@contextlib.contextmanager
def linked(path: Path, lost: threading.Event) -> Iterator[WorldLink]:
    link = WorldLink(path, lost.set)
    try:
        yield link
    finally:
        link.close()


def test_what_is_there_at_the_start_is_there_at_once(world: World, door: Path, lost: threading.Event) -> None:
    world.place(CARD)
    world.set_fault("reader-noise", True)
    with linked(door, lost) as link:
        assert link.field.uids() == {CARD}
        assert link.field.fault is ReaderFault.NOISE
        assert link.fault("reader-noise")
        assert not link.fault("lights-dead")


def test_changes_reach_the_mirror(world: World, door: Path, lost: threading.Event, eventually: Any) -> None:
    world.place(CARD)
    with linked(door, lost) as link:
        changed = threading.Event()
        link.watch(changed.set)
        world.remove(CARD)
        world.place("04000001")
        world.set_fault("reader-absent", True)
        eventually(lambda: link.field.uids() == {"04000001"} and link.field.fault is ReaderFault.ABSENT)
        assert changed.wait(5)
        world.set_fault("reader-absent", False)
        eventually(lambda: link.field.fault is None)


def test_lines_and_frames_reach_the_world(world: World, door: Path, lost: threading.Event, eventually: Any) -> None:
    with linked(door, lost) as link:
        link.drive(17, 1)
        link.show([(1, 2, 3)] * 24)
        eventually(lambda: link.closed(27))
        eventually(lambda: world.snapshot()["strip"]["pixels"][0] == [1, 2, 3])
        link.drive(17, None)
        eventually(lambda: world.snapshot()["slots"][0]["bolt"] == "unlocked")
    assert not lost.is_set()
    link.close()


def test_a_new_agent_takes_the_place_of_the_old(door: Path, lost: threading.Event) -> None:
    kept = threading.Event()
    with linked(door, lost), linked(door, kept) as second:
        assert lost.wait(5)
        second.drive(17, 1)
    assert not kept.is_set()


def test_a_world_that_ends_is_noticed(world: World, tmp_path: Path, lost: threading.Event) -> None:
    server = WorldServer(world, tmp_path / "short")
    with linked(tmp_path / "short", lost) as link:
        server.close()
        server.close()
        assert lost.wait(5)
        with pytest.raises(OSError, match=r"."):
            link.drive(17, 1)
    assert not (tmp_path / "short").exists()


def test_no_world_says_how_to_start_one(tmp_path: Path, lost: threading.Event) -> None:
    for path in (tmp_path / "none", tmp_path / "no" / "folder"):
        with pytest.raises(PartMissing, match="station-agent simulate"):
            WorldLink(path, lost.set)


@pytest.mark.parametrize("answer", [b"", b"no world\n", b'{"cards":["88"],"closed":[],"faults":[],"high":[]}\n', None])
def test_what_answers_but_is_no_world_is_missing(tmp_path: Path, lost: threading.Event, answer: bytes | None) -> None:
    with stream() as listener:
        at_path(tmp_path / "sock", listener.bind)
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                if answer is None:
                    connection.recv(1)
                else:
                    connection.sendall(answer)

        server = threading.Thread(target=serve)
        server.start()
        with pytest.raises(PartMissing, match="does not answer"):
            WorldLink(tmp_path / "sock", lost.set, answer_within_s=0.2)
        server.join()
    assert not lost.is_set()


def test_a_first_view_may_come_in_pieces(tmp_path: Path, lost: threading.Event, eventually: Any) -> None:
    view = encode({"cards": [CARD], "closed": [], "faults": [], "high": []})
    with stream() as listener:
        at_path(tmp_path / "sock", listener.bind)
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(view[:9])
                eventually(lambda: not struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4))[0])
                connection.sendall(view[9:])
                connection.recv(1)

        server = threading.Thread(target=serve)
        server.start()
        with linked(tmp_path / "sock", lost) as link:
            assert link.field.uids() == {CARD}
        server.join()


def test_a_quiet_world_is_no_lost_world(world: World, door: Path, lost: threading.Event, eventually: Any) -> None:
    link = WorldLink(door, lost.set, answer_within_s=0.5)
    try:
        assert not lost.wait(0.8)
        world.place(CARD)
        eventually(lambda: link.field.uids() == {CARD})
    finally:
        link.close()


def test_paths_of_any_length(world: World, tmp_path: Path, lost: threading.Event) -> None:
    folder = tmp_path / ("long" * 30) / ("longer" * 20)
    folder.mkdir(parents=True)
    with WorldServer(world, folder / "world.sock"), linked(folder / "world.sock", lost) as link:
        link.drive(17, 1)
        assert stat.S_IMODE((folder / "world.sock").stat().st_mode) == 0o600


def test_one_world_at_one_place(world: World, door: Path) -> None:
    with pytest.raises(WorldRefused, match="already"):
        WorldServer(world, door)


def test_what_a_killed_world_left_is_swept_away(world: World, tmp_path: Path, lost: threading.Event) -> None:
    with stream() as left:
        at_path(tmp_path / "sock", left.bind)
    with WorldServer(world, tmp_path / "sock"), linked(tmp_path / "sock", lost):
        pass


def test_a_place_that_cannot_be_is_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(WorldRefused, match="choose another"):
        WorldServer(world, tmp_path / "no" / "sock")


@pytest.mark.parametrize(
    "data", [b"rubbish\n", encode({}), encode({"line": [99, 1]}), encode({"frame": "0"}), b"x" * (LINE_AT_MOST + 1)]
)
def test_an_agent_that_talks_rubbish_is_sent_away(door: Path, lost: threading.Event, data: bytes) -> None:
    with connected(door) as rude:
        rude.sendall(data)
        while rude.recv(4096):
            pass
    with linked(door, lost) as link:
        link.drive(17, 1)
    assert not lost.is_set()


def test_an_agent_that_does_not_read_keeps_nobody_waiting_and_sees_the_latest_at_last() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.settimeout(5)
        sleeper = _Agent(ours)
        number = 0
        while not sleeper.unsent:
            number += 1
            sleeper.show(View(closed=(number,)))
        sleeper.show(View(closed=(0,)))
        incoming = Incoming()
        seen = [message for _ in range(number) for message in incoming.feed(theirs.recv(1))]
        while not seen or seen[-1]["closed"] != [0]:
            sleeper.show(View(closed=(0,)))
            seen += incoming.feed(theirs.recv(65536))
        assert [message["closed"] for message in seen] == [[n] for n in (*range(1, number + 1), 0)]


def test_an_agent_that_vanishes_leaves_its_lines(world: World, door: Path, eventually: Any) -> None:
    with connected(door) as gone:
        gone.sendall(encode({"line": [17, 1]}))
    eventually(lambda: world.snapshot()["slots"][0]["bolt"] == "locked")
    world.place(CARD)
    assert world.snapshot()["lines"] == {"17": 1}


def test_a_killed_agent_is_heard_out_before_its_successor(world: World, door: Path) -> None:
    with connected(door) as killed, stream() as successor:
        assert killed.recv(4096)
        with world._lock:
            world.place(CARD)  # the server wakes up, and waits for the world
            at_path(door, successor.connect)
            killed.sendall(encode({"line": [17, 1]}))
            killed.close()
        assert successor.recv(4096)
    assert world.snapshot()["lines"] == {"17": 1}


@contextlib.contextmanager
def connected(path: Path) -> Iterator[socket.socket]:
    with stream() as connection:
        at_path(path, connection.connect)
        yield connection
