"""Copies of a journal as it was before another version ran, beside it: `journal.db.before-VERSION`."""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from agent.journal.file import NotWritten, examined

COPIES = 3
"""How many are kept: the one just made, and the newest of the others."""

log = logging.getLogger(__name__)


def keep_copy(journal: Path, version: str) -> Path:
    """Copy a journal, its log included; gives the new file, which is whole or not there. Raises NotWritten.

    `version` is the one that runs next.
    """
    copy = journal.with_name(f"{journal.name}.before-{version}")
    new = journal.with_name(f"{journal.name}.copying")
    try:
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)
        with examined(journal) as source, closing(sqlite3.connect(new)) as target:
            source.backup(target)
        _synced(new)
        new.replace(copy)
        _synced(journal.parent)
        others = sorted((each for each in _copies(journal) if each != copy), key=_written, reverse=True)
        for old in others[COPIES - 1 :]:
            old.unlink()
    except (sqlite3.Error, OSError) as error:
        with suppress(OSError):  # what is wrong is told below, and the next copy removes it too
            new.unlink(missing_ok=True)
        raise NotWritten(f"The journal {journal} cannot be copied: {error}. Check its disk and free space.") from error
    return copy


def forget_copies(journal: Path, before: float) -> None:
    """Remove the copies that are older than `before` (Unix seconds): cards stand in them."""
    try:
        for copy in _copies(journal):
            if _written(copy) < before:
                copy.unlink()
    except OSError as error:
        log.warning("an old copy of the journal cannot be removed: %s", error)


def _copies(journal: Path) -> Iterator[Path]:
    return journal.parent.glob(f"{journal.name}.before-*")


def _written(path: Path) -> float:
    return path.stat().st_mtime


def _synced(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
