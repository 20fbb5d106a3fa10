"""Every thread: a name, one small step, a prompt end."""

import logging
import threading
import time
from collections.abc import Callable

import pytest

from agent import threads
from agent.threads import Loop, ThreadStuck, started

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


def test_it_steps_under_its_name_until_it_is_stopped() -> None:
    step, callers, last = steps(0.0, 0.0, 0.001)
    with started(Loop("reader", step)) as loop:
        assert loop.name == "reader"
        assert last.wait(5.0)
    assert callers == ["reader"] * 4
    assert "reader" not in {thread.name for thread in threading.enumerate()}


def test_it_stops_promptly_while_it_waits() -> None:
    step, _, last = steps()
    begun = time.monotonic()
    with started(Loop("reader", step)):
        assert last.wait(5.0)
    assert time.monotonic() - begun < LONG / 2


@pytest.mark.parametrize("wait", [LONG, float("inf")])
def test_it_can_be_woken(wait: float) -> None:
    called = threading.Semaphore(0)

    def step() -> float:
        called.release()
        return wait

    with started(Loop("lights", step)) as loop:
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

    with started(Loop("reader", step)):
        assert again.wait(5.0)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "reader failed" in record.message
    assert "the bus is gone" in caplog.text


def test_one_that_does_not_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "JOIN_S", 0.01)
    begun, let_go = threading.Event(), threading.Event()

    def hang() -> float:
        begun.set()
        assert let_go.wait(LONG)
        return LONG

    loop = Loop("locks", hang)
    loop.start()
    assert begun.wait(5.0)
    with pytest.raises(ThreadStuck, match="locks"):
        loop.stop()
    let_go.set()
    monkeypatch.setattr(threads, "JOIN_S", 5.0)
    loop.stop()


def test_it_is_stopped_when_its_block_fails() -> None:
    step, _, _ = steps()
    with pytest.raises(RuntimeError, match="elsewhere"), started(Loop("health", step)):
        raise RuntimeError("elsewhere")
    assert "health" not in {thread.name for thread in threading.enumerate()}
