"""The command line of the campaign: scripts/campaign."""

import argparse
import itertools
import logging
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from support.campaign.plan import make_plan, station_options
from support.campaign.run import Campaign

REPLAY = """
Everything that a campaign does is drawn from the seed and the number of the episode before that episode begins: who
taps when, what goes wrong when and how, and when the agent is killed. `--episode K` plays exactly that, on a station
set up anew with the same options. What a real process makes of it within milliseconds is its own: an episode that
failed by a race may have to be played several times (`--times`), and one that needs what its station went through
before is played with the episodes before it (`--episode J-K`).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign; gives the exit status."""
    options = parser().parse_args(arguments)
    logging.basicConfig(level=logging.ERROR)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    if options.plan:
        for number in options.episode or [0]:
            tell(f"episode {number}, station {station_options(seed, number)}")
            for step in make_plan(seed, number).steps:
                tell(f"{step.at:7.3f} {step}")
        return 0
    episodes: Iterable[int] = itertools.count()
    if options.episode:
        episodes = [number for _ in range(options.times) for number in options.episode]
    until = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
        campaign = Campaign(
            seed,
            Path(folder),
            lambda line: tell(line, sys.stderr),
            story=options.story,
            keep_going=options.keep_going,
        )
        tell(f"campaign: seed {seed}", sys.stderr)
        try:
            campaign.run(episodes, lambda: not options.episode and time.monotonic() >= until)
        except KeyboardInterrupt:
            tell("interrupted", sys.stderr)
    tell(campaign.tally.summary(campaign.seconds))
    return 1 if campaign.tally.findings else 0


def tell(line: str, where: TextIO | None = None) -> None:
    """Print at once."""
    print(line, file=where, flush=True)


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    parser = argparse.ArgumentParser(
        prog="scripts/campaign",
        description="Random drivers, faults, kills and network cuts against the real daemon.",
        epilog=REPLAY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="how long new episodes are begun (5)")
    parser.add_argument(
        "--seed", type=int, help="what everything is drawn from; drawn itself if not given, and printed"
    )
    parser.add_argument("--episode", type=numbers, metavar="K[-L]", help="play only these")
    parser.add_argument("--times", type=int, default=1, help="with --episode: so often")
    parser.add_argument("--story", action="store_true", help="tell the story of every episode, well or not")
    parser.add_argument("--keep-going", action="store_true", help="do not end with the first episode that went wrong")
    parser.add_argument("--plan", action="store_true", help="only print what --episode would do")
    return parser


def numbers(text: str) -> Sequence[int]:
    """`K` or `K-L`."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


if __name__ == "__main__":
    sys.exit(main())
