"""Motor locks, softened solenoids and power permits: the whole station on the emulated metal, also when it dies."""

import signal
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import pytest
from support.bench import CARD, Bench
from support.bench_config import PERMITS, PINS, PWM_PINS, UNLOCK_PINS

Benches = Callable[..., Bench]
LOCK, UNLOCK = str(PINS[1][0]), str(UNLOCK_PINS[1])
SOFT, PERMIT = str(PWM_PINS[1]), str(PERMITS[1])


def edges(bench: Bench, *pins: str, since: int = 0) -> list[tuple[str, int]]:
    """What changed on these lines of slot 1, in order."""
    told = []
    for before, after in pairwise([{}, *bench.lines][since:]):
        told += [(pin, after.get(pin, 0)) for pin in pins if before.get(pin, 0) != after.get(pin, 0)]
    return told


def level(bench: Bench, pin: str) -> int:
    return int(bench.world.snapshot()["lines"].get(pin, 0))


def ended(bench: Bench) -> bool:
    return bool(bench.once("session-ended")) and bench.slot(1)["status"] == "free" and bench.bolt(1) == "unlocked"


PULSE_LOCK, PULSE_UNLOCK = [(LOCK, 1), (LOCK, 0)], [(UNLOCK, 1), (UNLOCK, 0)]


def test_a_stay_is_one_pulse_each_way(benches: Benches) -> None:
    bench = benches(lock="motor")
    bench.start_session()
    assert bench.bolt(1) == "locked"
    bench.tap()
    bench.wait(lambda: ended(bench))
    assert edges(bench, LOCK, UNLOCK) == PULSE_LOCK + PULSE_UNLOCK


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_locked_motor_is_not_moved_by_a_restart(benches: Benches, how: str) -> None:
    bench = benches(lock="motor")
    bench.start_session()
    getattr(bench, how)()
    bench.start()
    bench.wait(lambda: bench.slot(1)["status"] == "charging")
    assert bench.bolt(1) == "locked"
    bench.tap()
    bench.wait(lambda: ended(bench))
    assert edges(bench, LOCK, UNLOCK) == PULSE_LOCK + PULSE_UNLOCK


ENDLESS = "import hardware.motor; hardware.motor.MotorLock.tend = lambda _: 0.1\n"
"""An agent whose pulses do not end, so that whatever happens to it happens in one."""


def ended_in_a_pulse(bench: Bench, pin: str, number: signal.Signals) -> int:
    """Signal the agent in the middle of the next pulse on this line, which a card brings; gives its exit status."""
    program = bench.program
    if bench.running:
        bench.stop()
    bench.program = ENDLESS + program
    bench.start()
    bench.program = program

    def strike(snapshot: Mapping[str, Any]) -> None:
        if snapshot["lines"].get(pin) == 1:
            bench.on_world = lambda _: None
            bench.signal(number)

    bench.on_world = strike
    bench.world.place(CARD)
    bench.wait(lambda: not bench.running)
    bench.world.remove(CARD)
    return bench.died()


def rested(bench: Bench, was: str = "") -> None:
    """The agent ends, and slot 1's motor has rested: after a pulse that was cut short that takes up to 24 s."""
    if bench.running:
        bench.stop()
    note = bench.folder / "run" / "lock-1"
    assert was in note.read_text()
    note.write_text("resting 0.0\n")


@pytest.mark.parametrize("safe", [True, False], ids=["safe-state", "next start"])
def test_a_pulse_that_a_kill_left_on_ends(benches: Benches, safe: bool) -> None:
    bench = benches(lock="motor")
    assert ended_in_a_pulse(bench, LOCK, signal.SIGKILL) == -9
    assert level(bench, LOCK) == 1, "the kernel leaves it as it was"
    if safe:
        assert "slot 1: motor line GPIO17 low" in bench.safe_state()
        bench.wait(lambda: level(bench, LOCK) == 0)
    bench.start()
    bench.wait(lambda: bench.slot(1)["status"] == "charging" and bench.once("session-started"))
    bench.wait(lambda: (level(bench, LOCK), level(bench, UNLOCK)) == (0, 0))
    assert bench.bolt(1) == "locked"

    rested(bench)

    assert ended_in_a_pulse(bench, UNLOCK, signal.SIGKILL) == -9
    assert level(bench, UNLOCK) == 1
    if safe:
        bench.safe_state()
        bench.wait(lambda: level(bench, UNLOCK) == 0)
    rested(bench, was="working")
    bench.start()
    bench.wait(lambda: ended(bench))
    bench.wait(lambda: (level(bench, LOCK), level(bench, UNLOCK)) == (0, 0))
    assert len(bench.once("session-started")) == len(bench.once("session-ended")) == 1


