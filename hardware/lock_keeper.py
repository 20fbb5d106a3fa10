"""Moves the locks to where they are wanted, in verified attempts, and notices bolts that move by themselves.

It also keeps the power permits: no bolt is driven open before its slot's permit has been off for half a second.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from hardware.clock import boottime
from hardware.interlock import Interlock
from hardware.parts import Lock, LockFailure, Position

MOVING_S = 0.002
"""Seconds between looks at the sensor of a moving bolt: a driver waits for the last one."""
RESTING_S = 0.1
"""Seconds between looks at the sensor of a resting bolt."""
LONG_S = 60.0
"""Seconds until the next step if nothing is to be looked at; an order wakes earlier."""

Settled = Callable[[int, int, Position | None], None]
"""Called with slot, move and where the bolt is: where the sensor shows it, None without a sensor."""
Moved = Callable[[int, Position], None]
"""Called with slot and position when a resting bolt was seen somewhere else."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """A slot's wanted position; `move` counts the times somebody wanted it driven."""

    position: Position
    move: int


class Phase(Enum):
    """What a bolt is doing: WAITING is for its coil or motor to rest, or for the power permit to have been off."""

    RESTING = auto()
    WAITING = auto()
    SETTLING = auto()
    KICKED = auto()


@dataclass(slots=True)
class _Bolt:
    slot: int
    lock: Lock
    attempts: int
    interlock: Interlock
    phase: Phase = Phase.RESTING
    order: Order | None = None
    goal: Position = Position.UNLOCKED
    tries: int = 0
    until: float = 0.0
    busy_until: float | None = None
    driven: bool = True
    trusted: bool = False
    obeys: bool = True
    seen: Position | None = None
    reported: Position | None = None
    doubted: Position | None = None
    unreadable: bool = False
    stuck_on: bool = False


