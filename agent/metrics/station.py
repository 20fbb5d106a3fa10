"""What the station is and does now, as figures. Pure: from what other rooms know, to what metrics show."""

from collections.abc import Iterable, Iterator, Mapping

from agent.connection import Connection
from agent.effects import STATION_LANE
from agent.heartbeats import Hearts
from agent.journal.tally import Tally
from agent.metrics.catalogue import (
    ASIDE,
    AVAILABLE,
    BROKER,
    BUSY,
    CLOCK,
    FAULT,
    HEARTBEAT,
    OWED,
    OWED_AGE,
    REPLACED,
    SESSIONS,
    SLOT,
    SUPPLIER,
    WAITING,
    Found,
    Labels,
)
from agent.metrics.faults import Codes, own_faults
from agent.report import status_of
from agent.state import Station

STATUSES = ("free", "starting", "charging", "ending", "held", "unknown", "out-of-order")
"""What a slot may be doing (contract section 4, topic `state`)."""
SESSIONS_LANE = "sessions"
BROKER_LANE = "broker"


def station_now(station: Station, codes: Codes) -> Iterator[Found]:
    """Slots, sessions, drivers and faults."""
    yield Found(AVAILABLE, {(): station.in_service})
    yield Found(SLOT, _statuses(station))
    yield Found(SESSIONS, {(): len(station.standing)})
    yield Found(WAITING, {(): sum(visit.driver for visit in station.visits.values())})
    raised = {codes.labels(fault): 1.0 for fault in station.faults.values()}
    yield Found(FAULT, {**own_faults(station.slots), **raised})


def _statuses(station: Station) -> Mapping[Labels, float]:
    return {
        (str(number), status): status_of(station, slot) == status
        for number, slot in station.slots.items()
        for status in STATUSES
    }


def owed_now(
    acts: Iterable[tuple[str, float]], messages: tuple[int, float | None], tally: Tally, wall: float
) -> Iterator[Found]:
    """How much is owed and how old it is: `acts` by lane and moment (Unix seconds), `messages` by number and oldest.

    Every session has a lane of its own, and so may a card; they are told together.
    """
    since: dict[str, list[float]] = {SESSIONS_LANE: [], STATION_LANE: []}
    for lane, moment in acts:
        since[STATION_LANE if lane == STATION_LANE else SESSIONS_LANE].append(moment)
    counts: dict[Labels, float] = {(lane,): len(moments) for lane, moments in since.items()}
    oldest: dict[Labels, float | None] = {(lane,): min(moments, default=None) for lane, moments in since.items()}
    number, moment_of_oldest = messages
    counts[(BROKER_LANE,)], oldest[(BROKER_LANE,)] = number, moment_of_oldest
    yield Found(OWED, counts)
    yield Found(OWED_AGE, {lane: 0.0 if at is None else max(0.0, wall - at) for lane, at in oldest.items()})
    yield Found(ASIDE, {("acts",): tally.acts_aside, ("messages",): tally.messages_aside})


def links_now(supplier: Connection, broker: Connection, *, clock_set: bool) -> Iterator[Found]:
    """Who can be reached, and whether the clock can be believed. A supplier that nobody has tried is left out."""
    yield Found(SUPPLIER, {(): supplier.reachable} if supplier.since is not None else {})
    yield Found(BROKER, {(): broker.reachable})
    yield Found(CLOCK, {(): clock_set})


def threads_now(hearts: Hearts) -> Iterator[Found]:
    """By name: since when each thread has shown no life, how long it is in its step, and how often it was replaced."""
    for metric, shown in ((HEARTBEAT, hearts.seconds()), (BUSY, hearts.busy()), (REPLACED, hearts.replaced())):
        yield Found(metric, {(name,): value for name, value in shown.items()})
