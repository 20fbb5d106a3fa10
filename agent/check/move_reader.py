"""Tries the reader: waits for a card."""

from collections.abc import Callable, Iterator

from agent.check.finding import Finding, failed, ok, skipped
from agent.check.person import Person
from agent.check.reader import PART
from agent.report import masked
from hardware.parts import OneCard, Reader, ReaderFailure

PATIENCE_S = 30.0
POLL_S = 0.05
MEND = "hold it flat and close; it must be ISO 14443 A (13.56 MHz); look at the antenna and the 3.3 V supply"


def try_reader(
    reader: Reader, person: Person, clock: Callable[[], float], nap: Callable[[float], object]
) -> Iterator[Finding]:
    """Wait for one card, if the person agrees; `clock` gives seconds and `nap` lets some pass."""
    if not person.agrees(f"reader: wait {PATIENCE_S:.0f} s for a card?"):
        yield skipped(PART, "no card tried")
        return
    person.is_told("reader: hold a card to it now")
    until = clock() + PATIENCE_S
    try:
        while clock() < until:
            sighting = reader.poll()
            if isinstance(sighting, OneCard):
                yield ok(PART, f"read card {masked(sighting.uid)}, {len(sighting.uid) // 2} bytes")
                return
            nap(POLL_S)
    except ReaderFailure as failure:
        yield failed(PART, str(failure))
        return
    yield failed(PART, f"saw no single card within {PATIENCE_S:.0f} s", MEND)
