"""Moves the locks to where they are wanted, in verified attempts, and notices bolts that move by themselves."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from hardware.clock import boottime
from hardware.parts import Lock, LockFailure, Position

MOVING_S = 0.02
"""Seconds between looks at the sensor of a moving bolt."""
RESTING_S = 0.1
"""Seconds between looks at the sensor of a resting bolt."""
LONG_S = 60.0
"""Seconds until the next step if nothing is to be looked at; an order wakes earlier."""
KICK_S = 0.1
"""Seconds a stuck bolt is driven the other way before the next attempt, so that the attempt moves something."""

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
    """What a bolt is doing."""

    RESTING = auto()
    SETTLING = auto()
    KICKED = auto()


@dataclass(slots=True)
class _Bolt:
    slot: int
    lock: Lock
    attempts: int
    phase: Phase = Phase.RESTING
    order: Order | None = None
    tries: int = 0
    until: float = 0.0
    driven: bool = True
    reported: Position | None = None
    doubted: Position | None = None
    unreadable: bool = False


class LockKeeper:
    """Owns all locks: one thread calls `step`, waiting on `wake` for as long as each step says.

    `order` may be called by anyone at any time. `settled` and `moved` are called by the stepping thread.
    """

    def __init__(
        self,
        locks: Mapping[int, Lock],
        attempts: Mapping[int, int],
        settled: Settled,
        moved: Moved,
        clock: Callable[[], float] = boottime,
    ) -> None:
        """Keep `locks`, giving each slot its `attempts`."""
        self.wake = threading.Event()
        self._bolts = {slot: _Bolt(slot, lock, attempts[slot]) for slot, lock in locks.items()}
        self._settled = settled
        self._moved = moved
        self._clock = clock
        self._orders: dict[int, Order] = {}
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
        its sensor shows in place already. Raises KeyError for a slot that has no lock.
        """
        if slot not in self._bolts:
            raise KeyError(f"slot {slot} has no lock")
        with self._lock:
            self._orders[slot] = Order(position, move)
        self.wake.set()

    def step(self) -> float:
        """Do what is due; seconds until the next step is wanted, unless `wake` is set before."""
        self.wake.clear()
        with self._lock:
            orders = dict(self._orders)
        now = self._clock()
        return min((self._step(bolt, orders.get(slot), now) for slot, bolt in self._bolts.items()), default=LONG_S)

    def _step(self, bolt: _Bolt, order: Order | None, now: float) -> float:
        if order is not None and order != bolt.order:
            self._begin(bolt, order, now)
        seen = self._look(bolt)
        if bolt.order is None:
            return LONG_S
        match bolt.phase:
            case Phase.SETTLING:
                self._settle(bolt, bolt.order, seen, now)
            case Phase.KICKED if now >= bolt.until:
                self._attempt(bolt, bolt.order, now)
            case Phase.RESTING:
                self._rest(bolt, seen)
        return self._pause(bolt, seen, now)

    def _begin(self, bolt: _Bolt, order: Order, now: float) -> None:
        first = bolt.order is None
        bolt.order, bolt.tries = order, 0
        if first and self._look(bolt) is order.position:
            self._finish(bolt, order, order.position)
        else:
            self._attempt(bolt, order, now)

    def _attempt(self, bolt: _Bolt, order: Order, now: float) -> None:
        bolt.tries += 1
        bolt.driven = _drive(bolt, order.position)
        bolt.phase, bolt.until = Phase.SETTLING, now + bolt.lock.settle_s(order.position)

    def _settle(self, bolt: _Bolt, order: Order, seen: Position | None, now: float) -> None:
        if seen is order.position:
            self._finish(bolt, order, seen)
        elif now < bolt.until:
            return
        elif seen is None and bolt.driven and not bolt.unreadable:
            self._finish(bolt, order, None)
        elif bolt.tries < bolt.attempts:
            logger.warning("slot %d: not %s after attempt %d", bolt.slot, order.position, bolt.tries)
            _drive(bolt, _opposite(order.position))
            bolt.phase, bolt.until = Phase.KICKED, now + KICK_S
        else:
            logger.error("slot %d: not %s after %d attempts", bolt.slot, order.position, bolt.tries)
            self._finish(bolt, order, _opposite(order.position))

    def _finish(self, bolt: _Bolt, order: Order, position: Position | None) -> None:
        bolt.phase, bolt.reported, bolt.doubted = Phase.RESTING, position, None
        self._settled(bolt.slot, order.move, position)

    def _rest(self, bolt: _Bolt, seen: Position | None) -> None:
        # One look may be a spike on a long wire: only the second that agrees is believed.
        if seen is None or seen is bolt.reported:
            bolt.doubted = None
        elif seen is not bolt.doubted:
            bolt.doubted = seen
        else:
            bolt.reported, bolt.doubted = seen, None
            self._moved(bolt.slot, seen)

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

    def _pause(self, bolt: _Bolt, seen: Position | None, now: float) -> float:
        if bolt.phase is Phase.RESTING:
            if bolt.doubted is not None:
                return MOVING_S
            return LONG_S if seen is None and not bolt.unreadable else RESTING_S
        if bolt.phase is Phase.KICKED or (seen is None and not bolt.unreadable):
            return max(0.0, bolt.until - now)
        return min(MOVING_S, max(0.0, bolt.until - now))


def _drive(bolt: _Bolt, position: Position) -> bool:
    try:
        bolt.lock.drive(position)
    except LockFailure as error:
        logger.warning("slot %d: %s", bolt.slot, error)
        return False
    return True


def _opposite(position: Position) -> Position:
    return Position.UNLOCKED if position is Position.LOCKED else Position.LOCKED
