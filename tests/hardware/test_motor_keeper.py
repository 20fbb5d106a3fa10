"""The lock keeper with motor locks, in a time of the test's own: what no order, jam or failure can make it do."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.hand_clock import HandClock

from hardware.duty import REST_TIMES
from hardware.lock_keeper import MOVING_S, RESTING_S, LockKeeper
from hardware.motor import MotorLock
from hardware.parts import LockFailure, Position
from hardware.pins import LineFailure

LOCKED, UNLOCKED = Position.LOCKED, Position.UNLOCKED
PULSE_S = 0.3
REST_S = REST_TIMES * PULSE_S
TRAVEL_S = 0.12
SETTLE_S = 0.8
LATE_S = 0.002
"""How late a step comes at most in these tests."""


class Wire:
    """A motor line: when it was high, until when."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.pulses: list[tuple[float, float | None]] = []
        self.broken = False

    @property
    def since(self) -> float | None:
        return self.pulses[-1][0] if self.pulses and self.pulses[-1][1] is None else None

    def on(self) -> None:
        if self.broken:
            raise LineFailure("no line")
        self.pulses.append((self._clock(), None))

    def off(self) -> None:
        if self.broken:
            raise LineFailure("no line")
        if self.since is not None:
            self.pulses[-1] = (self.since, self._clock())

    def close(self) -> None:
        pass


class Sensor:
    """Shows a bolt that follows its wires, unless it is jammed; reading it may take its time, or fail."""

    def __init__(self, clock: Any, wires: dict[Position, Wire]) -> None:
        self._clock = clock
        self._wires = wires
        self.place = UNLOCKED
        self.jammed = False
        self.takes_s = 0.0
        self.broken = False

    def shows(self) -> Position:
        self._clock.advance(self.takes_s)
        if self.broken:
            raise LockFailure("no sensor")
        for position, wire in self._wires.items():
            for since, until in wire.pulses[-1:]:
                if (until or self._clock()) - since >= TRAVEL_S and not self.jammed:
                    self._last(position, since)
        return self.place

    def _last(self, position: Position, since: float) -> None:
        other = self._wires[UNLOCKED if position is LOCKED else LOCKED]
        if not other.pulses or other.pulses[-1][0] < since:
            self.place = position

    def close(self) -> None:
        pass


class Bench:
    """A keeper of motor locks that have rested, and what it told."""

    def __init__(self, clock: Any, slots: tuple[int, ...] = (1,), attempts: int = 3, *, blind: bool = False) -> None:
        self.clock = clock
        self.wires = {slot: {position: Wire(clock) for position in (LOCKED, UNLOCKED)} for slot in slots}
        self.sensors = {slot: Sensor(clock, self.wires[slot]) for slot in slots}
        self.locks = {
            slot: MotorLock(
                self.wires[slot][LOCKED],
                self.wires[slot][UNLOCKED],
                pulse_s=PULSE_S,
                settle_s=SETTLE_S,
                sensor=None if blind else self.sensors[slot],  # type: ignore[arg-type]
                clock=clock,
            )
            for slot in slots
        }
        self.settled: list[tuple[int, int, Position | None]] = []
        self.moved: list[tuple[int, Position]] = []
        self.keeper = LockKeeper(
            self.locks,
            dict.fromkeys(slots, attempts),
            lambda *told: self.settled.append(told),
            lambda *told: self.moved.append(told),
            clock,
        )
        clock.advance(REST_S)

    def run(self, seconds: float) -> None:
        """Step as the lock thread would."""
        until = self.clock.now + seconds
        while self.clock.now < until:
            self.clock.advance(min(max(self.keeper.step(), 1e-4), max(until - self.clock.now, 0) + 1e-9))
        self.keeper.step()

    def order(self, position: Position, move: int, seconds: float = 30.0) -> None:
        self.keeper.order(1, position, move)
        self.run(seconds)

    def pulses(self, slot: int = 1) -> list[tuple[Position, float, float]]:
        """Every pulse of a lock in its order: which way, when, and for how long."""
        told = [
            (position, since, (until or self.clock()) - since)
            for position, wire in self.wires[slot].items()
            for since, until in wire.pulses
        ]
        return sorted(told, key=lambda pulse: pulse[1])

    def unburnt(self, slot: int = 1, late_s: float = LATE_S) -> bool:
        """Whether every pulse was bounded, and every rest long enough."""
        pulses = self.pulses(slot)
        bounded = all(lasted <= PULSE_S + late_s for _, _, lasted in pulses)
        rested = all(
            after[1] >= before[1] + before[2] + REST_TIMES * before[2] - 1e-6 for before, after in pairwise(pulses)
        )
        return bounded and rested


@pytest.fixture
def bench(clock: Any) -> Bench:
    return Bench(clock)


def test_one_pulse_moves_the_bolt_and_the_sensor_is_believed_after_it(bench: Bench) -> None:
    began = bench.clock.now
    bench.order(LOCKED, 1, PULSE_S - 0.01)
    assert bench.settled == [], "nothing is judged while the bolt is being pushed"
    bench.run(0.01 + LATE_S)
    assert bench.settled == [(1, 1, LOCKED)]
    assert bench.pulses() == [(LOCKED, began, pytest.approx(PULSE_S, abs=LATE_S))]


def test_an_end_after_its_start_waits_for_the_motors_rest_alone(bench: Bench) -> None:
    bench.order(LOCKED, 1, 0.5)
    bench.order(UNLOCKED, 2)
    assert bench.settled == [(1, 1, LOCKED), (1, 2, UNLOCKED)]
    assert bench.unburnt()
    first, second = bench.pulses()
    assert second[1] - (first[1] + first[2]) == pytest.approx(REST_S, abs=0.01)


