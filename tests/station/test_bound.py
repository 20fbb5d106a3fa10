"""So much is owed that nothing may start any more: ends go on, and nothing is shed."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing

import msgspec
from support.bench import OTHER, Bench

from agent.effects import Act, ActName
from agent.outbox import ACTS_MAX

PATIENCE_S = 60.0


def owe_many(bench: Bench, count: int) -> None:
    """So many acts of sessions that the supplier has not heard the end of, straight into the journal."""
    acts = (Act(name=ActName.END, key=f"k-{n}", lane=f"session:X-{n}", session=f"X-{n}") for n in range(count))
    with closing(sqlite3.connect(bench.folder / "state" / "journal.db")) as db:
        values = ((msgspec.json.encode(act), 1.8e9) for act in acts)
        db.executemany("INSERT INTO owed (act, since) VALUES (?, ?)", values)
        db.commit()


def test_at_the_bound_starts_are_refused_and_ends_are_not(benches: Callable[..., Bench]) -> None:
    bench = benches(driver_wait_s=6)  # among so many acts a question takes its time
    bench.start_session()
    bench.settled()
    assert bench.stop() == 0
    bench.supplier.inject("supplier-down")
    owe_many(bench, ACTS_MAX)
    bench.start()
    assert bench.owed()["supplier"] == ACTS_MAX
    bench.supplier.inject("supplier-errors", {"calls": ["end"]})
    bench.supplier.clear("supplier-down")
    bench.tap()
    bench.wait(lambda: bench.slot(1)["status"] == "free" and bench.bolt(1) == "unlocked", PATIENCE_S)
    assert bench.owed()["supplier"] > ACTS_MAX, "an end is taken at the bound, and nothing is shed"
    bench.tap(OTHER)
    bench.wait(bench.refusals, PATIENCE_S)
    reason = json.loads(bench.listener.payloads(f"stations/{bench.station}/events/refused")[0])["data"]["reason"]
    assert reason == "storage"