def test_a_motor_that_is_stopped_in_its_pulse_is_off(benches: Benches) -> None:
    bench = benches(lock="motor")
    assert ended_in_a_pulse(bench, LOCK, signal.SIGTERM) == 0
    bench.wait(lambda: level(bench, LOCK) == 0)
    bench.start()
    bench.wait(lambda: bench.slot(1)["status"] == "charging")


def test_a_jammed_motor_calls_for_help_and_opens_when_it_can(benches: Benches) -> None:
    bench = benches(lock="motor")
    bench.start_session()
    bench.world.set_fault("lock-jammed-1", True)
    bench.tap()
    bench.wait(lambda: bench.faults() == ["UnlockFailed 1"])
    assert edges(bench, UNLOCK) == 2 * PULSE_UNLOCK
    assert edges(bench, LOCK) == PULSE_LOCK, "no kick the other way"
    bench.world.set_fault("lock-jammed-1", False)
    bench.tap()
    bench.wait(lambda: ended(bench))
    bench.wait(lambda: bench.faults() == [])


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_softened_solenoid_is_held_over_a_restart_without_an_edge(benches: Benches, how: str) -> None:
    bench = benches(lock="softened")
    bench.start_session()
    getattr(bench, how)()
    assert bench.bolt(1) == "locked"
    bench.start()
    bench.wait(lambda: bench.slot(1)["status"] == "charging")
    assert edges(bench, SOFT) == [(SOFT, 1)]
    bench.tap()
    bench.wait(lambda: ended(bench))
    assert edges(bench, SOFT) == [(SOFT, 1), (SOFT, 0)]


@pytest.mark.parametrize(("lock", "opens"), [("solenoid", (LOCK, 0)), ("motor", (UNLOCK, 1))])
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_power_is_permitted_while_charging_and_over_a_restart(
    benches: Benches, lock: str, opens: tuple[str, int], how: str
) -> None:
    bench = benches(lock=lock, permits=True)
    bench.start_session()
    bench.wait(lambda: level(bench, PERMIT) == 1)
    getattr(bench, how)()
    bench.start()
    bench.wait(lambda: bench.slot(1)["status"] == "charging")
    bench.tap()
    bench.wait(lambda: ended(bench))
    assert edges(bench, PERMIT) == [(PERMIT, 1), (PERMIT, 0)]
    order = edges(bench, PERMIT, LOCK, UNLOCK)
    assert order.index((PERMIT, 1)) > order.index((LOCK, 1))
    assert order.index((PERMIT, 0)) < len(order) - 1 - order[::-1].index(opens)


def test_safe_state_leaves_a_running_station_alone(benches: Benches) -> None:
    bench = benches(permits=True)
    bench.start_session()
    bench.wait(lambda: level(bench, PERMIT) == 1)
    assert "lines are left alone" in bench.safe_state("--let-go")
    assert bench.bolt(1) == "locked"
    assert level(bench, PERMIT) == 1
    bench.tap()
    bench.wait(lambda: ended(bench))


def test_let_go_is_for_a_station_that_does_not_come_back(benches: Benches) -> None:
    bench = benches(permits=True)
    bench.start_session()
    bench.wait(lambda: level(bench, PERMIT) == 1)
    bench.kill()
    bench.safe_state()
    assert (bench.bolt(1), level(bench, PERMIT)) == ("locked", 1)
    told = bench.safe_state("--let-go")
    assert "slot 1: power permit withdrawn" in told
    assert "slot 1: solenoid let go" in told
    bench.wait(lambda: bench.bolt(1) == "unlocked")
    assert edges(bench, PERMIT, LOCK)[-2:] == [(PERMIT, 0), (LOCK, 0)]
