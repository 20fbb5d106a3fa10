"""`station-agent status`: what a running agent says, or else what its journal says."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from agent.cli.run import runtime_directory
from agent.clock import Clock, ClockCheck
from agent.config import load
from agent.config.places import JOURNAL
from agent.config.settings import Config
from agent.control import NoAgent, ask_once
from agent.face import face
from agent.journal import Journal
from agent.logs import one_line
from agent.report import Identity, report
from agent.version import RELEASED, VERSION
from agent.words import link_words, owed_words


def show_status(config_file: Path, *, as_json: bool) -> None:
    """Print the station's state. Raises ConfigError, ControlError and JournalError."""
    config = load(config_file)
    try:
        state: Mapping[str, Any] = ask_once(runtime_directory(config.station.state_dir), "status")
        running = True
    except NoAgent:
        state, running = journaled(config), False
    click.echo(json.dumps(state) if as_json else "\n".join(map(one_line, lines(state, running=running))))


def journaled(config: Config) -> Mapping[str, Any]:
    """The state as the journal has it, while no agent runs. Raises JournalError."""
    journal = Journal(config.station.state_dir / JOURNAL, read_only=True)
    try:
        now = Clock().now()
        station = journal.restore(slot.number for slot in config.wiring.slots)
        return report(
            Identity(station_id=config.station.id, version=VERSION, boot_id=now.boot),
            station,
            face(station, now.boottime, now.boot),
            wall=now.wall,
            owed=journal.counts(),
            supplier=None,
            broker=None,
            clock_set=ClockCheck(RELEASED, journal.newest()).is_set(now.wall),
        )
    finally:
        journal.close()


def lines(state: Mapping[str, Any], *, running: bool) -> Iterator[str]:
    """The state for people."""
    service = "in service" if state["available"] else "out of order"
    yield f"station {state['stationId']}: {service}, version {state['version']}"
    yield "agent: running" if running else "agent: not running, this is what its journal says"
    for slot in state["slots"]:
        yield from slot_lines(slot)
    if state["mainLight"] != "off":
        yield f"main light: {state['mainLight']}"
    for fault in state["faults"]:
        where = f" of slot {fault['slotNumber']}" if fault["scope"] == "slot" else ""
        said = fault["detail"] or fault["title"]
        yield f"fault {fault['code']}{where} ({fault['severity']}) since {fault['raisedAt']}: {said}"
    yield f"owed: {owed_words(state['owed'])}"
    if running:
        yield from (f"{name}: {link_words(state[name])}" for name in ("supplier", "broker"))
    if not state["clockSet"]:
        yield "clock: not set"


def slot_lines(slot: Mapping[str, Any]) -> Iterator[str]:
    """One slot: what it is doing, where its bolt is, and for whom."""
    wanted, seen = slot["lock"]["wanted"], slot["lock"]["seen"]
    lock = f"lock {seen}" if wanted == seen else f"lock {wanted} (seen {seen})"
    yield f"slot {slot['number']}: {slot['status']}, {lock}, light {slot['light']}"
    session = slot.get("session")
    if session:
        yield f"  session {session['id']} of card {session['card']} since {session['since']}"
