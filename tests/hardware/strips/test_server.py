"""The lights process's server: who may connect, what may be said, and what is left when somebody goes."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from support.lights import DONE, HELLO, LIT, RED, Caller, Shelf, served

from hardware.strips import frames, server
from hardware.strips.door import listen_at
from hardware.strips.frames import Kind
from hardware.strips.server import LightsServer


def test_frames_arrive_and_are_answered(agent: Caller, shelf: Shelf) -> None:
    assert agent.ask(LIT) == DONE
    assert agent.ask(frames.frame([(1, 2, 3), (4, 5, 6), (7, 8, 9)])) == DONE
    assert shelf.opened == [(18, 3)]
    assert shelf.shown == [[RED] * 3, [(1, 2, 3), (4, 5, 6), (7, 8, 9)]]


def test_an_agent_that_goes_leaves_a_dark_strip(agent: Caller, shelf: Shelf, eventually: Any) -> None:
    agent.ask(LIT)
    assert shelf.lit
    agent.line.close()
    eventually(lambda: not shelf.lit and shelf.lent == 0)


def test_a_server_that_stops_leaves_a_dark_strip_and_no_connection(shelf: Shelf, path: Path) -> None:
    with served(shelf, path):
        caller, silent = Caller(path), Caller(path)
        caller.ask(HELLO)
        caller.ask(LIT)
        assert shelf.lit
    assert (shelf.lit, shelf.lent) == (False, 0)
    assert caller.is_sent_away()
    assert silent.is_sent_away()
    for one in (caller, silent):
        one.line.close()


def test_a_newer_agent_takes_the_strip_over(
    agent: Caller, shelf: Shelf, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    agent.ask(LIT)
    newer = Caller(path)
    assert newer.ask(frames.hello(12, 2)) == DONE
    assert shelf.opened == [(18, 3), (12, 2)]
    assert agent.is_sent_away()
    assert newer.ask(frames.frame([RED] * 2)) == DONE
    assert caplog.messages.count("an agent was sent away: another agent took the strip over") == 1
    newer.line.close()


def test_a_frame_that_arrives_with_the_newer_agents_hello_is_too_late(shelf: Shelf, path: Path) -> None:
    server = LightsServer(listen_at(path, "station-agent"), frozenset({os.geteuid()}), shelf.open)
    old = Caller(path)
    server._step()
    old.line.sendall(HELLO)
    server._step()
    newer = Caller(path)
    server._step()
    newer.line.sendall(HELLO)
    old.line.sendall(LIT)
    server._step()
    assert shelf.shown == []
    assert shelf.opened == [(18, 3), (18, 3)]
    server.stop()
    server.run()
    for one in (old, newer):
        one.line.close()


def test_somebody_who_names_no_strip_takes_nothing_over_and_has_to_go(
    agent: Caller, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "NAMED_WITHIN_S", 0.05)
    silent, second = Caller(path), Caller(path)
    second.line.sendall(HELLO[:4])
    assert agent.ask(LIT) == DONE
    assert silent.is_sent_away()
    assert second.is_sent_away()
    assert agent.ask(LIT) == DONE
    assert caplog.messages.count("an agent was sent away: it named no strip in time") == 2
    for one in (silent, second):
        one.line.close()


@pytest.mark.parametrize(
    "said",
    [
        b"\x00" * 6,
        HELLO,
        frames.done(),
        frames.failed("no"),
        frames.frame([RED] * 2),
        frames.frame([RED] * 4),
        frames.frame([]),
        b"SL\x01\x02\xff\xff",
    ],
)
def test_what_is_no_frame_of_this_strip_ends_the_connection_and_is_told_once(
    agent: Caller, shelf: Shelf, eventually: Any, caplog: pytest.LogCaptureFixture, said: bytes
) -> None:
    agent.ask(LIT)
    agent.line.sendall(said)
    assert agent.is_sent_away()
    eventually(lambda: not shelf.lit)
    assert shelf.shown == [[RED] * 3]
    assert len([message for message in caplog.messages if "sent away" in message]) == 1


@pytest.mark.parametrize("said", [LIT, frames.done(), frames.hello(17, 3), frames.hello(18, 0), frames.hello(18, 1001)])
def test_the_first_word_names_a_strip_that_can_be(shelf: Shelf, path: Path, said: bytes) -> None:
    with served(shelf, path):
        caller = Caller(path)
        caller.line.sendall(said)
        assert caller.is_sent_away()
        caller.line.close()
    assert shelf.opened == []


def test_a_strip_that_cannot_be_opened_is_told_and_tried_again_for_the_next(shelf: Shelf, path: Path) -> None:
    shelf.missing = "no DMA"
    with served(shelf, path):
        caller = Caller(path)
        assert caller.ask(HELLO) == (Kind.FAILED, b"no DMA")
        assert caller.is_sent_away()
        shelf.missing = ""
        again = Caller(path)
        assert again.ask(HELLO) == DONE
        for one in (caller, again):
            one.line.close()


def test_a_frame_that_is_not_taken_is_told(agent: Caller, shelf: Shelf) -> None:
    shelf.broken = "no power"
    assert agent.ask(LIT) == (Kind.FAILED, b"no power")
    shelf.broken = ""
    assert agent.ask(LIT) == DONE


def test_one_that_takes_no_answers_has_to_go(
    agent: Caller, shelf: Shelf, eventually: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def flood() -> None:
        try:
            while True:
                agent.line.sendall(LIT * 100)
        except OSError:
            pass

    flooding = threading.Thread(target=flood)
    flooding.start()
    flooding.join(30)
    assert not flooding.is_alive(), "it was never sent away"
    eventually(lambda: shelf.lent == 0)
    assert "sent away" in caplog.text


def test_nobody_else_may_connect(shelf: Shelf, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with served(shelf, path, users=frozenset({os.geteuid() + 1})):
        for _ in range(3):
            caller = Caller(path)
            caller.say_and_leave(HELLO + LIT)
    assert (shelf.opened, shelf.shown) == ([], [])
    assert len([message for message in caplog.messages if "may not drive the lights" in message]) == 1


def test_a_pipe_that_closes_ends_it(shelf: Shelf, path: Path) -> None:
    server = LightsServer(listen_at(path, "station-agent"), frozenset({os.geteuid()}), shelf.open)
    ours, theirs = os.pipe()
    server.end_with(ours)
    thread = threading.Thread(target=server.run)
    thread.start()
    os.close(theirs)
    thread.join(10)
    assert not thread.is_alive()
    os.close(ours)
