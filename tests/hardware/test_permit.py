"""Power permits: high only while locked, confirmed and granted, and off for half a second before a bolt opens."""

from dataclasses import dataclass
from typing import Any

import pytest
from support.wires import Wires

from hardware.interlock import OFF_S
from hardware.lock_keeper import RESTING_S, LockKeeper
from hardware.locks import open_lock
from hardware.parts import LockFailure, PartMissing, Position
from hardware.permit import PowerPermit
from hardware.pins import Pins
from hardware.pwm import Pwm, Sysfs
from hardware.wiring import SlotWiring, SolenoidWiring

LOCKED, UNLOCKED = Position.LOCKED, Position.UNLOCKED
SETTLE_S = 0.1
KICK_S = 0.1


class Permit:
    """A permit that remembers when it changed, and fails as told."""

    def __init__(self, clock: Any, *, granted: bool = False) -> None:
        self._clock = clock
        self.granted: bool | None = granted
        self.history: list[tuple[float, bool]] = []
        self.broken = False

    def grant(self, granted: bool) -> None:
        self.granted = None
        if self.broken:
            raise LockFailure("no permit line")
        self.granted = granted
        self.history.append((self._clock(), granted))


@dataclass
class Lock:
    """A lock whose bolt is at once where it is driven, unless it sticks."""

    clock: Any
    permit: Permit | None
    place: Position = UNLOCKED
    sensor: bool = True
    stuck: bool = False
    kick_s: float = KICK_S

    def __post_init__(self) -> None:
        self.driven: list[tuple[float, Position, bool | None]] = []

    def stays(self, position: Position) -> bool:
        del position
        return True

    def drive(self, position: Position) -> None:
        self.driven.append((self.clock(), position, self.permit.granted if self.permit else False))
        if not self.stuck:
            self.place = position

    def ready_s(self, position: Position) -> float:
        del position
        return 0.0

    def tend(self) -> float | None:
        return None

    def settle_s(self, position: Position) -> float:
        del position
        return SETTLE_S

    def seen(self) -> Position | None:
        return self.place if self.sensor else None

    def halt(self) -> None:
        pass

    def close(self) -> None:
        pass


class Bench:
    """A keeper of one lock with a permit."""

    def __init__(self, clock: Any, lock: Lock) -> None:
        self.clock = clock
        self.lock = lock
        self.settled: list[tuple[int, int, Position | None]] = []
        self.keeper = LockKeeper({1: lock}, {1: 3}, lambda *told: self.settled.append(told), lambda *_: None, clock)

    def run(self, seconds: float = 5.0) -> None:
        until = self.clock.now + seconds
        while self.clock.now < until:
            self.clock.advance(min(max(self.keeper.step(), 1e-4), max(until - self.clock.now, 0) + 1e-9))
        self.keeper.step()

    def charging(self) -> None:
        """Locked, confirmed and granted."""
        self.keeper.order(1, LOCKED, 1)
        self.keeper.permit(1, True)
        self.run()
        assert self.on

    @property
    def permit(self) -> Permit:
        assert self.lock.permit is not None
        return self.lock.permit

    @property
    def on(self) -> bool:
        return self.permit.granted is True

    def opened_safely(self) -> bool:
        """Whether no bolt was driven open that soon after power."""
        for at, position, granted in self.lock.driven:
            changes = [when for when, on in self.permit.history if not on and when <= at]
            since = max(changes, default=0.0)
            if position is UNLOCKED and (granted is not False or at - since < OFF_S - 1e-6):
                return False
        return True


@pytest.fixture
def bench(clock: Any) -> Bench:
    return Bench(clock, Lock(clock, Permit(clock)))


def test_power_comes_when_locked_confirmed_and_granted(bench: Bench) -> None:
    bench.keeper.permit(1, True)
    bench.run()
    assert not bench.on, "no order, no power"
    bench.keeper.order(1, LOCKED, 1)
    bench.lock.stuck = True
    bench.run(SETTLE_S / 2)
    assert not bench.on, "not confirmed yet"
    bench.lock.stuck = False
    bench.run()
    assert bench.settled == [(1, 1, LOCKED)]
    assert bench.on
    bench.keeper.permit(1, False)
    bench.keeper.step()
    assert not bench.on
    bench.keeper.permit(1, True)
    bench.keeper.step()
    assert bench.on