class LockKeeper:
    """Owns all locks: one thread calls `step`, waiting on `wake` for as long as each step says.

    `order` and `permit` may be called by anyone at any time. `settled` and `moved` are called by the stepping thread.
    `attempts` and `failures` count, by slot, since the start: times a bolt was driven to where it was wanted, and moves
    that every attempt failed.
    """

    def __init__(
        self,
        locks: Mapping[int, Lock],
        attempts: Mapping[int, int],
        settled: Settled,
        moved: Moved,
        clock: Callable[[], float] = boottime,
    ) -> None:
        """Keep `locks`, giving each slot its `attempts`. What they permit now stays permitted."""
        self.wake = threading.Event()
        self._bolts = {
            slot: _Bolt(slot, lock, attempts[slot], Interlock(slot, lock.permit, clock)) for slot, lock in locks.items()
        }
        self._settled = settled
        self._moved = moved
        self._clock = clock
        self._orders: dict[int, Order] = {}
        self.attempts = Counter(dict.fromkeys(locks, 0))
        self.failures = Counter(dict.fromkeys(locks, 0))
        self._granted = {slot for slot, bolt in self._bolts.items() if bolt.interlock.on}
        self._lock = threading.Lock()

    def seen(self) -> Mapping[int, Position]:
        """Where the sensors show the bolts; slots without a sensor, or with an unreadable one, are left out.

        For whoever opens the keeper, before its thread begins to step.
        """
        looks = {slot: self._look(bolt) for slot, bolt in self._bolts.items()}
        return {slot: position for slot, position in looks.items() if position is not None}

    def order(self, slot: int, position: Position, move: int) -> None:
        """Want a bolt somewhere; said again with the same `move`, nothing happens. The newest order counts.

        Each new move drives the lock, wherever its sensor shows it; only a slot's first one leaves a bolt alone that
        its sensor shows in place already and that stays there. Each new move takes the slot's power permit back until
        it is given again; only a slot's first one leaves it, if it locks. Raises KeyError for a slot that has no lock.
        """
        self._need(slot)
        new = Order(position, move)
        with self._lock:
            before = self._orders.get(slot)
            self._orders[slot] = new
            if new != before and (before is not None or position is Position.UNLOCKED):
                self._granted.discard(slot)
        self.wake.set()

    def permit(self, slot: int, granted: bool) -> None:
        """Let the slot's power be on, or forbid it; nothing happens for a slot without a power permit.

        Its line is high only while this was granted after the newest order, that order is LOCKED, its move is over
        and confirmed (or believed, without a sensor), and the sensor has not shown the bolt open since. Raises
        KeyError for a slot that has no lock.
        """
        self._need(slot)
        with self._lock:
            (self._granted.add if granted else self._granted.discard)(slot)
        self.wake.set()

    def _need(self, slot: int) -> None:
        if slot not in self._bolts:
            raise KeyError(f"slot {slot} has no lock")

    def step(self) -> float:
        """Do what is due; seconds until the next step is wanted, unless `wake` is set before."""
        self.wake.clear()
        with self._lock:
            orders, granted = dict(self._orders), frozenset(self._granted)
        try:
            for slot, bolt in self._bolts.items():
                # Every pulse that is due ends before the next sensor takes its time.
                for other in self._bolts.values():
                    self._tend(other)
                self._step(bolt, orders.get(slot), granted=slot in granted)
        except Exception:
            self.halt()
            raise
        now = self._clock()
        return min((self._pause(bolt, now) for bolt in self._bolts.values()), default=LONG_S)

    def halt(self) -> None:
        """End every pulse that is under way; held bolts stay held. For the stepping thread, or once it has ended."""
        for bolt in self._bolts.values():
            bolt.lock.halt()

    def _tend(self, bolt: _Bolt) -> None:
        try:
            left = bolt.lock.tend()
            bolt.stuck_on = False
        except LockFailure as error:
            if not bolt.stuck_on:
                logger.critical("slot %d: %s", bolt.slot, error)
            bolt.stuck_on = True
            left = MOVING_S
        bolt.busy_until = None if left is None else self._clock() + left

    def _step(self, bolt: _Bolt, order: Order | None, *, granted: bool) -> None:
        if order is not None and order != bolt.order:
            self._begin(bolt, order)
        if bolt.order is not None:
            self._act(bolt, bolt.order)
        bolt.obeys = bolt.interlock.follow(granted=granted and _may_have_power(bolt))

    def _begin(self, bolt: _Bolt, order: Order) -> None:
        first = bolt.order is None
        bolt.order, bolt.tries = order, 0
        seen = self._look(bolt) if first else None
        # Charging when the station ended, and no sensor denies it: the drive towards the lock moves nothing.
        bolt.trusted = first and seen is None and not bolt.unreadable and bolt.interlock.on
        if first and seen is order.position and bolt.lock.stays(order.position):
            self._finish(bolt, order, order.position)
        else:
            bolt.phase, bolt.goal = Phase.WAITING, order.position

    def _act(self, bolt: _Bolt, order: Order) -> None:
        busy = bolt.busy_until is not None
        bolt.seen = None if busy else self._look(bolt)
        now = self._clock()
        match bolt.phase:
            case Phase.WAITING:
                self._go(bolt, order)
            case Phase.KICKED if now >= bolt.until:
                self._aim(bolt, order, order.position)
            case Phase.SETTLING if not busy:
                self._settle(bolt, order, now)
            case Phase.RESTING if not busy:
                self._rest(bolt)

    def _aim(self, bolt: _Bolt, order: Order, goal: Position) -> None:
        bolt.phase, bolt.goal = Phase.WAITING, goal
        self._go(bolt, order)

    def _go(self, bolt: _Bolt, order: Order) -> None:
        """Drive the bolt to its goal as soon as it may be; one that came late after all needs no more attempts."""
        if bolt.tries and bolt.seen is order.position:
            self._finish(bolt, order, order.position)
            return
        try:
            safe_s = bolt.interlock.open_in_s() if bolt.goal is Position.UNLOCKED else 0.0
            wait_s = max(safe_s, bolt.lock.ready_s(bolt.goal))
            if wait_s > 0:
                bolt.until = self._clock() + wait_s
                return
            bolt.lock.drive(bolt.goal)
            bolt.driven = True
        except LockFailure as error:
            logger.warning("slot %d: %s", bolt.slot, error)
            bolt.driven = False
        self._driven(bolt, order)

    def _driven(self, bolt: _Bolt, order: Order) -> None:
        self._tend(bolt)
        now = self._clock()
        if bolt.goal is order.position:
            bolt.tries += 1
            self.attempts[bolt.slot] += 1
            bolt.phase, bolt.until = Phase.SETTLING, now + bolt.lock.settle_s(bolt.goal)
        else:
            bolt.phase, bolt.until = Phase.KICKED, now + bolt.lock.kick_s

    def _settle(self, bolt: _Bolt, order: Order, now: float) -> None:
        if bolt.seen is order.position:
            self._finish(bolt, order, bolt.seen)
        elif now < bolt.until:
            return
        elif bolt.seen is None and bolt.driven and not bolt.unreadable:
            self._finish(bolt, order, None)
        elif bolt.tries < bolt.attempts:
            logger.warning("slot %d: not %s after attempt %d", bolt.slot, order.position, bolt.tries)
            kick = bolt.driven and bolt.lock.kick_s > 0
            self._aim(bolt, order, _opposite(order.position) if kick else order.position)
        else:
            logger.error("slot %d: not %s after %d attempts", bolt.slot, order.position, bolt.tries)
            self.failures[bolt.slot] += 1
            self._finish(bolt, order, _opposite(order.position))

    def _finish(self, bolt: _Bolt, order: Order, position: Position | None) -> None:
        bolt.phase, bolt.reported, bolt.doubted = Phase.RESTING, position, None
        self._settled(bolt.slot, order.move, position)

    def _rest(self, bolt: _Bolt) -> None:
        # One look may be a spike on a long wire: only the second that agrees is believed.
        if bolt.seen is None or bolt.seen is bolt.reported:
            bolt.doubted = None
        elif bolt.seen is not bolt.doubted:
            bolt.doubted = bolt.seen
        else:
            bolt.reported, bolt.doubted = bolt.seen, None
            self._moved(bolt.slot, bolt.seen)

    def _look(self, bolt: _Bolt) -> Position | None:
        try:
            seen = bolt.lock.seen()
        except LockFailure as error:
            if not bolt.unreadable:
                logger.warning("slot %d: %s", bolt.slot, error)
            bolt.unreadable = True
            return None
        bolt.unreadable = False
        return seen

    def _pause(self, bolt: _Bolt, now: float) -> float:
        waits = [self._next_look(bolt, now)]
        if bolt.busy_until is not None:
            waits.append(bolt.busy_until - now)
        if not bolt.obeys:
            waits.append(RESTING_S)
        return max(0.0, min(waits))

    def _next_look(self, bolt: _Bolt, now: float) -> float:
        if bolt.order is None:
            return LONG_S
        blind = bolt.seen is None and not bolt.unreadable
        if bolt.phase is Phase.RESTING:
            if bolt.doubted is not None:
                return MOVING_S
            return LONG_S if blind else RESTING_S
        if bolt.phase is Phase.KICKED or blind:
            return bolt.until - now
        return min(MOVING_S, bolt.until - now)


def _may_have_power(bolt: _Bolt) -> bool:
    """Before the first order a permit may only stay as it was found."""
    if bolt.order is None:
        return bolt.interlock.on
    still = bolt.phase is Phase.RESTING or (bolt.trusted and bolt.tries <= 1 and bolt.driven)
    return bolt.order.position is Position.LOCKED and still and bolt.reported is not Position.UNLOCKED


def _opposite(position: Position) -> Position:
    return Position.UNLOCKED if position is Position.LOCKED else Position.LOCKED
