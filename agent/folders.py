"""A folder for one process alone, so that no two agents share a journal and no two simulations a station."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FolderError(Exception):
    """A folder cannot be used; the message says why and what to do."""


class FolderTaken(FolderError):
    """Another process holds it."""


@contextmanager
def held(folder: Path, holder: str) -> Iterator[None]:
    """Make the folder if need be and hold it (flock(2) on the folder itself: a killed holder holds nothing).

    `holder` names who else may hold it, such as "another agent". Raises FolderTaken and FolderError.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise FolderError(f"The folder {folder} cannot be used: {error.strerror}. Use another one.") from error
    try:
        _lock(handle, folder, holder)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path, holder: str) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise FolderTaken(f"The folder {folder} is in use by {holder}: stop that first, or use another.") from error
    except OSError as error:
        raise FolderError(f"The folder {folder} cannot be locked: {error.strerror}. Use another one.") from error