def test_without_a_sensor_power_comes_when_the_move_is_believed(clock: Any) -> None:
    bench = Bench(clock, Lock(clock, Permit(clock), sensor=False))
    bench.keeper.order(1, LOCKED, 1)
    bench.keeper.permit(1, True)
    bench.run(SETTLE_S - 0.01)
    assert not bench.on
    bench.run(0.02)
    assert bench.on


def test_a_lock_that_does_not_confirm_gets_no_power(bench: Bench) -> None:
    bench.lock.stuck = True
    bench.keeper.order(1, LOCKED, 1)
    bench.keeper.permit(1, True)
    bench.run()
    assert bench.settled == [(1, 1, UNLOCKED)]
    assert bench.permit.history == []


def test_power_is_off_for_half_a_second_before_the_bolt_opens(bench: Bench) -> None:
    bench.charging()
    asked = bench.clock.now
    bench.keeper.order(1, UNLOCKED, 2)
    bench.run()
    assert bench.permit.history[-1] == (asked, False)
    assert bench.lock.driven[-1] == (pytest.approx(asked + OFF_S, abs=0.01), UNLOCKED, False)
    assert bench.settled[-1] == (1, 2, UNLOCKED)


def test_a_bolt_whose_power_has_been_off_opens_at_once(bench: Bench) -> None:
    bench.charging()
    bench.keeper.permit(1, False)
    bench.run(OFF_S)
    asked = bench.clock.now
    bench.keeper.order(1, UNLOCKED, 2)
    bench.keeper.step()
    assert bench.lock.driven[-1][:2] == (asked, UNLOCKED)


def test_after_an_order_power_comes_back_only_when_granted_again(bench: Bench) -> None:
    bench.charging()
    bench.keeper.order(1, UNLOCKED, 2)
    bench.run()
    bench.keeper.order(1, LOCKED, 3)
    bench.run()
    assert not bench.on
    bench.keeper.order(1, LOCKED, 3)
    bench.keeper.permit(1, True)
    bench.run()
    assert bench.on
    bench.keeper.order(1, LOCKED, 3)
    bench.run()
    assert bench.on, "the same order again changes nothing"
    bench.keeper.order(1, LOCKED, 4)
    bench.run()
    assert not bench.on


def test_a_kick_opens_no_bolt_under_power_either(bench: Bench) -> None:
    bench.charging()
    bench.lock.place, bench.lock.stuck = UNLOCKED, True
    bench.keeper.order(1, LOCKED, 2)
    bench.keeper.permit(1, True)
    bench.run()
    assert [position for _, position, _ in bench.lock.driven[1:]] == [LOCKED, UNLOCKED, LOCKED, UNLOCKED, LOCKED]
    assert bench.opened_safely()


def test_a_bolt_that_moves_open_by_itself_loses_its_power(bench: Bench) -> None:
    bench.charging()
    bench.lock.place = UNLOCKED
    bench.run(2 * RESTING_S)
    assert not bench.on


