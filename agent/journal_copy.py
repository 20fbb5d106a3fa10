"""Keeps a copy of the journal of a station whose agent has ended, for scripts/upgrade.sh.

`python -m agent.journal_copy CONFIG VERSION`: the copy from before this version runs.
"""

import sys
from pathlib import Path

from agent.config import ConfigError, load
from agent.config.places import JOURNAL
from agent.journal import JournalError
from agent.journal.copies import keep_copy


def main(config_file: str, version: str) -> int:
    """Make the copy and name it; gives the exit status. A station that has no journal yet has nothing to copy."""
    try:
        journal = load(Path(config_file)).station.state_dir / JOURNAL
        if journal.exists():
            sys.stdout.write(f"{keep_copy(journal, version)}\n")
    except (ConfigError, JournalError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
