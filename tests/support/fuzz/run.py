"""Input after input at one target; what escapes, leaks or grows is a finding, with what replays it."""

import ctypes
import gc
import logging
import random
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

LIFE = 1000
"""After so many inputs a target is opened anew, so that none has to be played again from the first."""
WARM_UP = 5
"""Lives after which memory counts: by then everything is imported, and every cache is filled."""
GROWTH_BYTES = 24 * 1024 * 1024
"""What resident memory may grow by after the warm-up, however many inputs follow: some of it lies in pieces."""
GROWTH_BLOCKS = 5_000
"""And Python's objects by: a leak of one small object in twenty inputs shows after 100 000."""
PAGE_BYTES = 4096


class Target(Protocol):
    """One door. Whatever goes wrong with an input is raised as it is; a promise that is broken, as AssertionError."""

    def feed(self, dice: random.Random) -> None:
        """Draw one input and put it in."""
        ...


Open = Callable[[Path, ExitStack], Target]
"""Opens a target in a folder of its own; the stack closes it."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the process holds: bytes, open files, threads, and blocks of Python's own memory."""

    resident: int
    files: int
    threads: tuple[str, ...]
    blocks: int = 0

    @classmethod
    def now(cls) -> "Held":
        """After a collection, and without what the allocator keeps for later (malloc_trim(3))."""
        gc.collect()
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES
        threads = tuple(sorted(thread.name for thread in threading.enumerate()))
        return cls(resident, len(list(Path("/proc/self/fd").iterdir())), threads, sys.getallocatedblocks())


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one target; `finding` is empty if all went well."""

    name: str
    inputs: int
    seconds: float
    before: Held
    after: Held
    finding: str = ""

    def __str__(self) -> str:
        memory = f"{self.before.resident / 2**20:.1f} -> {self.after.resident / 2**20:.1f} MiB"
        rest = f"{self.before.blocks} -> {self.after.blocks} blocks, {self.before.files} -> {self.after.files} files"
        threads = f"{len(self.after.threads)} threads"
        return f"{self.name}: {self.inputs} inputs in {self.seconds:.0f} s, {memory}, {rest}, {threads}"


class Escaped(logging.Handler):
    """Collects tracebacks that something caught and logged: they count as if they had escaped."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Runs in whichever thread logs."""
        if record.exc_info:
            self.told.append(logging.Formatter().format(record))


class Fuzzing:
    """Plays the inputs `numbers` of a seed at a target."""

    def __init__(self, name: str, open_target: Open, seed: int) -> None:
        self._name = name
        self._open = open_target
        self._seed = seed
        self._escaped = Escaped()
        self._number = 0

    def play(self, numbers: Sequence[int], say: Callable[[str], None] = lambda _: None) -> Result:
        """Every input in its life; stops at the first finding."""
        logging.getLogger().addHandler(self._escaped)
        lives = [numbers[start : start + LIFE] for start in range(0, len(numbers), LIFE)]
        warm, finding = Held.now(), ""
        began, played = time.monotonic(), 0
        try:
            for count, life in enumerate(lives):
                if count == min(WARM_UP, len(lives) - 1):
                    warm = Held.now()
                self._live(life)
                played += len(life)
                say(f"{self._name}: {played}")
        except Exception:  # noqa: BLE001  that is what is looked for
            finding = self._found(traceback.format_exc())
        finally:
            logging.getLogger().removeHandler(self._escaped)
        held = Held.now()
        finding = finding or leaked(warm, held, warm=len(lives) > WARM_UP)
        return Result(self._name, played, time.monotonic() - began, warm, held, finding)

    def _live(self, numbers: Sequence[int]) -> None:
        with TemporaryDirectory(prefix="fuzz-") as folder, ExitStack() as life:
            target = self._open(Path(folder), life)
            for number in numbers:
                self._number = number
                target.feed(random.Random(f"{self._seed}/{self._name}/{number}"))
                if self._escaped.told:
                    raise AssertionError(self._escaped.told[0])

    def _found(self, what: str) -> str:
        return f"{what}\nplay it again: scripts/fuzz --seed {self._seed} --input {self._number} {self._name}"


def leaked(before: Held, after: Held, *, warm: bool = True) -> str:
    """What the process holds that it did not; empty: nothing. `warm`: every cache was full before."""
    if after.resident - before.resident > GROWTH_BYTES:
        return f"resident memory grew from {before.resident} to {after.resident} bytes"
    if warm and after.blocks - before.blocks > GROWTH_BLOCKS:
        return f"{after.blocks - before.blocks} blocks of memory were left behind"
    if after.files > before.files:
        return f"{after.files - before.files} files were left open"
    if after.threads != before.threads:
        return f"threads were {before.threads} and are {after.threads}"
    return ""