def test_a_permit_that_cannot_be_withdrawn_keeps_the_bolt_shut(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.charging()
    bench.permit.broken = True
    bench.keeper.order(1, UNLOCKED, 2)
    bench.run()
    assert bench.settled[-1] == (1, 2, LOCKED), "the workflow calls it UnlockFailed"
    assert [position for _, position, _ in bench.lock.driven] == [LOCKED]
    assert caplog.text.count("not unlocked after 3 attempts") == 1
    bench.permit.broken = False
    bench.keeper.order(1, UNLOCKED, 3)
    bench.run()
    assert bench.settled[-1] == (1, 3, UNLOCKED)
    assert bench.opened_safely()


def test_a_permit_that_does_not_obey_is_tried_again_and_told_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.permit.broken = True
    bench.keeper.order(1, LOCKED, 1)
    bench.keeper.permit(1, True)
    bench.run(2.0)
    assert caplog.text.count("no permit line") == 1
    assert bench.keeper.step() <= RESTING_S
    bench.permit.broken = False
    bench.run(RESTING_S + 0.01)
    assert bench.on


def test_a_restart_does_not_interrupt_charging(clock: Any) -> None:
    bench = Bench(clock, Lock(clock, Permit(clock, granted=True), place=LOCKED))
    bench.keeper.step()
    bench.keeper.order(1, LOCKED, 7)
    bench.run()
    bench.keeper.permit(1, True)
    bench.run()
    assert bench.permit.history == []
    assert bench.lock.driven == []


def test_a_bolt_found_open_after_a_restart_gets_power_when_it_is_locked_again(clock: Any) -> None:
    bench = Bench(clock, Lock(clock, Permit(clock, granted=True), place=UNLOCKED))
    bench.keeper.order(1, LOCKED, 7)
    bench.keeper.step()
    assert not bench.on
    bench.run()
    assert bench.on


def test_without_a_sensor_a_restart_drives_the_lock_again_under_power(clock: Any) -> None:
    bench = Bench(clock, Lock(clock, Permit(clock, granted=True), place=LOCKED, sensor=False))
    bench.keeper.order(1, LOCKED, 7)
    bench.keeper.permit(1, True)
    bench.run()
    assert [position for _, position, _ in bench.lock.driven] == [LOCKED]
    assert bench.settled == [(1, 7, None)]
    assert bench.permit.history == []


def test_an_end_after_a_restart_waits_though_the_line_is_low(clock: Any) -> None:
    bench = Bench(clock, Lock(clock, Permit(clock), place=LOCKED))
    opened = clock.now
    bench.keeper.order(1, UNLOCKED, 7)
    bench.run()
    assert bench.lock.driven[0][:2] == (pytest.approx(opened + OFF_S, abs=0.01), UNLOCKED)
    asked = Bench(clock, Lock(clock, Permit(clock, granted=True), place=LOCKED))
    asked.keeper.order(1, UNLOCKED, 7)
    asked.run()
    assert asked.opened_safely()


def test_a_slot_without_a_permit_has_none_to_grant_and_waits_for_nothing(clock: Any) -> None:
    bench = Bench(clock, Lock(clock, None, place=LOCKED))
    bench.keeper.permit(1, True)
    bench.keeper.order(1, UNLOCKED, 1)
    bench.keeper.step()
    assert bench.lock.driven[0][:2] == (clock.now, UNLOCKED)
    with pytest.raises(KeyError, match="slot 3"):
        bench.keeper.permit(3, True)


def test_a_grant_wakes_the_thread(bench: Bench) -> None:
    bench.keeper.permit(1, True)
    assert bench.keeper.wake.is_set()


SLOT = SlotWiring(number=1, lights=(8, 15), lock=SolenoidWiring(pin=17, sensor_pin=27), power_permit_pin=12)
BLIND = SlotWiring(number=1, lights=(8, 15), lock=SolenoidWiring(pin=17), power_permit_pin=12)


@pytest.mark.parametrize(
    ("slot", "permitted", "position", "closed", "level"),
    [
        (SLOT, True, LOCKED, {27}, 1),
        (SLOT, True, LOCKED, set(), 0),
        (SLOT, True, UNLOCKED, {27}, 0),
        (SLOT, True, None, {27}, 0),
        (SLOT, False, LOCKED, {27}, 0),
        (BLIND, True, LOCKED, set(), 1),
    ],
)
def test_its_line_is_claimed_at_the_level_it_must_have_and_left_there(
    pins: Pins,
    wires: Wires,
    slot: SlotWiring,
    permitted: bool,
    position: Position | None,
    closed: set[int],
    level: int,
) -> None:
    wires.grounded |= closed
    lock = open_lock(slot, pins, position, pwm=Pwm(Sysfs()), permitted=permitted)
    assert lock.permit is not None
    assert lock.permit.granted == bool(level)
    lock.close()
    lock.close()
    assert wires.levels(12) == [level]


def test_its_line_goes_high_and_low_and_says_when_it_does_not(pins: Pins, wires: Wires) -> None:
    permit = PowerPermit(pins.output(12, high=False), granted=False)
    permit.grant(True)
    assert permit.granted
    wires.cut = True
    with pytest.raises(LockFailure, match="power permit"):
        permit.grant(False)
    assert permit.granted is None
    wires.cut = False
    permit.grant(False)
    assert wires.levels(12) == [0, 1, 0]
    permit.close()


def test_a_permit_line_that_is_taken_is_a_missing_part(pins: Pins) -> None:
    taken = pins.output(12, high=False)
    with pytest.raises(PartMissing, match="GPIO12"):
        open_lock(SLOT, pins, LOCKED, pwm=Pwm(Sysfs()))
    taken.close()
