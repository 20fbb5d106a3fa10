"""Every thread: a name, one small step, a prompt end."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from support.mqtt import eventually

from agent import threads
from agent.diagnostics import heartbeats
from agent.heartbeats import Hearts
from agent.threads import Crew, Loop, Pool, Turn, Worker

LONG = 30.0


def steps(*waits: float) -> tuple[Callable[[], float], list[str], threading.Event]:
    """A step that asks for these waits and then for a long one; who called it; set at the last."""
    left, callers, last = list(waits), [], threading.Event()

    def step() -> float:
        callers.append(threading.current_thread().name)
        if left:
            return left.pop(0)
        last.set()
        return LONG

    return step, callers, last


@contextmanager
def started(loop: Loop) -> Iterator[Loop]:
    with Crew() as crew:
        crew.start(loop)
        yield loop


def test_it_steps_under_its_name_until_it_is_stopped() -> None:
    step, callers, last = steps(0.0, 0.0, 0.001)
    with started(Loop("reader", step, Hearts())) as loop:
        assert loop.name == "reader"
        assert last.wait(5.0)
    assert callers == ["reader"] * 4
    assert "reader" not in {thread.name for thread in threading.enumerate()}


def test_it_stops_promptly_while_it_waits() -> None:
    step, _, last = steps()
    begun = time.monotonic()
    with started(Loop("reader", step, Hearts())):
        assert last.wait(5.0)
    assert time.monotonic() - begun < LONG / 2


@pytest.mark.parametrize("wait", [LONG, float("inf")])
def test_it_can_be_woken(wait: float) -> None:
    called = threading.Semaphore(0)

    def step() -> float:
        called.release()
        return wait

    with started(Loop("lights", step, Hearts())) as loop:
        for _ in range(3):
            assert called.acquire(timeout=5.0)
            loop.wake()
        assert called.acquire(timeout=5.0)
        assert not called.acquire(timeout=0.02), "it steps without having been woken"


def test_a_step_that_raises_is_logged_and_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(threads, "AFTER_ERROR_S", 0.001)
    again = threading.Event()
    calls: list[int] = []

    def step() -> float:
        calls.append(1)
        if len(calls) == 1:
            raise OSError("the bus is gone")
        again.set()
        return LONG

    with started(Loop("reader", step, Hearts())):
        assert again.wait(5.0)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "reader failed" in record.message
    assert "the bus is gone" in caplog.text


class Hang:
    """A step that hangs until it is let go."""

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()
        self.calls: list[str] = []

    def step(self) -> float:
        self.calls.append(threading.current_thread().name)
        if len(self.calls) == 1:
            self.begun.set()
            assert self.let_go.wait(LONG)
        return LONG


def test_those_that_do_not_end_are_named_and_keep_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(threads, "JOIN_S", 0.05)
    hangs = [Hang(), Hang()]
    step, _, last = steps()
    loops = [Loop("lights", hangs[0].step, Hearts()), Loop("health", step, Hearts())]
    with Crew() as crew:
        for loop in [*loops, Loop("reader", hangs[1].step, Hearts())]:
            crew.start(loop)
        assert last.wait(5.0)
        assert all(hang.begun.wait(5.0) for hang in hangs)
    assert [record.message for record in caplog.records] == [
        "reader did not end within 0.05 s: left to end with the process",
        "lights did not end within 0.05 s: left to end with the process",
    ]
    assert "health" not in {thread.name for thread in threading.enumerate()}
    for hang in hangs:
        hang.let_go.set()
    assert loops[0].join(5.0)


def test_a_thread_does_its_last_at_its_end() -> None:
    step, _, last = steps()
    done: list[str] = []
    with Crew() as crew:
        crew.start(Loop("locks", step, Hearts(), last=lambda: done.append(threading.current_thread().name)))
        assert last.wait(5.0)
        assert done == []
    assert done == ["locks"]


def test_a_heart_beats_at_the_begin_and_the_end_of_each_step() -> None:
    now = [100.0]
    hearts = Hearts(lambda: now[0])
    hang = Hang()
    with started(Loop("lights", hang.step, hearts)):
        assert hang.begun.wait(5.0)
        now[0] = 130.0
        assert (hearts.seconds(), hearts.busy()) == ({"lights": 30.0}, {"lights": 30.0})
        hang.let_go.set()
        assert eventually(lambda: hearts.last() == {"lights": (130.0, False)})
        now[0] = 190.0
        assert (hearts.seconds(), hearts.busy()) == ({"lights": 60.0}, {"lights": 0.0})
        assert hearts.replaced() == {"lights": 0}


def test_a_fresh_thread_takes_the_place_of_one_that_hangs_and_that_ends_without_another_step() -> None:
    hearts = Hearts()
    hang = Hang()
    done: list[str] = []
    loop = Loop("lights", hang.step, hearts, last=lambda: done.append(threading.current_thread().name))
    with started(loop):
        assert hang.begun.wait(5.0)
        loop.worker.replace()
        assert eventually(lambda: len(hang.calls) == 2)
        assert eventually(lambda: hearts.busy() == {"lights": 0.0})
        old = next(thread for thread in threading.enumerate() if thread.name == "lights (abandoned)")
        hang.let_go.set()
        old.join(5.0)
        assert not old.is_alive()
    assert hang.calls == ["lights", "lights"]
    assert hearts.replaced() == {"lights": 1}
    assert done == ["lights"]


def test_each_thread_of_a_pool_has_its_own_place_and_heart() -> None:
    hearts, stop = Hearts(), threading.Event()
    turns: dict[str, Turn] = {}

    def run(turn: Turn) -> None:
        turns[threading.current_thread().name] = turn
        stop.wait(LONG)

    pool = Pool("supplier", 2, run, stop.set, hearts)
    with Crew() as crew:
        crew.start(pool)
        assert eventually(lambda: set(turns) == {"supplier-1", "supplier-2"})
        assert set(hearts.seconds()) == set(turns)
        first = turns["supplier-1"]
        pool.workers[0].replace()
        assert eventually(lambda: turns["supplier-1"] is not first)
        assert (first.over, turns["supplier-1"].over, turns["supplier-2"].over) == (True, False, False)
    left = {thread.name for thread in threading.enumerate() if thread.name.startswith("supplier")}
    assert left <= {"supplier-1 (abandoned)"}, "nobody waits for one that was abandoned"


def test_a_worker_says_which_thread_it_is() -> None:
    seen: list[int] = []
    worker = Worker("health", lambda _: seen.append(threading.get_ident()), Hearts())
    worker.start()
    assert worker.join(5.0)
    assert seen == [worker.ident]


def test_it_is_stopped_when_its_block_fails() -> None:
    step, _, _ = steps()
    with pytest.raises(RuntimeError, match="elsewhere"), started(Loop("health", step, Hearts())):
        raise RuntimeError("elsewhere")
    assert "health" not in {thread.name for thread in threading.enumerate()}


def test_diagnostics_tell_heartbeats_and_who_was_replaced() -> None:
    now = [100.0]
    hearts = Hearts(lambda: now[0])
    hearts.heart("lights")
    hearts.heart("lights").work()
    hearts.heart("reader").rest()
    now[0] = 101.26
    assert heartbeats(hearts) == {
        "lights": {"seconds": 1.3, "busy": 1.3, "replaced": 1},
        "reader": {"seconds": 1.3, "busy": 0.0, "replaced": 0},
    }
