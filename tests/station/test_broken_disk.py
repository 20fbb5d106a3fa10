"""A disk that takes nothing, or whose journal cannot be read: nobody is trapped, and a restart forgets nothing."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from support.bench import BLUE, CARD, OTHER, RED, Bench


def journal(bench: Bench) -> Path:
    return bench.folder / "state" / "journal.db"


def test_a_release_that_could_not_be_written_is_honoured_after_a_kill(bench: Bench) -> None:
    session = bench.start_session()
    bench.settled()
    with bench.disk_full():
        bench.tap()
        bench.wait(lambda: bench.bolt(1) == "unlocked" and bench.slot(1)["status"] == "free")
        bench.kill()
        bench.start()
        bench.wait(lambda: bench.faults() == ["StorageFailure"])
        assert bench.slot(1)["status"] == "free"
        assert bench.bolt(1) == "unlocked", "the slot is not locked again behind the vehicle"
        bench.tap(OTHER)
        bench.wait_line("turned away: storage")
    bench.wait(lambda: bench.faults() == [])
    bench.settled()
    assert bench.refusals() == [(OTHER, "storage")]
    (ended,) = bench.once("session-ended")
    assert (ended["id"], ended["endedBy"]) == (session, "card")
    assert [payment["session"] for payment in bench.books.view()["payments"]] == [session]
    with closing(sqlite3.connect(journal(bench))) as db:
        assert db.execute("SELECT count(*) FROM entries WHERE kind='session'").fetchone() == (0,)


def test_an_agent_that_starts_on_a_full_disk_lets_vehicles_go(bench: Bench) -> None:
    bench.start_session()
    bench.settled()
    bench.kill()
    with bench.disk_full():
        bench.start()
        bench.wait(lambda: bench.faults() == ["StorageFailure"])
        assert (bench.slot(1)["status"], bench.bolt(1)) == ("charging", "locked")
        bench.wait(lambda: bench.pixels(8) == BLUE)
        bench.tap()
        bench.wait(lambda: bench.bolt(1) == "unlocked")
        bench.wait(lambda: bench.slot(1)["status"] == "free")
    bench.wait(lambda: bench.once("session-ended"))
    bench.wait(lambda: bench.faults() == [])
    bench.settled()
    bench.start_session(OTHER)


def test_a_journal_that_cannot_be_read_moves_no_lock(bench: Bench) -> None:
    session = bench.start_session()
    bench.settled()
    bench.kill()
    lines = len(bench.lines)
    journal(bench).write_bytes(b"this is no journal")
    bench.start()
    bench.wait(lambda: bench.faults() == ["JournalLost"])
    assert bench.state()["available"], "a warning"
    assert [bench.slot(number)["status"] for number in (1, 2)] == ["unknown", "free"]
    bench.wait(lambda: bench.pixels(8) == RED)
    assert bench.bolt(1) == "locked"
    assert all(each["17"] == 1 for each in bench.lines[lines:]), "its line was left alone"
    kept = journal(bench).with_name("journal.db.unreadable-1")
    assert kept.read_bytes() == b"this is no journal"

    bench.kill()
    bench.start()
    bench.wait(lambda: bench.slot(1)["status"] == "unknown" and bench.faults() == ["JournalLost"])

    bench.tap(OTHER)
    bench.wait(lambda: bench.slot(2)["status"] == "charging")
    bench.tap()
    bench.wait(lambda: bench.bolt(1) == "unlocked" and bench.slot(1)["status"] == "free")
    bench.settled()
    assert bench.once("session-ended")[0] == {
        "id": session,
        "card": CARD,
        "slotNumber": 1,
        "payment": "paid",
        "endedBy": "card",
    }
    assert [payment["session"] for payment in bench.books.view()["payments"]] == [session]
    starts = [act["key"] for act in bench.acts("end")]
    assert len(starts) == len(set(starts)) == 1
    assert json.loads(bench.listener.payloads("stations/ST-42/state")[-1])["faults"][0]["severity"] == "warning"
