"""Where the time of a tap goes, noted inside the agent around the steps of its own."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

from support.measure.driven import SLOTS, Driven
from support.measure.figures import Table, plain
from support.measure.rig import PROGRAM, PlainSupplier, broker, connected, idle, scratch

NOTING = """
import agent.road, hardware.late, hardware.solenoid
from agent.clock import boottime
moments = open({file!r}, "w", buffering=1)
def noted(owner, name, says):
    real = getattr(owner, name)
    def noting(*args):
        print(boottime(), says(*args), file=moments)
        return real(*args)
    setattr(owner, name, noting)
noted(hardware.late.LateReader, "poll", lambda *_: "look")
noted(agent.road.Road, "take", lambda _, fact: type(fact).__name__)
noted(hardware.solenoid.SolenoidLock, "drive", lambda _, position: position)
"""
STEPS = (
    ("look", "the next look of the reader"),
    ("CardTapped", "the card read, 7 bytes and two SELECTs on the air"),
    ("ActiveAnswered", "the question and its answer"),
    ("AcquireAnswered", "one commit, acquire and its answer"),
    ("locked", "one commit, the lock is driven"),
    ("LockSettled", "the bolt on its way, and its sensor seen"),
    ("told", "one commit, the session is told"),
)
"""What ends each step, and what it is."""


def noting(file: Path) -> str:
    """The agent as in the field, which writes into `file` when each step was, in CLOCK_BOOTTIME seconds."""
    return NOTING.format(file=str(file)) + PROGRAM


def starts(count: int) -> Table:
    """Medians of each step, of so many starts at a supplier that answers at once."""
    taken: dict[str, list[float]] = {name: [] for name, _ in STEPS}
    with broker() as mosquitto, scratch() as folder, PlainSupplier() as supplier:
        bench = idle(folder / "bench", mosquitto, supplier, SLOTS)
        file = folder / "moments"
        bench.program = noting(file)
        with bench:
            connected(bench)
            driven = Driven(bench, supplier)
            driven.sessions(range(count))
        for since, told in driven.starts:
            for name, step_s in split(since, [*noted(file, since), (told, "told")]).items():
                taken[name].append(1000 * step_s)
    rows = [[said, plain(median(taken[name])), plain(max(taken[name]))] for name, said in STEPS]
    return Table(columns=("a start, step by step, ms", "median", "max"), rows=rows)


def noted(file: Path, since: float) -> list[tuple[float, str]]:
    """What the agent has noted from then on."""
    lines = (line.split() for line in file.read_text(encoding="utf-8").splitlines())
    return [(float(at), name) for at, name in lines if float(at) >= since]


def looked(since: float, moments: Sequence[tuple[float, str]]) -> float:
    """When the look began that saw a card of then: the last before the card was told, which may have begun already."""
    told = next(at for at, name in moments if name == "CardTapped" and at >= since)
    return max((at for at, name in moments if name == "look" and since <= at < told), default=since)


def wait_s(looks: Sequence[float]) -> float:
    """Seconds that a card waits for the next of these looks, on average over all moments at which it may come."""
    gaps = [after - before for before, after in pairwise(looks)]
    return sum(gap * gap for gap in gaps) / 2 / sum(gaps)


def split(since: float, moments: list[tuple[float, str]]) -> dict[str, float]:
    """Seconds of each step."""
    ends = {name: at for at, name in reversed(moments)} | {"look": looked(since, moments)}
    found = {}
    for name, _ in STEPS:
        found[name], since = ends[name] - since, ends[name]
    return found
