"""Metrics for whoever scrapes them, over HTTP at `[metrics] listen`.

The station does not depend on it: an address that cannot be listened on yet is tried again, and a scrape reads what is
known without making `main` or a part wait.
"""

import logging
import math
import platform
from collections.abc import Callable, Iterator

from agent.clock import Clock, boottime
from agent.config.address import host_and_port, is_loopback
from agent.config.places import JOURNAL
from agent.config.settings import Config
from agent.http.local import local_only
from agent.http.messages import Answer, Request, Route
from agent.http.server import CannotListen, Server
from agent.metrics.catalogue import BUILD, UPTIME, Found
from agent.metrics.machine import disk_now, locks_so_far, reader_so_far
from agent.metrics.observer import Observer
from agent.metrics.station import links_now, owed_now, station_now, threads_now
from agent.rooms import Rooms
from agent.threads import Loop
from agent.version import VERSION

log = logging.getLogger(__name__)

PATH = "/metrics"
AGAIN_S = 10.0
"""Seconds until an address is tried again: a VPN's may come up long after the station."""


def measured(config: Config, rooms: Rooms) -> Loop:
    """Watch the rooms from now on; gives the thread that serves what is found. Before the rooms' threads start."""
    observer = Observer(rooms.road.station)
    rooms.road.watch(observer.took)
    rooms.lights.watch(observer.shown)
    rooms.outbox.exchanges.watch(observer.called)
    door = Door(config.metrics.listen, Collector(config, rooms, observer).found)
    return Loop("metrics", door.step, rooms.hearts, last=door.close)


class Collector:
    """Reads what the rooms know. Any thread."""

    def __init__(self, config: Config, rooms: Rooms, observer: Observer) -> None:
        self._rooms = rooms
        self._observer = observer
        self._build = (config.station.id, VERSION, platform.python_version())
        self._slots = tuple(slot.number for slot in config.wiring.slots)
        self._journal_path = config.station.state_dir / JOURNAL
        self._clock = Clock()
        self._began = boottime()

    def found(self) -> Iterator[Found]:
        """Everything, now."""
        rooms, wall = self._rooms, self._clock.now().wall
        yield Found(BUILD, {self._build: 1.0})
        yield Found(UPTIME, {(): boottime() - self._began})
        yield from station_now(rooms.road.station, self._observer.codes)
        yield from self._observer.found()
        yield from owed_now(rooms.outbox.acts(), rooms.mailbox.owed_last, rooms.journal.tally, wall)
        clock_set = rooms.clock_check.is_set(wall)
        yield from links_now(rooms.supplier.connection(), rooms.broker.connection(), clock_set=clock_set)
        yield from reader_so_far(rooms.reader)
        yield from locks_so_far(self._slots, rooms.keeper, rooms.bolts)
        yield from disk_now(rooms.journal, self._journal_path)
        yield from threads_now(rooms.hearts)


class Door:
    """Listens as soon as it can; one thread calls `step`."""

    def __init__(self, listen: str, collect: Callable[[], Iterator[Found]]) -> None:
        self._listen = listen
        self._collect = collect
        self._server: Server | None = None
        self._complained = False

    def step(self) -> float:
        """Listen; gives the seconds until it wants to try again. The library is loaded here, and `main` goes on."""
        try:
            from agent.metrics.exposition import CONTENT_TYPE, Exposition
        except ModuleNotFoundError as error:
            log.error("no metrics: %s; install station-agent[metrics]", error)  # noqa: TRY400  it says it all
            return math.inf
        exposition = Exposition(self._collect)

        def scraped(_request: Request) -> Answer:
            return Answer(body=exposition.text(), content_type=CONTENT_TYPE)

        server = Server([self._guarded(Route("GET", PATH, scraped))], self._listen, "metrics")
        try:
            server.start()
        except CannotListen as error:
            if not self._complained:
                log.warning("no metrics, it is tried again: %s", error)
            self._complained = True
            return AGAIN_S
        self._server = server
        readers = "programs on this machine" if self._is_local() else "everybody who reaches this address"
        log.info("metrics for %s at http://%s%s", readers, server.address, PATH)
        return math.inf

    def _guarded(self, route: Route) -> Route:
        """On a loopback address only this machine's own programs ask; elsewhere a server asks by any name."""
        return local_only(route) if self._is_local() else route

    def _is_local(self) -> bool:
        return is_loopback(host_and_port(self._listen)[0])

    def close(self) -> None:
        """Hang up on everybody."""
        if self._server:
            self._server.stop()
