"""A solenoid's bolt on a simulated GPIO chip: the line of its sensor follows the line of its lock.

Waits for power with a poll, as gpio-sim tells nobody when a line is driven.
"""

import sys
import threading
from pathlib import Path

EVERY_S = 0.01
LEVELS = {"1": "pull-down", "0": "pull-up"}
"""The sensor's contact, by the level of the lock's line: closed, so low, while the bolt is held."""


def main(lines: Path, lock: str, sensor: str) -> None:
    """Follow until killed."""
    level, contact = lines / f"sim_gpio{lock}" / "value", lines / f"sim_gpio{sensor}" / "pull"
    shown = ""
    never = threading.Event()
    while True:
        now = level.read_text().strip()
        if now != shown:
            contact.write_text(LEVELS[now])
            shown = now
        never.wait(EVERY_S)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
