"""The one life of the agent: start in order, loop, stop in reverse."""

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from agent.clock import Clock
from agent.config.settings import Config
from agent.control import Control, Notice
from agent.happenings import Facts
from agent.heartbeats import Heart, Hearts
from agent.notify import notify
from agent.road import Road
from agent.rooms import Rooms, open_rooms
from agent.signals import THREAD as SIGNALS
from agent.signals import on_signals
from agent.threads import Crew, Loop, Pool
from agent.version import VERSION

log = logging.getLogger(__name__)

FIRST_LOOK_S = 1.0
"""How long readiness waits for the first look at the field: a card that comes later is a tap."""


def run(config: Config, runtime: Path) -> int:
    """Run the station until SIGTERM or SIGINT; gives the exit status. Raises HardwareError, JournalError, Unusable."""
    clock = Clock()
    facts = Facts(clock)
    hearts = Hearts()
    heart = hearts.heart(threading.current_thread().name)
    heart.work()
    stopped = Stopped(facts)
    with ExitStack() as life:
        life.callback(on_signals(stopped.ask, hearts.heart(SIGNALS)))
        rooms = open_rooms(
            config, runtime, clock, facts, hearts, life, world_lost=stopped.world_lost, restart=stopped.to_restart
        )
        notice = Notice()
        teller = Teller(rooms.status, notice, rooms.broker.publish_state)
        life.callback(rooms.road.flush)
        life.callback(rooms.keeper.halt)
        crew = life.enter_context(Crew())
        if config.metrics.listen:
            crew.start(metrics(config, rooms))
        crew.start(Loop("lights", rooms.lights.step, hearts, rooms.lights.wake))
        crew.start(Loop("locks", lambda: step_slots(rooms), hearts, rooms.keeper.wake, last=rooms.keeper.halt))
        crew.start(Pool("supplier", len(config.wiring.slots) + 2, rooms.outbox.run, lambda: hang_up(rooms), hearts))
        crew.start(rooms.broker)
        rooms.road.restart(rooms.seen, rooms.contacts.vehicles(), letting_go=rooms.contacts.letting_go())
        crew.start(Loop("health", rooms.health.step, hearts))
        read(rooms, crew)
        teller.tell()
        about = rooms.about
        crew.start(Control(runtime, teller.latest, notice, rooms.commands.carry_out, about, hearts.heart(Control.name)))
        notify("READY=1")
        log.info("station %s is ready, version %s", rooms.station_id, VERSION)
        loop(rooms.road, facts, stopped, teller.tell, heart)
        notify("STOPPING=1")
        log.info("stopping")
    return stopped.status


def metrics(config: Config, rooms: Rooms) -> Loop:
    """The thread that serves metrics; nothing of them is loaded where they are off."""
    from agent.metrics.serving import measured

    return measured(config, rooms)


def loop(road: Road, facts: Facts, stopped: "Stopped", tell: Callable[[], None], heart: Heart) -> None:
    """One fact after the other, and what time makes due."""
    while not stopped.asked:
        tell()
        heart.rest()
        fact = facts.take(road.wait_s())
        heart.work()
        if fact is not None:
            road.take(fact)
        road.tick()


def step_slots(rooms: Rooms) -> float:
    """Everything at the slots that is not light: bolts, their sensors, and the contacts."""
    return min(rooms.keeper.step(), rooms.contacts.step())


def hang_up(rooms: Rooms) -> None:
    """End the exchanges under way; what they carried is repeated after the next start."""
    rooms.outbox.stop()
    rooms.supplier.close()


def read(rooms: Rooms, crew: Crew) -> None:
    """The reader's thread; begun once it has looked, so that readiness means that a tap would be seen."""
    looked = threading.Event()

    def step() -> float:
        wait_s = rooms.reader.step()
        looked.set()
        return wait_s

    crew.start(Loop("reader", step, rooms.hearts))
    looked.wait(FIRST_LOOK_S)


class Stopped:
    """Whether the agent should end, and why. Any thread may ask."""

    def __init__(self, facts: Facts) -> None:
        self.asked = False
        self.status = 0
        self._facts = facts

    def ask(self) -> None:
        """SIGTERM or SIGINT came."""
        self.asked = True
        self._facts.poke()

    def to_restart(self) -> None:
        """An operator wants it; whoever keeps the agent running starts it again."""
        log.info("ends to be started again, as an operator wants")
        self.asked = True

    def world_lost(self) -> None:
        """A simulated station dies with its world."""
        self.asked, self.status = True, 1
        self._facts.poke()


class Teller:
    """Tells the broker and whoever watches when the state has changed in anything but the time."""

    def __init__(
        self, status: Callable[[], Mapping[str, Any]], notice: Notice, publish: Callable[[bytes], None]
    ) -> None:
        self._status = status
        self._notice = notice
        self._publish = publish
        self._told: Mapping[str, Any] = {}

    def tell(self) -> None:
        """Tell once, if anything changed."""
        latest = dict(self._status())
        if {**latest, "time": ""} != {**self._told, "time": ""}:
            self._told = latest
            self._publish(msgspec.json.encode(latest))
            self._notice.post(msgspec.to_builtins(latest))

    def latest(self) -> Mapping[str, Any]:
        """What was told last."""
        return msgspec.to_builtins(self._told)  # type: ignore[no-any-return]
