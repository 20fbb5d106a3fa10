"""Plants each fault in a copy of the code and runs the tests that have to catch it: `python -m support.bite`."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support.plants import PLANTS, Plant

ROOT = Path(__file__).parents[2]
FOLDERS = ("agent", "hardware", "tests", "config", "docs", "stubs", "scripts")
FILES = ("setup.cfg", "pyproject.toml", "README.md")
LIMIT_S = 300.0


def say(line: str) -> None:
    """One line for whoever waits."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def copied(into: Path) -> Path:
    """A copy of the code and its tests."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, into / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, into / name)
    return into


def plant(tree: Path, fault: Plant) -> None:
    """Put a fault into a copy. Raises ValueError if its place is not there exactly once."""
    file = tree / fault.file
    text = file.read_text(encoding="utf-8")
    if text.count(fault.old) != 1:
        raise ValueError(f"{fault.name}: its place stands {text.count(fault.old)} times in {fault.file}.")
    file.write_text(text.replace(fault.old, fault.new), encoding="utf-8")


def passes(tree: Path, tests: Sequence[str]) -> bool:
    """Whether these tests pass in that copy."""
    environment = {name: value for name, value in os.environ.items() if "COV" not in name and "PYTEST" not in name}
    environment |= {"PYTHONPATH": os.pathsep.join([str(tree), str(tree / "tests")]), "CI": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, cwd=tree, env=environment, timeout=LIMIT_S, check=False, **quiet)
    return done.returncode == 0


def caught(fault: Plant) -> tuple[bool, float]:
    """Whether the tests catch a fault, and after how many seconds."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bite-") as folder:
        tree = copied(Path(folder))
        plant(tree, fault)
        return not passes(tree, fault.tests.split()), time.monotonic() - began


def run(faults: Sequence[Plant], workers: int) -> int:
    """Try all of them and print a line for each; gives the exit status."""
    missed = []
    with ThreadPoolExecutor(workers) as pool:
        for fault, (was_caught, seconds) in zip(faults, pool.map(caught, faults), strict=True):
            say(f"{'caught' if was_caught else 'MISSED':7} {seconds:5.1f} s  {fault.name}")
            missed += [] if was_caught else [fault]
    say(f"planted {len(faults)} faults, {len(faults) - len(missed)} caught, {len(missed)} missed")
    return 1 if missed else 0


def unplanted_pass() -> bool:
    """Whether the tests pass as long as nothing is planted: otherwise they would catch anything."""
    tests = sorted({name for fault in PLANTS for name in fault.tests.split()})
    with tempfile.TemporaryDirectory(prefix="bite-") as folder:
        return passes(copied(Path(folder)), tests)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Plant faults in a copy of the code; the tests must catch each.")
    parser.add_argument("words", nargs="*", help="only faults whose name holds one of these")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    faults = [each for each in PLANTS if not options.words or any(word in each.name for word in options.words)]
    if not unplanted_pass():
        say("the tests fail without any fault: mend that first")
        return 1
    return run(faults, options.workers)


if __name__ == "__main__":
    sys.exit(main())
