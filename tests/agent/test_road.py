"""The road: what is written before what moves and leaves, and what a broken disk changes."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.lane import Lane
from support.owing import CARD

from agent.effects import Effects
from agent.facts import CardTapped, Fact, FaultRaised, LockSettled, OutboxFilled
from agent.road import LEAVES_S, MOVES_S
from agent.state import Phase, Slot, Station
from hardware.looks import Colour
from hardware.parts import Position

WHITE = (Colour.WHITE,)


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[Lane]:
    with closing(Lane(tmp_path / "journal.db")) as made:
        yield made


class TestOrder:
    def test_a_tap_is_seen_before_anything_is_written_or_asked(self, lane: Lane) -> None:
        lane.happens(CardTapped, card=CARD)
        look, written = lane.lights.shown[0]
        assert (look.colours, written) == (WHITE, [])
        assert lane.lights.waits == [0.05]
        assert lane.supplier.heard == []

    def test_an_acquire_leaves_after_its_visit_and_key_are_written(self, lane: Lane) -> None:
        lane.start()
        assert lane.supplier.names == ["ask", "acquire"]
        assert {"visit 1", "acquire"} <= set(lane.supplier.heard[1][1])

    def test_a_bolt_moves_after_its_session_and_light_are_written(self, lane: Lane) -> None:
        lane.start()
        written = lane.bolts.orders[1, Position.LOCKED, 1]
        assert {"session S1", "slot 1", "leds"} <= set(written)
        assert "acquire" not in written

    def test_main_gives_way_to_a_call_that_is_waited_for_and_to_a_bolt(self, lane: Lane) -> None:
        lane.start()
        asked, acquired, ordered = lane.gave_way
        assert asked == (LEAVES_S, [], [])
        assert acquired == (LEAVES_S, [], ["acquire"])
        assert ordered == (MOVES_S, [1], ["acquire"]), "the light's call leaves behind it"
        lane.happens(LockSettled, slot=1, move=1, locked=True)
        assert len(lane.gave_way) == 3, "nobody waits for these"

    def test_power_is_permitted_when_the_bolt_was_confirmed_and_not_before(self, lane: Lane) -> None:
        lane.start()
        assert not any(lane.bolts.permits.values())
        lane.happens(LockSettled, slot=1, move=1, locked=True)
        assert lane.bolts.permits == {1: True, 2: False}

    def test_what_a_confirmed_bolt_owes_is_written_before_it_leaves(self, lane: Lane) -> None:
        lane.start()
        lane.happens(LockSettled, slot=1, move=1, locked=True)
        assert {"leds", "lock", "start"} <= set(lane.written())
        for _ in range(3):
            lane.exchange()
        assert lane.supplier.names == ["ask", "acquire", "leds", "lock", "start"]
        assert "session-started" in lane.written()
        assert "start" not in lane.written()
        assert lane.mail == 1, "the broker is told that there is mail"

    def test_what_is_acknowledged_with_a_delivered_start_is_synced(self, lane: Lane) -> None:
        lane.start()
        lane.happens(LockSettled, slot=1, move=1, locked=True)
        lane.full()
        fact = lane.inbox("e-1")
        assert not lane.kept
        lane.full(False)
        said: list[str] = []
        lane.journal._db.set_trace_callback(said.append)
        for _ in range(3):
            lane.exchange()
        assert lane.kept == [fact.id]
        assert next(each for each in said if "synchronous" in each) == "PRAGMA synchronous=FULL"

    def test_an_inbox_event_is_acknowledged_when_it_is_written(self, lane: Lane) -> None:
        fact = lane.inbox("e-1")
        assert lane.kept == [fact.id]
        assert "fault X/0" in lane.written()

    def test_an_inbox_event_is_taken_once_and_acknowledged_each_time(self, lane: Lane) -> None:
        first, again = lane.inbox("e-1"), lane.inbox("e-1", code="Y")
        assert lane.kept == [first.id, again.id]
        assert lane.faults == ["X/0"]

    def test_lights_are_told_only_what_changes(self, lane: Lane) -> None:
        lane.start()
        told = len(lane.lights.shown)
        lane.road.draw()
        lane.happens(FaultRaised, code="A", title="a", detail="", warning=True)
        assert len(lane.lights.shown) == told
        lane.inbox("e-1")
        assert len(lane.lights.shown) == told + 1, "a fault is shown"

    def test_a_restart_redraws(self, lane: Lane) -> None:
        lane.road.restart({}, {}, letting_go=False)
        assert {(slot, position) for slot, position, _ in lane.bolts.orders} == {
            (1, Position.UNLOCKED),
            (2, Position.UNLOCKED),
        }

    def test_a_slot_that_nobody_knows_is_not_moved(self, tmp_path: Path) -> None:
        station = Station(slots={1: Slot(number=1, phase=Phase.UNKNOWN)})
        with closing(Lane(tmp_path / "other.db", station)) as lane:
            lane.road.restart({}, {}, letting_go=False)
            assert lane.bolts.orders == {}


class TestWatchers:
    def test_each_is_told_every_fact_with_what_came_of_it(self, lane: Lane) -> None:
        seen: list[tuple[type[Fact], int, int, list[str]]] = []

        def watcher(fact: Fact, before: Station, after: Station, effects: Effects) -> None:
            faults = len(before.faults), len(after.faults)
            seen.append((type(fact), *faults, [event.name for event in effects.events]))

        lane.road.watch(watcher)
        lane.road.watch(watcher)
        lane.happens(FaultRaised, code="A", title="a", detail="", warning=True)
        assert seen == 2 * [(FaultRaised, 0, 1, ["faulted"])]

    def test_it_sees_what_is_written_and_drawn(self, lane: Lane) -> None:
        seen: list[list[str]] = []
        lane.road.watch(lambda *_: seen.append(lane.written()))
        lane.inbox("e-1")
        assert "fault X/0" in seen[0]

    def test_it_sees_facts_in_the_order_in_which_they_were_decided(self, tmp_path: Path) -> None:
        with closing(Lane(tmp_path / "a.db", bounds=(100, 2))) as lane:
            seen: list[type[Fact]] = []
            lane.road.watch(lambda fact, *_: seen.append(type(fact)))
            lane.happens(FaultRaised, code="X", title="x", detail="")
            assert seen == [FaultRaised, OutboxFilled]

    def test_one_that_fails_is_told_and_stops_nothing(self, lane: Lane, caplog: pytest.LogCaptureFixture) -> None:
        seen: list[Fact] = []

        def broken(*_: object) -> None:
            raise RuntimeError("no idea")

        lane.road.watch(broken)
        lane.road.watch(lambda fact, *_: seen.append(fact))
        lane.start()
        assert lane.bolts.orders[1, Position.LOCKED, 1]
        assert seen
        assert "whoever looks on could not take in CardTapped" in caplog.text


class TestBound:
    def test_at_the_bound_nothing_starts_and_nothing_is_shed(self, tmp_path: Path) -> None:
        with closing(Lane(tmp_path / "a.db", bounds=(3, 100))) as lane:
            for code in "XYZ":
                lane.happens(FaultRaised, code=code, title=code, detail="", slot=2)
            assert lane.road.station.full
            owed = lane.outbox.owed()[0]
            lane.happens(CardTapped, card=CARD)
            lane.exchange()
            assert json.loads(lane.messages("refused")[0])["data"] == {"card": CARD, "reason": "storage"}
            assert lane.outbox.owed()[0] == owed
            while lane.outbox.owed()[0] > 2:
                lane.exchange()
            lane.road.tick()
            assert not lane.road.station.full

    def test_messages_count_too(self, tmp_path: Path) -> None:
        with closing(Lane(tmp_path / "a.db", bounds=(100, 2))) as lane:
            lane.happens(FaultRaised, code="X", title="x", detail="")
            assert lane.road.station.full
            for parcel in lane.mailbox.take(10):
                lane.mailbox.delivered(parcel.id)
            lane.road.flush()
            lane.road.tick()
            assert not lane.road.station.full


class TestTime:
    def test_nothing_is_due_at_rest(self, lane: Lane) -> None:
        lane.road.restart({}, {}, letting_go=False)
        lane.road.flush()
        lane.road.tick()
        assert lane.road.wait_s() == 86400.0

    def test_a_drivers_wait_ends_in_a_refusal(self, lane: Lane) -> None:
        lane.happens(CardTapped, card=CARD)
        while (wait := lane.road.wait_s()) is not None and lane.hand() < 1003.0:
            lane.hand.pass_(wait)
            lane.road.tick()
        assert "refused" in lane.written()
        assert lane.road.station.visits == {}

    def test_the_white_light_ends_by_itself(self, lane: Lane) -> None:
        lane.happens(CardTapped, card=CARD)
        assert lane.road.wait_s() == pytest.approx(0.2)
        lane.hand.pass_(0.2)
        lane.road.tick()
        assert lane.lights.shown[-1][0].rhythm == "breathing"

    def test_what_is_not_durable_is_written_after_five_seconds(self, lane: Lane) -> None:
        lane.happens(LockSettled, slot=2, move=0, locked=False)
        assert lane.written() == []
        assert lane.road.wait_s() == pytest.approx(5.0)
        lane.hand.pass_(5.0)
        lane.road.tick()
        assert "slot 2" in lane.written()
        assert lane.road.wait_s() == 86395.0

    def test_what_was_delivered_to_the_supplier_is_forgotten_after_five_seconds(self, lane: Lane) -> None:
        lane.start()
        lane.exchange()
        assert "leds" in lane.written()
        lane.hand.pass_(5.0)
        lane.road.tick()
        assert "leds" not in lane.written()

    def test_what_the_broker_got_or_refused_is_marked_after_five_seconds(self, lane: Lane) -> None:
        lane.inbox("e-1")
        lane.inbox("e-2", code="Y")
        delivered, refused = lane.mailbox.take(9)
        lane.mailbox.delivered(delivered.id)
        lane.mailbox.aside(refused.id, "denied")
        lane.hand.pass_(60.0)
        lane.road.tick()
        assert lane.road.wait_s() == pytest.approx(5.0)
        lane.hand.pass_(5.0)
        lane.road.tick()
        assert not lane.mailbox.marked
        assert lane.look.execute("SELECT id, aside FROM messages").fetchall() == [(refused.id, "denied")]
        assert lane.mailbox.owed() == (0, None)

    def test_what_rides_along_is_written_with_the_next_durable_fact(self, lane: Lane) -> None:
        lane.happens(LockSettled, slot=2, move=0, locked=False)
        lane.inbox("e-1")
        assert {"slot 2", "fault X/0"} <= set(lane.written())


class TestBrokenDisk:
    def test_a_start_is_refused_and_nothing_leaves(self, lane: Lane) -> None:
        lane.full()
        lane.start()
        assert lane.faults == ["StorageFailure/0"]
        assert "acquire" not in lane.supplier.names
        assert lane.road.station.visits == {}
        assert lane.written() == []

    def test_a_vehicle_is_let_go(self, lane: Lane) -> None:
        lane.start()
        lane.happens(LockSettled, slot=1, move=1, locked=True)
        for _ in range(3):
            lane.exchange()
        lane.full()
        lane.hand.pass_(10.0)
        lane.happens(CardTapped, card=CARD)
        for _ in range(5):
            lane.exchange()
        assert (1, Position.UNLOCKED, 2) in lane.bolts.orders
        assert {"end", "pay"} <= set(lane.supplier.names)

    def test_the_first_write_that_succeeds_clears_the_fault(self, lane: Lane) -> None:
        lane.full()
        lane.happens(FaultRaised, code="A", title="a", detail="")
        assert lane.faults == ["StorageFailure/0", "A/0"]
        lane.hand.pass_(5.0)
        lane.road.tick()
        assert lane.faults == ["StorageFailure/0", "A/0"], "the disk is still full"
        assert lane.road.wait_s() == pytest.approx(5.0), "it is tried again, but not in a loop"
        lane.full(False)
        lane.hand.pass_(5.0)
        lane.road.tick()
        lane.take_all()
        assert lane.faults == ["A/0"]
        assert "fault A/0" in lane.written()
        assert "fault StorageFailure/0" not in lane.written()
        assert {"faulted", "out-of-order"} <= set(lane.written())

    def test_a_write_that_nobody_waits_for_tells_of_it_too(self, lane: Lane) -> None:
        lane.happens(LockSettled, slot=2, move=0, locked=False)
        lane.full()
        lane.hand.pass_(5.0)
        lane.road.tick()
        assert lane.faults == ["StorageFailure/0"]
        lane.full(False)
        lane.hand.pass_(5.0)
        lane.road.tick()
        lane.take_all()
        assert lane.faults == []
        assert "slot 2" in lane.written()

    def test_an_inbox_event_is_acknowledged_only_when_there_is_space_again(self, lane: Lane) -> None:
        lane.full()
        first = lane.inbox("e-1")
        again = lane.inbox("e-1")
        assert lane.kept == []
        assert lane.faults == ["StorageFailure/0", "X/0"]
        lane.full(False)
        assert lane.road.flush()
        assert lane.kept == [first.id, again.id]
        assert "fault X/0" in lane.written()

    def test_a_restart_on_a_disk_that_was_broken_clears_the_fault(self, tmp_path: Path) -> None:
        with closing(Lane(tmp_path / "a.db")) as lane:
            lane.happens(FaultRaised, code="StorageFailure", title="s", detail="")
            lane.road.flush()
            station = lane.journal.restore([1, 2])
        assert "StorageFailure/0" in station.faults
        with closing(Lane(tmp_path / "a.db", station)) as lane:
            lane.road.restart({}, {}, letting_go=False)
            lane.happens(LockSettled, slot=2, move=0, locked=False)
            assert lane.road.flush()
            lane.take_all()
            assert lane.faults == []
