"""Counts that a whole station keeps to: threads, and bytes to the disk at rest. docs/performance.md has the figures."""

import threading
from contextlib import closing
from pathlib import Path

from support.bench import Bench

from agent.journal import Journal
from agent.journal.tally import Tally

THREADS = {"MainThread", "signals", "lights", "locks", "broker", "health", "reader", "control", "watchdog", "world"}
"""Those of docs/threads.md that are there at rest, but for the supplier's: two more than there are slots."""
REST_S = 2.0
TELLING = """
import atexit, gc, sys
atexit.register(lambda: print("collected:", len(gc.get_objects()), gc.get_freeze_count(), file=sys.stderr))
"""


def written(bench: Bench) -> int:
    """Bytes that the agent has sent towards the disk (proc(5), io)."""
    lines = Path(f"/proc/{bench.pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def marked(bench: Bench) -> bool:
    """Whether what was delivered is written down as such."""
    with closing(Journal(bench.folder / "state" / "journal.db", read_only=True)) as journal:
        return journal.tally == Tally()


def test_a_garbage_collection_looks_through_nothing_that_was_there_at_ready(bench: Bench) -> None:
    bench.stop()
    bench.program = TELLING + bench.program
    bench.start()
    bench.start_session()
    assert bench.stop() == 0
    told = next(line for line in bench.log if line.startswith("collected:"))
    looked_through, frozen = map(int, told.split()[1:])
    assert looked_through < frozen / 5


def test_a_station_at_rest_has_its_threads_and_writes_nothing(bench: Bench) -> None:
    bench.start_session()
    bench.tap()
    bench.wait(lambda: bench.events("session-ended"))
    bench.settled()
    bench.wait(
        lambda: len(list(Path(f"/proc/{bench.pid}/task").iterdir())) == len(THREADS) + 2 + len(bench.state()["slots"])
    )
    bench.wait(lambda: marked(bench))
    before = written(bench)
    threading.Event().wait(REST_S)
    assert written(bench) == before
