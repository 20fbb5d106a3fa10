"""What one start and one end of the real agent write to the journal's log."""

import threading

from support.bench import Bench

from agent.journal import FLUSH_S

BYTES = 64 * 1024
HEADER = 32
"""Bytes before the first frame of the log (SQLite file format, section 4.1)."""


def grown(bench: Bench, since: int) -> int:
    """Bytes of the log behind `since`, once everything was told and its marks are written."""
    bench.settled()
    threading.Event().wait(FLUSH_S + 0.5)
    return (bench.folder / "state" / "journal.db-wal").stat().st_size - since


def test_a_start_and_an_end_write_64_kib_and_rest_writes_nothing(bench: Bench) -> None:
    at_rest = grown(bench, HEADER)
    bench.start_session()
    start = grown(bench, HEADER + at_rest)
    bench.tap()
    bench.wait(lambda: bench.events("session-ended"))
    end = grown(bench, HEADER + at_rest + start)
    assert 0 < start <= BYTES
    assert 0 < end <= BYTES
    assert grown(bench, HEADER + at_rest + start + end) == 0
