"""What the station is now, as figures: from what the rooms know to what metrics show."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from support.story import Story

from agent.connection import Connection
from agent.heartbeats import Hearts
from agent.journal import Journal, NotWritten
from agent.journal.tally import Tally
from agent.metrics.catalogue import (
    ASIDE,
    AVAILABLE,
    BROKER,
    BUSY,
    CLOCK,
    COMMITS,
    FAULT,
    FREE,
    HEARTBEAT,
    JOURNAL,
    OWED,
    OWED_AGE,
    REPLACED,
    SESSIONS,
    SLOT,
    SUPPLIER,
    TEMPERATURE,
    WAITING,
    WRITTEN,
    Found,
    Labels,
    Metric,
)
from agent.metrics.faults import OF_A_SLOT, Codes, own_faults
from agent.metrics.machine import disk_now, written_bytes
from agent.metrics.spread import Measure, Spread
from agent.metrics.station import links_now, owed_now, station_now, threads_now
from agent.state import OWN_CODES, OWN_WARNINGS, Station

HELD = "slot", "1", "out-of-order", "station"


def figures(found: "list[Found]", metric: Metric) -> Mapping[Labels, float | Spread]:
    return next(each.values for each in found if each.metric is metric)


def test_a_spread_counts_up_to_each_bound_inclusive() -> None:
    measure = Measure([1.0, 2.0])
    for value in (0.5, 1.0, 1.5, 2.5):
        measure.add(value)
    assert measure.spread() == Spread((1.0, 2.0), (2, 3, 4), 5.5)


class TestStation:
    def found(self, station: Station) -> "list[Found]":
        return list(station_now(station, Codes()))

    def test_each_slot_does_one_thing_at_a_time(self) -> None:
        story = Story()
        story.starts()
        slots = figures(self.found(story.station), SLOT)
        assert {labels for labels, value in slots.items() if value} == {("1", "charging"), ("2", "free")}
        assert len(slots) == 14

    def test_sessions_and_drivers_are_counted(self) -> None:
        story = Story()
        story.starts()
        story.closing("S-2", 2, "AABBCCDD")
        found = self.found(story.station)
        assert figures(found, SESSIONS) == {(): 2}
        assert figures(found, WAITING) == {(): 1}

    def test_a_station_out_of_order_or_taken_out_is_not_available(self) -> None:
        story = Story()
        assert figures(self.found(story.station), AVAILABLE) == {(): True}
        assert figures(self.found(replace(story.station, available=False)), AVAILABLE) == {(): False}
        story.fault()
        assert figures(self.found(story.station), AVAILABLE) == {(): False}

    def test_what_may_be_raised_is_there_before_it_is(self) -> None:
        story = Story()
        before = figures(self.found(story.station), FAULT)
        assert set(before.values()) == {0.0}
        story.fault("UnlockFailed", 1)
        story.inbox("faulted.v1", {"error": {"code": "Overcurrent", "slotNumber": 2}})
        after = figures(self.found(story.station), FAULT)
        assert {labels for labels, value in after.items() if value} == {
            ("UnlockFailed", *HELD),
            ("Overcurrent", "slot", "2", "out-of-order", "inbox"),
        }
        assert set(before) < set(after)

    def test_a_code_of_the_stations_own_from_the_inbox_is_not_the_stations(self) -> None:
        story = Story()
        story.inbox("faulted.v1", {"error": {"code": "ReaderFailure"}})
        raised = figures(self.found(story.station), FAULT)
        assert raised["ReaderFailure", "station", "", "out-of-order", "inbox"] == 1
        assert raised["ReaderFailure", "station", "", "out-of-order", "station"] == 0

    def test_every_fault_of_the_contract_is_known(self) -> None:
        assert OWN_WARNINGS | OF_A_SLOT <= OWN_CODES
        assert {labels[0] for labels in own_faults([1])} == OWN_CODES


class TestOwed:
    def test_sessions_are_told_together_and_no_session_by_name(self) -> None:
        acts = [("session:S-1", 900.0), ("card:04A1B2C3D4E5F6", 800.0), ("station", 950.0), ("session:S-2", 990.0)]
        tally = Tally(acts_aside=1, messages_aside=2)
        found = list(owed_now(acts, (7, 700.0), tally, 1000.0))
        assert figures(found, OWED) == {("sessions",): 3, ("station",): 1, ("broker",): 7}
        assert figures(found, OWED_AGE) == {("sessions",): 200.0, ("station",): 50.0, ("broker",): 300.0}
        assert figures(found, ASIDE) == {("acts",): 1, ("messages",): 2}

    def test_nothing_owed_is_no_age_and_a_clock_set_back_none_below_zero(self) -> None:
        found = list(owed_now([("station", 2000.0)], (0, None), Tally(), 1000.0))
        assert figures(found, OWED_AGE) == {("sessions",): 0.0, ("station",): 0.0, ("broker",): 0.0}


class TestLinks:
    def test_who_is_reached(self) -> None:
        found = list(
            links_now(Connection(reachable=True, since=1.0), Connection(reachable=False, since=1.0), clock_set=True)
        )
        assert [figures(found, metric) for metric in (SUPPLIER, BROKER, CLOCK)] == [{(): True}, {(): False}, {(): True}]

    def test_of_a_supplier_that_nobody_has_tried_nothing_is_said(self) -> None:
        nobody = Connection(reachable=False, since=None)
        assert figures(list(links_now(nobody, nobody, clock_set=False)), SUPPLIER) == {}


def test_threads_by_their_names() -> None:
    now = 100.0
    hearts = Hearts(lambda: now)
    hearts.heart("main")
    hearts.heart("lights").work()
    now = 120.0
    hearts.heart("lights").work()
    now = 130.0
    found = list(threads_now(hearts))
    assert figures(found, HEARTBEAT) == {("main",): 30.0, ("lights",): 10.0}
    assert figures(found, BUSY) == {("main",): 0.0, ("lights",): 10.0}
    assert figures(found, REPLACED) == {("main",): 0, ("lights",): 1}


class TestDisk:
    def test_commits_sizes_and_space(self, tmp_path: Path) -> None:
        path, thermal = tmp_path / "journal.db", tmp_path / "thermal"
        zone = thermal / "thermal_zone0"
        zone.mkdir(parents=True)
        (zone / "type").write_text("cpu-thermal\n")
        (zone / "temp").write_text("51234\n")
        with closing(Journal(path)) as journal:
            journal.forget("owed", [1])
            journal.commit()
            journal.forget("owed", [2])
            journal._db.execute("PRAGMA query_only=ON")
            with pytest.raises(NotWritten):
                journal.commit()
            found = list(disk_now(journal, path, thermal=thermal))
            journal._db.execute("PRAGMA query_only=OFF")
            assert figures(found, COMMITS) == {("done",): 1, ("refused",): 1}
            assert figures(found, JOURNAL) == {
                ("main",): path.stat().st_size,
                ("log",): path.with_name("journal.db-wal").stat().st_size,
            }
            free = figures(found, FREE)[()]
            assert isinstance(free, int)
            assert free > 0
            assert figures(found, TEMPERATURE) == {(): 51.234}

    def test_what_cannot_be_told_is_left_out(self, tmp_path: Path) -> None:
        with closing(Journal(tmp_path / "journal.db")) as journal:
            gone = tmp_path / "gone"
            found = list(disk_now(journal, gone / "journal.db", io=gone, thermal=gone))
        for metric in (JOURNAL, WRITTEN, FREE, TEMPERATURE):
            assert figures(found, metric) == {}

    def test_what_the_disk_was_made_to_write(self, tmp_path: Path) -> None:
        io = tmp_path / "io"
        io.write_text("rchar: 5\nwrite_bytes: 8192\ncancelled_write_bytes: 4096\n")
        assert written_bytes(io) == 8192
