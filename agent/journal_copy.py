"""Keeps a copy of the journal, for scripts/upgrade.sh: `python -m agent.journal_copy JOURNAL VERSION`."""

import sys
from pathlib import Path

from agent.journal import JournalError
from agent.journal.copies import keep_copy


def main(journal: str, version: str) -> int:
    """Copy it before `version` runs, and name the copy; gives the exit status."""
    try:
        sys.stdout.write(f"{keep_copy(Path(journal), version)}\n")
    except JournalError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
