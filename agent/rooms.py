"""All rooms of the agent, opened and tied together. Nothing runs yet; `daemon.py` gives them their threads."""

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.broker import Broker
from agent.broker.inbox import Inbox
from agent.broker.mailbox import Mailbox
from agent.clock import Clock, ClockCheck
from agent.commands import BY_A_WORKFLOW, REMOTE, Commands
from agent.config import fingerprint
from agent.config.places import JOURNAL, UNWRITTEN, WORLD
from agent.config.settings import Config
from agent.desk import Desk
from agent.diagnostics import Diagnostics
from agent.events import Events
from agent.face import permitted, wanted
from agent.happenings import Facts
from agent.health import Health
from agent.heartbeats import Hearts
from agent.journal import Journal, Kept, Unwritten, open_journal
from agent.outbox import Outbox
from agent.report import Identity, report
from agent.road import Road
from agent.state import Phase, Slot, Station
from agent.supplier import Supplier
from agent.threads import within
from agent.version import RELEASED, VERSION
from agent.watch import BoltWatch, ReaderWatch, contact_watch, lights_watch
from agent.workflow import Rules
from hardware.board import Board, open_board
from hardware.contacts import ContactWatch
from hardware.lights import Lights, palette_of, segments_of
from hardware.lock_keeper import LockKeeper
from hardware.parts import Position
from hardware.wiring import SlotWiring

