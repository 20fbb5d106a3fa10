"""Verified moves, in a time of the test's own."""

from collections.abc import Callable
from typing import Any

import pytest

from hardware.lock_keeper import LONG_S, MOVING_S, RESTING_S, LockKeeper
from hardware.parts import LockFailure, Position

LOCKED, UNLOCKED = Position.LOCKED, Position.UNLOCKED
SETTLE_S = 0.8
TRAVEL_S = 0.12
KICK_S = 0.1


class Bolt:
    """A lock whose bolt takes its time, sticks or fails as told."""

    permit = None
    kick_s = KICK_S

    def __init__(self, clock: Callable[[], float], place: Position = UNLOCKED, *, sensor: bool = True) -> None:
        self._clock = clock
        self.place = place
        self.sensor = sensor
        self.driven: list[tuple[float, Position]] = []
        self.stuck_until_drive = 0
        self.line_broken = False
        self.sensor_broken = False
        self.jammed = False

    def stays(self, position: Position) -> bool:
        del position
        return not self.jammed

    def drive(self, position: Position) -> None:
        if self.line_broken:
            raise LockFailure("no line")
        self.driven.append((self._clock(), position))

    def ready_s(self, position: Position) -> float:
        del position
        return 0.0

    def tend(self) -> float | None:
        return None

    def halt(self) -> None:
        pass

    def settle_s(self, position: Position) -> float:
        del position
        return SETTLE_S

    def seen(self) -> Position | None:
        if self.sensor_broken:
            raise LockFailure("no sensor")
        if self.driven and len(self.driven) > self.stuck_until_drive:
            at, goal = self.driven[-1]
            if self._clock() >= at + TRAVEL_S:
                self.place = goal
        return self.place if self.sensor else None

    def close(self) -> None:
        pass

    @property
    def moves(self) -> list[Position]:
        return [position for _, position in self.driven]


class Bench:
    """A keeper of one lock, and what it told."""

    def __init__(self, clock: Any, bolt: Bolt, attempts: int = 3) -> None:
        self.clock = clock
        self.bolt = bolt
        self.settled: list[tuple[int, int, Position | None]] = []
        self.moved: list[tuple[int, Position]] = []
        self.keeper = LockKeeper(
            {1: bolt},
            {1: attempts},
            lambda *told: self.settled.append(told),
            lambda *told: self.moved.append(told),
            clock,
        )

    def run(self, seconds: float) -> int:
        """Step as the lock thread would; how often it had to."""
        until, steps = self.clock.now + seconds, 0
        while self.clock.now < until:
            steps += 1
            pause = self.keeper.step()
            self.clock.advance(min(max(pause, 1e-4), until - self.clock.now + 1e-9))
        self.keeper.step()
        return steps

    def settle(self, position: Position, move: int, seconds: float = 10.0) -> None:
        self.keeper.order(1, position, move)
        self.run(seconds)


@pytest.fixture
def bench(clock: Any) -> Bench:
    return Bench(clock, Bolt(clock))


def test_an_order_is_driven_and_confirmed_by_the_sensor(bench: Bench) -> None:
    started = bench.clock.now
    bench.settle(LOCKED, 1, TRAVEL_S + 2 * MOVING_S)
    assert bench.settled == [(1, 1, LOCKED)]
    assert bench.bolt.driven == [(started, LOCKED)]
    assert (bench.keeper.attempts, bench.keeper.failures) == ({1: 1}, {1: 0})


def test_the_first_order_leaves_a_bolt_alone_that_is_there(bench: Bench) -> None:
    bench.settle(UNLOCKED, 1)
    assert (bench.bolt.moves, bench.settled) == ([], [(1, 1, UNLOCKED)])


def test_a_bolt_that_only_jams_where_it_should_be_is_driven_there(bench: Bench) -> None:
    bench.bolt.jammed = True
    bench.settle(UNLOCKED, 1)
    assert (bench.bolt.moves, bench.settled) == ([UNLOCKED], [(1, 1, UNLOCKED)])
    bench.settle(UNLOCKED, 1)
    assert bench.bolt.moves == [UNLOCKED]


def test_the_same_order_again_does_nothing_and_a_new_move_drives_again(bench: Bench) -> None:
    bench.settle(LOCKED, 1)
    bench.settle(LOCKED, 1)
    assert bench.bolt.moves == [LOCKED]
    bench.settle(LOCKED, 2)
    assert bench.bolt.moves == [LOCKED, LOCKED]
    assert bench.settled == [(1, 1, LOCKED), (1, 2, LOCKED)]


@pytest.mark.parametrize("position", [LOCKED, UNLOCKED])
def test_after_a_start_a_bolt_that_is_in_place_is_not_moved(clock: Any, position: Position) -> None:
    bench = Bench(clock, Bolt(clock, position))
    bench.keeper.order(1, position, 7)
    bench.keeper.step()
    assert bench.settled == [(1, 7, position)]
    assert bench.bolt.moves == []
    bench.settle(position, 8)
    assert bench.bolt.moves == [position]


def test_after_a_start_a_bolt_that_is_elsewhere_is_moved(clock: Any) -> None:
    bench = Bench(clock, Bolt(clock, UNLOCKED))
    bench.settle(LOCKED, 1)
    assert bench.bolt.moves == [LOCKED]


def test_a_stuck_bolt_is_kicked_back_before_each_next_attempt(bench: Bench) -> None:
    bench.bolt.stuck_until_drive = 4
    started = bench.clock.now
    bench.settle(LOCKED, 1)
    assert bench.settled == [(1, 1, LOCKED)]
    assert bench.bolt.moves == [LOCKED, UNLOCKED, LOCKED, UNLOCKED, LOCKED]
    times = [at - started for at, _ in bench.bolt.driven]
    once = SETTLE_S + KICK_S
    assert times == pytest.approx([0, SETTLE_S, once, once + SETTLE_S, 2 * once], abs=0.01)


