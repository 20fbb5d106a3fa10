"""SIGTERM and SIGINT are heard at once, whichever thread the kernel gives them to."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from agent.cli import stop_on_signals
from agent.signals import on_signals


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTTIN)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_process_stops(number: signal.Signals) -> None:
    heard = threading.Semaphore(0)
    end = on_signals(heard.release)
    for _ in range(2):
        os.kill(os.getpid(), number)
        assert heard.acquire(timeout=5)
    end()
    os.kill(os.getpid(), number)
    assert not heard.acquire(blocking=False)


def test_one_that_another_thread_took_does_not_wait_for_the_main_thread() -> None:
    stop, done = threading.Event(), threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    end = on_signals(stop.set)
    assert other.ident is not None
    threading.Timer(0.05, signal.pthread_kill, [other.ident, signal.SIGTERM]).start()
    assert stop.wait(5)
    done.set()
    other.join()
    end()


def test_other_signals_are_none_of_its_business() -> None:
    heard = threading.Event()
    end = on_signals(heard.set)
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    os.kill(os.getpid(), signal.SIGUSR1)
    end()
    signal.signal(signal.SIGUSR1, before)
    assert not heard.is_set()


def test_the_commands_stop_on_signals_and_do_not_stand_still_in_the_background(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[object] = []
    monkeypatch.setattr("agent.signals.on_signals", calls.append)
    stop = stop_on_signals()
    assert calls == [stop.set]
    assert signal.getsignal(signal.SIGTTIN) is signal.SIG_IGN


def test_it_goes_on_listening_though_nobody_holds_what_would_end_it() -> None:
    ended = subprocess.run([sys.executable, "-c", FORGETFUL], capture_output=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout) == (0, b"heard\n")


FORGETFUL = """
import gc, os, signal, threading
from agent.cli import stop_on_signals

stop = stop_on_signals()
gc.collect()
os.kill(os.getpid(), signal.SIGTERM)
if stop.wait(20):
    print("heard")
"""
