"""Files that hold secrets or prove who somebody is: read when needed, so that new ones count without a restart.

No sentence here ever shows what such a file holds.
"""

import os
from pathlib import Path

LONGEST_SECRET = 8192
"""Bytes of a token or a password, which is also what HTTP servers take as one header."""

Mark = tuple[int, int, int] | None


class UnusableFile(OSError):
    """A file that the config names cannot be used now; the sentence says which, why, and what would do."""


class Watched:
    """Some files that may change while the station runs; empty names are left out."""

    def __init__(self, *paths: str) -> None:
        self._paths = [path for path in paths if path]

    def marks(self) -> tuple[Mark, ...]:
        """What changes with the files: of each its time of change (ns), inode and size; None if it cannot be seen."""
        return tuple(_mark(path) for path in self._paths)


def read_secret(path: str, key: str) -> str:
    """The one line in the file, without its end; `key` is how the config calls the file. Raises UnusableFile."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(LONGEST_SECRET + 1)
    except OSError as error:
        raise UnusableFile(f"{key} {path} cannot be read: {error.strerror}") from error
    line = content.rstrip(b"\r\n")
    if not line or len(content) > LONGEST_SECRET or set(b"\r\n\0") & set(line):
        raise UnusableFile(f"{key} {path} must hold one line of at most {LONGEST_SECRET} bytes")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        # Its own words would tell a byte of the secret, also as the cause of another.
        raise UnusableFile(f"{key} {path} must hold UTF-8 text") from None


def _mark(path: str) -> Mark:
    try:
        found = os.stat(path)  # noqa: PTH116  Path.stat costs more, and this is asked at each exchange
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
