"""The command line of the fuzzing: scripts/fuzz."""

import argparse
import logging
import random
import sys
from collections.abc import Sequence
from typing import TextIO

from support.fuzz.doors import DOORS
from support.fuzz.run import LIFE, Fuzzing

REPLAY = """
Every input is drawn from the seed, the target's name and its own number. `--input K` plays K again, after those before
it in the life of its target, which is opened anew every 1000 inputs.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz; gives the exit status."""
    options = parser().parse_args(arguments)
    logging.basicConfig(level=logging.CRITICAL, handlers=[logging.NullHandler()])
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    tell(f"fuzz: seed {seed}")
    numbers = range(options.inputs)
    if options.input is not None:
        numbers = range(options.input // LIFE * LIFE, options.input + 1)
    found = False
    for name in options.what or DOORS:
        result = Fuzzing(name, DOORS[name], seed).play(numbers, options.tell)
        tell(str(result))
        if result.finding:
            found = True
            tell(result.finding)
    return 1 if found else 0


def tell(line: str, where: TextIO | None = None) -> None:
    """Print at once."""
    print(line, file=where, flush=True)


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    parser = argparse.ArgumentParser(
        prog="scripts/fuzz",
        description="Hostile input at every door of the station.",
        epilog=REPLAY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--inputs", type=int, default=100_000, metavar="N", help="how many at each target (100000)")
    parser.add_argument(
        "--seed", type=int, help="what everything is drawn from; drawn itself if not given, and printed"
    )
    parser.add_argument("--input", type=int, metavar="K", help="play only this one, and what its life had before it")
    parser.add_argument(
        "--story",
        dest="tell",
        action="store_const",
        const=lambda line: tell(line, sys.stderr),
        default=lambda _: None,
        help="say how far it is",
    )
    parser.add_argument("what", nargs="*", choices=[*DOORS, []], metavar="WHAT", help=f"of {', '.join(DOORS)} (all)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
