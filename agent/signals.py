"""SIGTERM and SIGINT reach the process at once, whichever of its threads the kernel gives them to.

Python runs a handler in the main thread only, and does not wake that when another thread took the signal: one that
waits for a lock or a queue would wait on. The byte that the interpreter writes at once (`signal.set_wakeup_fd`) wakes
a thread of its own, `signals`.
"""

import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType

from agent.heartbeats import Heart

STOPPING = (signal.SIGTERM, signal.SIGINT)
THREAD = "signals"


def on_signals(call: Callable[[], None], heart: Heart | None = None) -> Callable[[], None]:
    """From now on call this in the thread `signals`, for each SIGTERM and SIGINT. Main thread only, one at a time.

    Gives what ends that: both signals are then without effect.
    """
    listening, woken = socket.socketpair()
    woken.setblocking(False)

    thread = threading.Thread(
        target=_listen, args=[listening, woken, call, heart or Heart(THREAD)], name=THREAD, daemon=True
    )
    thread.start()
    signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    for number in STOPPING:
        signal.signal(number, _taken)

    def end() -> None:
        signal.set_wakeup_fd(-1)
        woken.close()
        thread.join()
        listening.close()

    return end


def _listen(listening: socket.socket, woken: socket.socket, call: Callable[[], None], heart: Heart) -> None:
    """Hold `woken` too: nobody else may, and a socket that nobody holds is closed."""
    while woken.fileno() >= 0 and (received := listening.recv(64)):
        heart.work()
        if any(number in STOPPING for number in received):
            call()
        heart.rest()


def _taken(number: int, frame: FrameType | None) -> None:
    """Nothing: the thread `signals` has heard it; without a handler Python would end the process."""
