"""The station's memory: one SQLite file, written before anything leaves or moves."""

import logging
from pathlib import Path

from agent.journal.age import Kept
from agent.journal.file import JournalError, JournalUnreadable, NotWritten, begin_again
from agent.journal.journal import FLUSH_S, Journal
from agent.journal.rows import OwedRow, Writing
from agent.journal.unwritten import Unwritten

__all__ = [
    "FLUSH_S",
    "Journal",
    "JournalError",
    "JournalUnreadable",
    "Kept",
    "NotWritten",
    "OwedRow",
    "Unwritten",
    "Writing",
    "open_journal",
]

log = logging.getLogger(__name__)


def open_journal(path: Path, unwritten: Unwritten) -> Journal:
    """The station's journal, whatever its disk does: an unreadable one is kept aside, never deleted.

    The new one says so (`lost`). If nothing can be written either, it stands in memory until it can.
    """
    try:
        return Journal(path, unwritten=unwritten)
    except JournalUnreadable as error:
        log.error("%s", error)  # noqa: TRY400  the cause is in the sentence
        reason = str(error)
    unwritten.clear()
    try:
        begin_again(path, reason)
    except NotWritten as error:
        log.error("%s", error)  # noqa: TRY400
        return Journal(path, unwritten=unwritten, adrift=reason)
    return Journal(path, unwritten=unwritten)
