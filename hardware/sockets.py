"""Unix sockets at paths of any length."""

import os
from collections.abc import Callable
from pathlib import Path


def at_path(path: Path, act: Callable[[str], None]) -> None:
    """Bind or connect (`act`) at a path of any length: a socket's own address holds 107 bytes (unix(7))."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        act(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
