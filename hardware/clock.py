"""The hardware's only source of time; every part also takes one as an argument."""

import time


def boottime() -> float:
    """Seconds since boot, counting sleep, never jumping (CLOCK_BOOTTIME)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