CLOSE_S = 1.0
"""How long the parts may take to be closed: one that hangs must not keep the journal from it."""
LIGHTS_PROCESS = (sys.executable, "-P", "-m", "agent", "lights", "--child")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What the threads work in. `status` gives the whole station in the shape of contract section 4; main calls it.
    `about` gives what `check` asks beyond it; any thread.

    `seen`: the slots whose sensors showed them locked (True) or unlocked (False) when they were opened.
    """

    station_id: str
    hearts: Hearts
    lights: Lights
    keeper: LockKeeper
    contacts: ContactWatch
    bolts: BoltWatch
    reader: ReaderWatch
    journal: Journal
    clock_check: ClockCheck
    supplier: Supplier
    outbox: Outbox
    mailbox: Mailbox
    broker: Broker
    road: Road
    commands: Commands
    health: Health
    seen: Mapping[int, bool]
    status: Callable[[], Mapping[str, Any]]
    about: Callable[[], Mapping[str, Any]]


def open_rooms(
    config: Config,
    runtime: Path,
    clock: Clock,
    facts: Facts,
    hearts: Hearts,
    life: ExitStack,
    *,
    world_lost: Callable[[], None],
    restart: Callable[[], None],
) -> Rooms:
    """Open everything in order; `life` closes it in reverse. Raises HardwareError, JournalError, Unusable."""
    state_dir = config.station.state_dir
    unwritten = Unwritten(runtime / UNWRITTEN)
    life.callback(unwritten.close)
    journal = open_journal(state_dir / JOURNAL, unwritten)
    life.callback(journal.close)
    station = restored(journal, [slot.number for slot in config.wiring.slots])
    check = ClockCheck(RELEASED, journal.newest())
    board = open_parts(config, station, runtime, world_lost)
    life.callback(within, CLOSE_S, "the board", board.close)
    lights = Lights(
        board.strip,
        segments_of(config.wiring),
        palette_of(config.wiring.lights.colours),
        config.wiring.lights.brightness,
        failed=lights_watch(facts.happen),
    )
    bolts = BoltWatch(facts.happen)
    attempts = {slot.number: slot.lock.attempts for slot in config.wiring.slots}
    keeper = LockKeeper(board.locks, attempts, bolts.settled, bolts.moved)
    seen = {slot: position is Position.LOCKED for slot, position in keeper.seen().items()}
    poll_s = config.wiring.reader.poll_interval_ms / 1000
    reader = ReaderWatch(board.reader, facts.happen, clock.moment, poll_s=poll_s)
    supplier = Supplier(config.supplier, config.station.id, frozenset(station.slots))
    outbox = Outbox(supplier, facts.happen, pay_wait_s=config.supplier.driver_wait_s, fewer=facts.poke)
    outbox.restore(journal.owed())
    mailbox = Mailbox(journal, facts.poke)
    life.callback(mailbox.close)
    decides_here = config.workflow.where == "local"
    inbox = Inbox(facts.happen, clock.now, config.station.id, REMOTE if decides_here else BY_A_WORKFLOW)
    desk = Desk(facts.happen)
    identity = Identity(station_id=config.station.id, version=VERSION, boot_id=clock.now().boot)
    broker = Broker(
        config.mqtt,
        identity.station_id,
        mailbox,
        inbox.received,
        version=identity.version,
        boot_id=identity.boot_id,
        clock=clock,
        changed=facts.poke,
        subscriptions=("inbox", "commands/+"),
        heart=hearts.heart(Broker.name),
    )
    inbox.acknowledge = broker.acknowledge
    road = Road(
        rules=rules(config),
        journal=journal,
        outbox=outbox,
        mailbox=mailbox,
        events=Events(config.events.source, identity.station_id),
        lights=lights,
        bolts=keeper,
        clock=clock,
        facts=facts,
        station=station,
        kept=inbox.kept,
        kept_for=Kept(history_days=config.station.history_days, known_days=config.policy.known_days),
        mail_ready=broker.wake,
        answered=desk.answered,
        clock_set=check.is_set,
        diagnose=lambda: diagnostics.found(status()),
        restart=restart,
        give_way=time.sleep,
    )

    def status() -> Mapping[str, Any]:
        wall = clock.now().wall
        return report(
            identity,
            road.station,
            road.face(),
            wall=wall,
            owed=owed(outbox, mailbox, journal),
            supplier=supplier.connection(),
            broker=broker.connection(),
            clock_set=check.is_set(wall),
        )

    diagnostics = Diagnostics(config, journal, reader, bolts, hearts)

    def about() -> Mapping[str, Any]:
        parts = {"kind": config.wiring.kind, "lights": config.wiring.lights.kind}
        return {"reader": reader.health(), "board": parts, "config": fingerprint(config)}

    return Rooms(
        station_id=identity.station_id,
        hearts=hearts,
        lights=lights,
        keeper=keeper,
        contacts=contact_watch(board.contacts, facts.happen),
        bolts=bolts,
        reader=reader,
        journal=journal,
        clock_check=check,
        supplier=supplier,
        outbox=outbox,
        mailbox=mailbox,
        broker=broker,
        road=road,
        commands=Commands(desk, journal.aside_now),
        health=Health(
            facts.happen,
            supplier=supplier.connection if decides_here else None,
            tried=supplier.tried,
            probe=outbox.probe,
            broker=broker.connection,
            clock_set=lambda: check.is_set(clock.now().wall),
            state_dir=state_dir,
        ),
        seen=seen,
        status=status,
        about=about,
    )


def rules(config: Config) -> Rules:
    """The part of the config that decides anything."""
    return Rules(
        station_id=config.station.id,
        driver_wait_s=config.supplier.driver_wait_s,
        retap_guard_s=config.policy.retap_guard_s,
        unpaid_release=config.policy.unpaid_release,
        triggers=config.events.triggers,
        remote_cards=config.mqtt.remote_cards,
        offline_start=config.policy.offline_start,
        remote=config.workflow.where == "supplier",
    )


def restored(journal: Journal, slots: Sequence[int]) -> Station:
    """The station as the journal knows it; of one whose journal was lost nobody knows anything."""
    if journal.lost:
        return Station(slots={number: Slot(number=number, phase=Phase.UNKNOWN) for number in slots})
    return journal.restore(slots)


def open_parts(config: Config, station: Station, runtime: Path, lost: Callable[[], None]) -> Board:
    """Open the board as this station left it. Whoever opens it does it here, so that nobody moves a held bolt.

    `runtime` is a folder for lgpio and the locks to write in; `lost` is called when a simulated world goes away.
    Raises PartMissing.
    """
    world = config.station.state_dir / WORLD
    return open_board(
        config.wiring,
        positions(station),
        world=world,
        lost=lost,
        runtime=runtime,
        lights_process=LIGHTS_PROCESS,
        permitted=powered(station, config.wiring.slots, Clock().now().boot),
    )


def positions(station: Station) -> dict[int, Position]:
    """Where the journal says the bolts are: locks are claimed there. Of the others their sensors know more.

    A slot with a sensor that was ending may have been opened since, and one that waited for its vehicle locked. A start
    may be undone: a solenoid that a power cut has opened must not be pulled in before that is decided.
    """
    unsure = (Phase.ENDING, Phase.AWAITING, Phase.STARTING)
    sure = [slot for slot in station.slots.values() if slot.phase not in unsure or slot.seen is None]
    belongs = {slot.number: wanted(station, slot) for slot in sure}
    return {number: position for number, position in belongs.items() if position is not None}


def powered(station: Station, slots: Iterable[SlotWiring], boot: str) -> frozenset[int]:
    """The slots whose power permit stays on over this start.

    A power cut lets a solenoid go, and without a sensor nobody would see it: there a session of another boot has to
    wait until its bolt was driven home.
    """
    stays = set()
    for wiring in slots:
        slot = station.slots[wiring.number]
        session = station.sessions.get(slot.session)
        blind = wiring.lock.kind == "solenoid" and wiring.lock.sensor_pin is None
        if session and permitted(station, slot) and (not blind or session.tapped.boot == boot):
            stays.add(wiring.number)
    return frozenset(stays)


def owed(outbox: Outbox, mailbox: Mailbox, journal: Journal) -> dict[str, Any]:
    """What is owed now; marks of delivery count at once, though they wait for the next commit."""
    acts, acts_since = outbox.owed()
    messages, messages_since = mailbox.owed()
    since = [moment for moment in (acts_since, messages_since) if moment is not None]
    return {"supplier": acts, "broker": messages, "refused": journal.tally.aside, "oldest": min(since, default=None)}