@pytest.mark.parametrize(("wanted", "stays"), [(LOCKED, UNLOCKED), (UNLOCKED, LOCKED)])
def test_a_bolt_that_never_comes_is_reported_where_it_is(clock: Any, wanted: Position, stays: Position) -> None:
    bench = Bench(clock, Bolt(clock, stays), attempts=2)
    bench.bolt.stuck_until_drive = 99
    bench.settle(wanted, 1)
    assert bench.settled == [(1, 1, stays)]
    assert bench.bolt.moves == [wanted, stays, wanted]
    assert bench.moved == []
    assert (bench.keeper.attempts, bench.keeper.failures) == ({1: 2}, {1: 1})


def test_a_bolt_that_comes_after_all_is_reported_as_moved(bench: Bench) -> None:
    bench.bolt.stuck_until_drive = 99
    bench.settle(LOCKED, 1)
    bench.bolt.stuck_until_drive = 0
    bench.run(1)
    assert bench.moved == [(1, LOCKED)]


def test_a_newer_order_takes_the_place_of_one_under_way(bench: Bench) -> None:
    bench.settle(LOCKED, 1, TRAVEL_S / 2)
    bench.settle(UNLOCKED, 2)
    assert bench.settled == [(1, 2, UNLOCKED)]
    assert bench.bolt.moves == [LOCKED, UNLOCKED]


def test_without_a_sensor_the_time_is_awaited_and_the_move_believed(clock: Any) -> None:
    bench = Bench(clock, Bolt(clock, sensor=False))
    bench.settle(LOCKED, 1, SETTLE_S - 0.01)
    assert bench.settled == []
    assert bench.run(0.02) <= 3
    assert bench.settled == [(1, 1, None)]
    assert bench.bolt.moves == [LOCKED]
    assert bench.keeper.step() == LONG_S


def test_a_line_that_fails_is_a_failed_attempt_and_logged(clock: Any, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(clock, Bolt(clock, sensor=False))
    bench.bolt.line_broken = True
    bench.keeper.order(1, LOCKED, 1)
    bench.run(SETTLE_S + KICK_S / 2)
    bench.bolt.line_broken = False
    bench.run(10)
    assert bench.settled == [(1, 1, None)]
    assert bench.bolt.moves == [LOCKED]
    assert "slot 1: no line" in caplog.text


def test_a_line_that_never_works_leaves_the_bolt_where_it_was(clock: Any) -> None:
    bench = Bench(clock, Bolt(clock, sensor=False))
    bench.bolt.line_broken = True
    bench.settle(UNLOCKED, 1)
    assert bench.settled == [(1, 1, LOCKED)]


def test_a_sensor_that_cannot_be_read_confirms_nothing_and_is_logged_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.bolt.sensor_broken = True
    bench.settle(LOCKED, 1)
    assert bench.settled == [(1, 1, UNLOCKED)]
    assert caplog.text.count("no sensor") == 1
    assert bench.keeper.step() == RESTING_S
    bench.bolt.sensor_broken = False
    bench.run(1)
    assert bench.moved == [(1, LOCKED)]


def test_a_resting_bolt_that_moves_is_reported_once(bench: Bench) -> None:
    bench.settle(UNLOCKED, 1)
    bench.bolt.place = LOCKED
    bench.run(1)
    bench.bolt.place = UNLOCKED
    bench.run(1)
    assert bench.moved == [(1, LOCKED), (1, UNLOCKED)]
    assert len(bench.settled) == 1


def test_one_odd_look_at_a_resting_bolt_is_not_believed(bench: Bench) -> None:
    bench.settle(UNLOCKED, 1)
    bench.bolt.place = LOCKED
    assert bench.keeper.step() == MOVING_S
    bench.bolt.place = UNLOCKED
    assert bench.keeper.step() == RESTING_S
    bench.bolt.place = LOCKED
    bench.keeper.step()
    assert bench.moved == []


def test_it_looks_often_while_moving_and_seldom_at_rest(bench: Bench) -> None:
    assert bench.keeper.step() == LONG_S
    bench.keeper.order(1, LOCKED, 1)
    assert bench.keeper.step() == MOVING_S
    bench.run(1)
    assert bench.keeper.step() == RESTING_S


def test_an_order_wakes_the_thread_and_a_step_sends_it_to_sleep(bench: Bench) -> None:
    bench.keeper.order(1, LOCKED, 1)
    assert bench.keeper.wake.is_set()
    bench.keeper.step()
    assert not bench.keeper.wake.is_set()


def test_slots_do_not_wait_for_each_other(clock: Any) -> None:
    stuck, free = Bolt(clock), Bolt(clock)
    stuck.stuck_until_drive = 99
    settled: list[int] = []
    keeper = LockKeeper(
        {1: stuck, 2: free}, {1: 3, 2: 3}, lambda slot, *_: settled.append(slot), lambda *_: None, clock
    )
    keeper.order(1, LOCKED, 1)
    keeper.order(2, LOCKED, 1)
    keeper.step()
    clock.advance(TRAVEL_S)
    keeper.step()
    assert settled == [2]


def test_an_unknown_slot_is_the_callers_mistake(bench: Bench) -> None:
    with pytest.raises(KeyError, match="slot 3"):
        bench.keeper.order(3, LOCKED, 1)


def test_no_locks_no_steps() -> None:
    assert LockKeeper({}, {}, lambda *_: None, lambda *_: None).step() == LONG_S
