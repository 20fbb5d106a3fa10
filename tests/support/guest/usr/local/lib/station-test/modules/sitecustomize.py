"""Lets an agent take more and more memory as soon as somebody asks for it by a file; once, and not the next agent."""

import sys
import threading
from pathlib import Path

ASKED = Path("/run/station-agent/leak")
BLOCK = 2**20


def leak() -> None:
    """Wait until it is asked for; then never end."""
    never = threading.Event()
    while not ASKED.exists():
        never.wait(0.5)
    ASKED.unlink()
    held = []
    while True:
        held.append(b"x" * BLOCK)


if "run" in sys.orig_argv:
    threading.Thread(target=leak, daemon=True).start()
