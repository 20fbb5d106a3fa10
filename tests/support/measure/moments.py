"""Where the time of a start goes, noted inside the agent around the steps of its own."""

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


def starts(count: int) -> Table:
    """Medians of each step, of so many starts at a supplier that answers at once."""
    taken: dict[str, list[float]] = {name: [] for name, _ in STEPS}
    with broker() as mosquitto, scratch() as folder, PlainSupplier() as supplier:
        bench = idle(folder / "bench", mosquitto, supplier, SLOTS)
        file = folder / "moments"
        bench.program = NOTING.format(file=str(file)) + PROGRAM
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


def split(since: float, moments: list[tuple[float, str]]) -> dict[str, float]:
    """Seconds of each step; of several looks the last before the card was told counts, which may have begun already."""
    firsts = {name: at for at, name in reversed(moments)}
    looks = (at for at, name in moments if name == "look" and at < firsts["CardTapped"])
    ends = firsts | {"look": max(looks, default=since)}
    found = {}
    for name, _ in STEPS:
        found[name], since = ends[name] - since, ends[name]
    return found
