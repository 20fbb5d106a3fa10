"""Waiting for what will be so."""

from collections.abc import Callable
from threading import Event

from hardware.clock import boottime

PATIENCE_S = 10.0
"""How long anything may take where no clock decides."""
LOOK_S = 0.01


def until(condition: Callable[[], object], within_s: float = PATIENCE_S) -> bool:
    """Wait for the condition; whether it came true."""
    never, deadline = Event(), boottime() + within_s
    while not condition():
        if boottime() >= deadline:
            return False
        never.wait(LOOK_S)
    return True
