"""The one life of the agent: start in order, loop, stop in reverse."""

import gc
import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.clock import Clock
from agent.config.settings import Config
from agent.control import Control, Notice
from agent.ending import LastResort
from agent.happenings import Facts
from agent.heartbeats import Heart, Hearts
from agent.logs import sum_up
from agent.notify import notify, watchdog_s
from agent.road import Road
from agent.rooms import Rooms, open_rooms
from agent.service import ServiceStatus
from agent.signals import THREAD as SIGNALS
from agent.signals import on_signals
from agent.teller import Teller
from agent.threads import Crew, Loop, Pool
from agent.version import VERSION
from agent.watchdog import MAIN, Replaceable, Watchdog
from agent.watchdog.bites import Bites
from agent.watchdog.feeding import Feeding

if TYPE_CHECKING:
    from agent.web.scene import Scene

log = logging.getLogger(__name__)

RECOVERY_S = 120
"""How long a start may take at most: a journal of years is read and perhaps mended first, on a slow card."""
LANE_S = 5.0
"""How much longer than its time-out an exchange may take before its thread counts as hanging."""
LIGHTS_S = 15.0
"""How long a frame may take: a lights process that is started for it takes up to 8 s."""
FIRST_LOOK_S = 1.0
"""How long readiness waits for the first look at the field: a card that comes later is a tap."""


def run(config: Config, runtime: Path) -> int:
    """Run the station until SIGTERM or SIGINT; gives the exit status. Raises HardwareError, JournalError, Unusable."""
    clock = Clock()
    facts = Facts(clock)
    request_s = config.supplier.request_timeout_s
    hearts = Hearts()
    heart = hearts.heart(MAIN)
    heart.work()
    last_resort = LastResort()
    stopped = Stopped(facts, last_resort.begin)
    notify(f"STATUS=reading the journal\nEXTEND_TIMEOUT_USEC={RECOVERY_S * 1_000_000}")
    with ExitStack() as life:
        life.callback(last_resort.call_off)
        life.callback(on_signals(stopped.ask, hearts.heart(SIGNALS)))
        rooms = open_rooms(
            config, runtime, clock, facts, hearts, life, world_lost=stopped.world_lost, restart=stopped.to_restart
        )
        notice = Notice()
        scene = scene_of(config, rooms, clock)
        say = (ServiceStatus().tell, *((scene.show,) if scene else ()))
        teller = Teller(rooms.status, notice, rooms.broker.publish_state, *say)
        rooms.road.watch(teller.heed)
        life.callback(rooms.road.flush)
        life.callback(rooms.keeper.halt)
        crew = life.enter_context(Crew())
        if config.metrics.listen:
            crew.start(metrics(config, rooms))
        lights = Loop("lights", rooms.lights.step, hearts, rooms.lights.wake)
        crew.start(lights)
        crew.start(Loop("locks", lambda: step_slots(rooms), hearts, rooms.keeper.wake, last=rooms.keeper.halt))
        lanes = Pool("supplier", len(config.wiring.slots) + 2, rooms.outbox.run, lambda: hang_up(rooms), hearts)
        crew.start(lanes)
        crew.start(rooms.broker)
        rooms.road.restart(rooms.seen, rooms.contacts.vehicles(), letting_go=rooms.contacts.letting_go())
        crew.start(Loop("health", rooms.health.step, hearts))
        read(rooms, crew)
        teller.tell()
        answering = (rooms.commands.carry_out, rooms.about, hearts.heart(Control.name), scene.follow if scene else None)
        crew.start(Control(runtime, teller.latest, notice, *answering))
        if scene:
            life.callback(scene.close)
        if scene and config.web.listen:
            crew.start(page(config, scene, teller.latest, hearts))
        replaceable = [*replaceable_lights(rooms, lights), *replaceable_lanes(rooms, lanes, request_s)]
        watchdog = Watchdog(hearts, rooms.reader, replaceable, Bites(runtime, clock.now), fed_by(hearts, facts))
        crew.start(Loop("watchdog", lambda: look_around(watchdog), hearts))
        gc.freeze()  # to look through all that is loaded by now takes 20 ms, on a Pi more, and a driver may wait then
        notify("READY=1")
        log.info("station %s is ready, version %s", rooms.station_id, VERSION)
        loop(rooms.road, facts, stopped, teller, heart)
        notify("STOPPING=1\nSTATUS=stopping")
        log.info("stopping")
    return stopped.status


def metrics(config: Config, rooms: Rooms) -> Loop:
    """The thread that serves metrics; nothing of them is loaded where they are off."""
    from agent.metrics.serving import measured

    return measured(config, rooms)


def scene_of(config: Config, rooms: Rooms, clock: Clock) -> "Scene | None":
    """What a station page shows, noted from now on; None if nobody is to see one."""
    if not config.web.listen and config.wiring.kind != "simulated":
        return None
    from agent.web.scene import Scene

    return Scene(config, rooms, clock)


def page(config: Config, scene: "Scene", latest: Callable[[], Mapping[str, Any]], hearts: Hearts) -> Loop:
    """The thread that serves the station page; nothing of it is loaded where it is off."""
    from agent.web.serving import StationPage

    served = StationPage(config, scene.feed, latest)
    return Loop("web", served.step, hearts, last=served.stop)


def loop(road: Road, facts: Facts, stopped: "Stopped", teller: Teller, heart: Heart) -> None:
    """One fact after the other, and what time makes due."""
    while not stopped.asked:
        heart.rest()
        fact = facts.take(min(road.wait_s(), teller.wait_s()))
        heart.work()
        teller.changing()
        if fact is not None:
            road.take(fact)
        road.tick()
        teller.settle()
    teller.tell()


def fed_by(hearts: Hearts, facts: Facts) -> Feeding | None:
    """What feeds systemd's watchdog; None where none waits."""
    patience_s = watchdog_s()
    if patience_s is None:
        return None
    return Feeding(patience_s, lambda: hearts.last()[MAIN][0], facts.poke, time.monotonic())


def replaceable_lights(rooms: Rooms, lights: Loop) -> list[Replaceable]:
    """The thread of the lights: what becomes of a frame that hangs does not count any more."""
    return [Replaceable(lights.worker, LIGHTS_S, lambda _: rooms.lights.give_up())]


def replaceable_lanes(rooms: Rooms, lanes: Pool, request_s: float) -> list[Replaceable]:
    """The threads of the supplier's pool: what they carry is repeated. An exchange may take `request_s` seconds."""
    return [Replaceable(worker, request_s + LANE_S, rooms.outbox.give_up) for worker in lanes.workers]


def look_around(watchdog: Watchdog) -> float:
    """The watchdog's look, which is also when a flood of lines is summed up that has ended."""
    sum_up()
    return watchdog.step()


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

    def __init__(self, facts: Facts, hurry: Callable[[], None]) -> None:
        """`hurry` is called when an end is asked for: it sees to it that it comes."""
        self.asked = False
        self.status = 0
        self._facts = facts
        self._hurry = hurry

    def ask(self) -> None:
        """SIGTERM or SIGINT came."""
        self._hurry()
        self.asked = True
        self._facts.poke()

    def to_restart(self) -> None:
        """An operator wants it; whoever keeps the agent running starts it again."""
        log.info("ends to be started again, as an operator wants")
        self._hurry()
        self.asked = True

    def world_lost(self) -> None:
        """A simulated station dies with its world."""
        self._hurry()
        self.asked, self.status = True, 1
        self._facts.poke()
