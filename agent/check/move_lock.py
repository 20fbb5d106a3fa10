"""Tries a lock: locks it and opens it again, and looks at every slot's sensor meanwhile."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from agent.check.finding import Finding, failed, ok, skipped
from agent.check.person import Person
from agent.state import Phase, Station
from hardware.clock import boottime
from hardware.harness import slot_name
from hardware.header import PADS
from hardware.lock_keeper import MOVING_S, LockKeeper
from hardware.parts import Lock, LockFailure, Position
from hardware.wiring import MotorWiring, SlotWiring

LOCKED, UNLOCKED = Position.LOCKED, Position.UNLOCKED
Looks = Mapping[int, Position | None]
"""What each slot's sensor shows; None: it has none, or it cannot be read."""


@dataclass(frozen=True, slots=True)
class Walk:
    """What the sensors showed while one lock was open, locked, and open again."""

    before: Looks
    locked: Looks
    after: Looks

    def of(self, slot: int) -> tuple[Position | None, ...]:
        """One slot's sensor."""
        return self.before[slot], self.locked[slot], self.after[slot]

    def followed(self, slot: int) -> bool:
        """Whether this sensor changed there and back."""
        before, locked, after = self.of(slot)
        return None not in (before, locked) and before is not locked and before is after


def try_locks(
    slots: tuple[SlotWiring, ...], locks: Mapping[int, Lock], station: Station, person: Person
) -> Iterator[Finding]:
    """Each lock whose slot is free, if the person agrees; at the end it is open again."""
    for wiring in slots:
        part, phase = slot_name(wiring.number), station.slots[wiring.number].phase
        if phase is not Phase.FREE:
            yield skipped(part, f"it is {phase}, so its lock is not moved")
        elif not person.agrees(f"{part}: lock it and open it again? Keep your hands off."):
            yield skipped(part, "not tried")
        else:
            mover = Mover(wiring.number, locks)
            walked = mover.walk()
            if _runs_backwards(wiring, walked):
                mover.move(LOCKED)
            yield judged(wiring, slots, walked, person)


def _runs_backwards(wiring: SlotWiring, walked: Walk) -> bool:
    """A motor that opens when it should lock leaves the bolt locked; a move the wrong way opens it."""
    return isinstance(wiring.lock, MotorWiring) and walked.of(wiring.number) == (UNLOCKED, UNLOCKED, LOCKED)


class Mover:
    """Moves one lock, one attempt a time, and looks at all sensors."""

    def __init__(self, slot: int, locks: Mapping[int, Lock]) -> None:
        self._slot = slot
        self._locks = locks
        self._moves = 0
        self._settled: set[int] = set()
        self._keeper = LockKeeper(locks, dict.fromkeys(locks, 1), self._note, lambda *_: None)

    def walk(self) -> Walk:
        """There and back."""
        return Walk(self.move(UNLOCKED), self.move(LOCKED), self.move(UNLOCKED))

    def move(self, position: Position) -> Looks:
        """One way. The bolt has its whole time before any sensor is believed: a wrong one shows the goal at once."""
        self._moves += 1
        self._keeper.order(self._slot, position, self._moves)
        self._step(lambda: self._moves in self._settled)
        over = boottime() + self._locks[self._slot].settle_s(position)
        self._step(lambda: boottime() >= over)
        return {number: _seen(lock) for number, lock in self._locks.items()}

    def _note(self, _slot: int, move: int, _seen: Position | None) -> None:
        self._settled.add(move)

    def _step(self, done: Callable[[], bool]) -> None:
        while not done():
            self._keeper.wake.wait(min(self._keeper.step(), MOVING_S))


def _seen(lock: Lock) -> Position | None:
    try:
        return lock.seen()
    except LockFailure:
        return None


def judged(wiring: SlotWiring, slots: tuple[SlotWiring, ...], walked: Walk, person: Person) -> Finding:
    """What the sensors say about lock, sensor and wires; where they cannot, what the person saw."""
    part = slot_name(wiring.number)
    own = walked.of(wiring.number)
    if own == (UNLOCKED, LOCKED, UNLOCKED):
        return ok(part, "locked and opened again, and its sensor saw it")
    if own == (LOCKED, UNLOCKED, LOCKED):
        right = "high" if wiring.lock.sensor_locked == "low" else "low"
        return failed(part, "its sensor shows the opposite of where the bolt is", f'set sensor_locked = "{right}"')
    if _runs_backwards(wiring, walked):
        mend = f"change the motor's two wires round, or {_lines(wiring)} in the config"
        return failed(part, "its motor locks when it should open", mend)
    return _as_seen(wiring, slots, walked, person)


def _as_seen(wiring: SlotWiring, slots: tuple[SlotWiring, ...], walked: Walk, person: Person) -> Finding:
    """The sensor alone does not tell: it takes somebody who looks."""
    part = slot_name(wiring.number)
    moved = person.agrees(f"{part}: did its bolt move there and back?")
    others = [other for other in slots if other.number != wiring.number and walked.followed(other.number)]
    if others:
        return _swapped(wiring, others[0], moved=moved)
    if wiring.lock.sensor_pin is None:
        return ok(part, "moved, as you saw") if moved else failed(part, "did not move", _at_the_lock(wiring))
    said = ", ".join(str(seen or "nothing") for seen in walked.of(wiring.number))
    if moved:
        mend = f"look at the sensor and the wire of {_pin(wiring.lock.sensor_pin)}"
        return failed(part, f"its bolt moves, but its sensor shows {said}", mend)
    return failed(part, f"its bolt does not move there and back; its sensor shows {said}", _at_the_lock(wiring))


def _swapped(wiring: SlotWiring, other: SlotWiring, *, moved: bool) -> Finding:
    """Another slot's sensor saw the move: either the sensors' wires are swapped, or the locks'."""
    part = slot_name(wiring.number)
    said = f"the sensor of {slot_name(other.number)} saw the move"
    if moved:
        both = f"{_pin(wiring.lock.sensor_pin)} and {_pin(other.lock.sensor_pin)}"
        return failed(part, said, f"the sensors' wires are swapped: change {both} round, or their sensor_pin")
    said = f"the bolt of {slot_name(other.number)} moved in its place"
    return failed(part, said, f"the locks' wires are swapped: change {_lines(wiring)} and {_lines(other)} round")


def _at_the_lock(wiring: SlotWiring) -> str:
    return f"look at the bolt, the lock's supply, its driver, and the wire of {_lines(wiring)}"


def _lines(wiring: SlotWiring) -> str:
    lock = wiring.lock
    if isinstance(lock, MotorWiring):
        return f"{_pin(lock.lock_pin)} and {_pin(lock.unlock_pin)}"
    return _pin(lock.pin)


def _pin(bcm: int | None) -> str:
    return "no line" if bcm is None else f"{PADS[bcm].name} (pin {PADS[bcm].number})"
