"""A process that was told to end ends; that it does whatever hangs is proven in tests/station."""

import subprocess
import sys
import threading

from support.mqtt import eventually

from agent.ending import LastResort

HANGS = """
import logging, threading
from agent import ending

logging.basicConfig(format="%(levelname)s %(message)s")
ending.STOP_S = 0.2
resort = ending.LastResort()
resort.begin()
resort.begin()
{hang}
"""
DEAF = """
import ctypes
ending.DEAF_S = 0.2
library = ctypes.PyDLL(None)  # it keeps the interpreter while it works
resort = ending.LastResort()
resort.begin()
library.pause()
"""


def names() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


def test_called_off_it_leaves_the_process_alone() -> None:
    resort = LastResort()
    resort.begin()
    assert "last-resort" in names()
    resort.call_off()
    assert eventually(lambda: "last-resort" not in names())
    resort.begin()
    assert "last-resort" not in names()


def test_a_process_that_hangs_says_where_and_leaves() -> None:
    program = HANGS.format(hang="threading.Event().wait()")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert done.stderr.startswith("CRITICAL the station did not stop within 0.2 s: it ends without leave\n")
    assert "CRITICAL stack of MainThread: <string>:" in done.stderr


def test_an_interpreter_that_gives_no_thread_a_turn_is_ended_too() -> None:
    program = HANGS.format(hang=DEAF)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert "most recent call first" in done.stderr
