"""scripts/bench: measure some parts and print them, or all of them and write docs/performance.md."""

import argparse
import importlib
import logging
import sys
import time
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from support.measure.figures import Part, Scale
from support.measure.hour import resting, tell
from support.measure.page import section, write

PARTS = ("driver", "reader", "journal", "outbox", "body", "fleet")
CLONE = Path(__file__).resolve().parents[3]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; gives 1 if a limit was not kept."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", choices=[*PARTS, []], help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="few of everything; writes nothing unless asked to")
    parser.add_argument("--write", action="store_true", help="write the page of a quick run too; it says what it is")
    options = parser.parse_args(arguments)
    logging.getLogger("agent").setLevel(logging.CRITICAL)  # the agent's process has its own
    warnings.simplefilter("ignore", DeprecationWarning)  # mfrc522 0.0.7 inverts booleans
    began = time.monotonic()
    parts = measured(options.parts or PARTS, Scale(full=not options.quick))
    if not options.parts and (options.write or not options.quick):
        write(parts, CLONE, time.monotonic() - began, full=not options.quick)
        say("written: docs/performance.md and docs/performance/")
    return 1 if any(figure.kept is False for part in parts.values() for figure in part.figures) else 0


def measured(names: Sequence[str], scale: Scale) -> dict[str, Part]:
    """Each part in turn, and beside all of them the hour at rest that is told with the body."""
    parts: dict[str, Part] = {}
    with ExitStack() as beside:
        rest = beside.enter_context(resting(scale)) if "body" in names else None
        for name in names:
            since = time.monotonic()
            parts[name] = importlib.import_module(f"support.measure.{name}").measure(scale)
            say("\n".join(section(parts[name])), f"({name} took {time.monotonic() - since:.0f} s)\n")
        if rest:
            tell(parts["body"], rest())
            say("\n".join(section(parts["body"])))
    return parts


def say(*lines: str) -> None:
    """To standard output, at once."""
    print(*lines, sep="\n", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