@pytest.mark.parametrize(("wanted", "stays"), [(LOCKED, UNLOCKED), (UNLOCKED, LOCKED)])
def test_a_jammed_bolt_gets_its_attempts_and_no_kick(clock: Any, wanted: Position, stays: Position) -> None:
    bench = Bench(clock)
    bench.sensors[1].place, bench.sensors[1].jammed = stays, True
    bench.order(wanted, 1)
    assert bench.settled == [(1, 1, stays)]
    assert [position for position, _, _ in bench.pulses()] == [wanted] * 3
    assert bench.unburnt()


def test_a_bolt_that_comes_late_ends_the_attempts(bench: Bench) -> None:
    bench.sensors[1].jammed = True
    bench.order(LOCKED, 1, 1.0)
    bench.sensors[1].jammed = False
    bench.sensors[1].place = LOCKED
    bench.run(MOVING_S + LATE_S)
    assert bench.settled == [(1, 1, LOCKED)]
    assert len(bench.pulses()) == 1


def test_without_a_sensor_a_move_is_believed_when_its_time_is_over(clock: Any) -> None:
    bench = Bench(clock, blind=True)
    bench.order(LOCKED, 1, SETTLE_S - 0.01)
    assert bench.settled == []
    bench.run(0.02)
    assert bench.settled == [(1, 1, None)]
    assert bench.unburnt()


def test_a_newer_order_waits_for_the_pulse_and_its_rest(bench: Bench) -> None:
    bench.order(LOCKED, 1, 0.1)
    bench.order(UNLOCKED, 2)
    assert bench.settled == [(1, 2, UNLOCKED)]
    assert [position for position, _, _ in bench.pulses()] == [LOCKED, UNLOCKED]
    assert bench.unburnt()


def test_a_pulse_ends_in_time_beside_a_slow_sensor(clock: Any) -> None:
    bench = Bench(clock, slots=(1, 2))
    bench.sensors[2].takes_s = 0.05
    bench.keeper.order(2, LOCKED, 1)
    bench.run(1.0)
    bench.order(LOCKED, 1, 5.0)
    assert bench.unburnt(1, late_s=0.05 + LATE_S), "late by one look at most"


def test_its_own_sensor_is_not_asked_before_the_pulse_is_over(bench: Bench) -> None:
    bench.order(UNLOCKED, 1, 0.1)
    bench.sensors[1].takes_s = 5.0
    bench.order(LOCKED, 2, 1.0)
    assert bench.unburnt()


def test_a_motor_that_cannot_be_switched_off_is_tried_until_it_is(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.order(LOCKED, 1, 0.1)
    wire = bench.wires[1][LOCKED]
    wire.broken = True
    bench.run(3.0)
    assert bench.settled == [], "a bolt that is still pushed is not judged"
    assert caplog.text.count("cut its power") == 1
    wire.broken = False
    bench.run(MOVING_S + LATE_S)
    assert wire.since is None
    assert bench.settled == [(1, 1, LOCKED)]
    bench.order(UNLOCKED, 2, 40.0)
    assert bench.settled[-1] == (1, 2, UNLOCKED)
    first, second = bench.pulses()
    assert second[1] - first[1] > 9 * 3.0 - 0.1, "it rested for as long as it was driven"


def test_what_goes_wrong_in_a_step_ends_every_pulse(clock: Any) -> None:
    bench = Bench(clock, slots=(1, 2))

    def settled(*_: object) -> None:
        raise RuntimeError("a fault of the listener")

    bench.keeper = LockKeeper(bench.locks, {1: 3, 2: 3}, settled, lambda *_: None, clock)
    bench.keeper.order(1, LOCKED, 1)
    bench.keeper.step()
    assert bench.wires[1][LOCKED].since is not None
    bench.keeper.order(2, UNLOCKED, 1)  # in place already: told at once
    with pytest.raises(RuntimeError):
        bench.keeper.step()
    assert bench.wires[1][LOCKED].since is None


def test_a_resting_motor_lock_is_watched(bench: Bench) -> None:
    bench.order(LOCKED, 1, 2.0)
    assert bench.keeper.step() == RESTING_S
    bench.sensors[1].place = UNLOCKED
    bench.wires[1][LOCKED].pulses.clear()
    bench.run(1)
    assert bench.moved == [(1, UNLOCKED)]


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["order", "order", "order", "jam", "free", "break", "mend", "blind", "see"]),
        st.floats(0.0, 2.0),
    ),
    max_size=20,
)


@settings(max_examples=30)
@given(ACTS, st.randoms(use_true_random=False))
def test_no_story_burns_a_motor(acts: list[tuple[str, float]], chance: Any) -> None:
    bench = Bench(HandClock())
    for move, (act, seconds) in enumerate(acts):
        wires, sensor = bench.wires[1], bench.sensors[1]
        match act:
            case "order":
                bench.keeper.order(1, chance.choice([LOCKED, UNLOCKED]), move)
            case "jam" | "free":
                sensor.jammed = act == "jam"
            case "break" | "mend":
                chance.choice(list(wires.values())).broken = act == "break"
            case _:
                sensor.broken = act == "blind"
        bench.run(seconds)
        assert None in (wires[LOCKED].since, wires[UNLOCKED].since), "both lines were high at once"
    for wire in bench.wires[1].values():
        wire.broken = False
    bench.sensors[1].broken = False
    bench.run(10.0)
    assert bench.wires[1][LOCKED].since is bench.wires[1][UNLOCKED].since is None
    pulses = bench.pulses()
    for before, after in pairwise(pulses):
        assert after[1] >= before[1] + before[2] + REST_TIMES * before[2] - 1e-6, pulses
