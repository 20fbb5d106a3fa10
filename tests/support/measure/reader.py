"""What a look for cards costs, against the packages called mfrc522, on one emulated chip."""

import os
from pathlib import Path

from support.emulated_reader import TRANSFER_S
from support.measure.figures import Part, Plot, Scale, Table, plain
from support.reader_bench import CARDS, POLL_S, RESTING, Candidate, Counter, idle_share, look_ms, tap_ms

RATIO = 100.0
OLD, FORK = "mfrc522 0.0.7", "mfrc522-python 0.0.9"
PAUSES = {"this station": POLL_S, OLD: 0.0, FORK: 0.2}
"""Seconds between two looks of each one's own loop; this station's include the look."""
HOW = """Chip selects on the emulated MFRC522, counted; one is {transfer:.0f} us on the bus (16 us at 1 MHz, and an
estimate of the kernel's part). *Own loop*: as each looks for cards by itself, this station 20 times a second, the
packages in their `read()` (the old one looks again at once, so that the bus alone bounds it, the other one after
0.2 s). *CPU* is processor time, less that of the same transfers without a driver: of a look one after the other, of
a tap until the card has its name, and *idle* at 20 looks a second over {seconds} s, with all that a station does.
Both packages cut UIDs of 7 and 10 bytes to 4 and see a resting card at every other look."""


def measure(scale: Scale) -> Part:
    """One row a driver."""
    seconds = scale.of(10, 1)
    part = Part(title="Reader", how=HOW.format(transfer=1e6 * TRANSFER_S, seconds=seconds))
    folder = Path(os.environ.get("BENCH_FORK", "/nowhere"))
    drivers = [Candidate("this station", is_ours=True), Candidate(OLD)]
    drivers += [Candidate(FORK, folder)] if folder.is_dir() else []
    rows, used, loops = [], [], {}
    for driver in drivers:
        counter = Counter(driver)
        empty, look_s, resting = counter.mean(), counter.look_s(), counter.resting(RESTING)
        taps = [counter.tap(uid)[0] for uid in CARDS]
        counter.close()
        took_s = 0.0 if driver is drivers[0] else look_s
        loops[driver.name] = empty.transfers / (PAUSES[driver.name] + took_s)
        counts = [f"{each:.1f}" for each in (empty.transfers, resting.transfers)]
        rows.append([driver.name, *counts, *map(str, taps), plain(loops[driver.name])])
        used.append([driver.name, *cpu(driver, scale), f"{100 * idle_share(driver, seconds):.2g} %"])
    fewer = f"fewer transfers a second at rest than {OLD}'s own loop"
    part.at_least(fewer, loops[OLD] / loops["this station"], RATIO, "times")
    sizes = [f"tap, {len(uid) // 2} bytes" for uid in CARDS]
    columns = ("transfers", "an empty look", "a resting card", *sizes, "a second, own loop")
    part.tables.append(Table(columns=columns, rows=rows))
    part.tables.append(
        Table(columns=("CPU, ms", "an empty look", "a resting card", *sizes, "idle, of a core"), rows=used)
    )
    if FORK not in loops:
        part.notes.append(f"{FORK} could not be had from the package index.")
    bars = [(name, value, name == "this station") for name, value in loops.items()]
    title = "Transfers at rest, each in its own loop"
    part.plots.append(Plot(file="transfers.svg", title=title, unit="a second", bars=bars, log=True))
    return part


def cpu(driver: Candidate, scale: Scale) -> list[str]:
    """Milliseconds of an empty look, of one at a resting card, and of a tap of each card."""
    looks = [look_ms(driver, scale.of(400, 10), uid) for uid in ("", RESTING)]
    taps = [tap_ms(driver, scale.of(25, 3), uid) for uid in CARDS]
    return [plain(each) for each in (*looks, *taps)]
