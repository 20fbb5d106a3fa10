"""`station-agent check`: the doctor."""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click

from agent.check import Checkup, Parts, passive
from agent.check.finding import Finding, Level, failed
from agent.check.machine import Machine
from agent.check.move_lights import try_lights
from agent.check.move_lock import try_locks
from agent.check.move_reader import try_reader
from agent.cli.errors import Failed
from agent.cli.run import runtime_directory
from agent.clock import boottime
from agent.config import ConfigError, load
from agent.config.credentials import with_credentials
from agent.config.settings import Config
from agent.control import NoAgent, ask_once
from agent.folders import FolderError, held
from agent.logs import one_line
from agent.state import Station
from hardware.board import Board

NO_MOVE = "An agent runs: stop it (systemctl stop station-agent), try the parts with --move, and start it again."


class Terminal:
    """A person who answers y or n; nobody at the terminal means no."""

    def agrees(self, question: str) -> bool:
        """See Person."""
        try:
            return click.confirm(one_line(question), default=False, err=True)
        except click.Abort:
            return False

    def is_told(self, sentence: str) -> None:
        """See Person."""
        click.echo(one_line(sentence), err=True)


def check_station(config_file: Path, machine: Machine, *, local: bool, as_json: bool, move: bool) -> int:
    """Look at everything and tell it; 0 if the station could work, else 1. Raises ConfigError, ControlError, Failed."""
    logging.getLogger().addHandler(logging.NullHandler())  # what the parts log is said by the findings
    try:
        config = with_credentials(load(config_file))
    except ConfigError as error:
        if as_json:
            findings = [failed("config", line) for line in error.lines]
            click.echo(json.dumps({"stationId": None, "ok": False, "agent": None, "findings": reports(findings)}))
        raise
    runtime = runtime_directory(config.station.state_dir)
    checkup = Checkup(config, runtime, machine, local=local)
    try:
        answer = ask_once(runtime, "check")
    except NoAgent:
        return told(config, alone(checkup, tried if move else passive), as_json=as_json, agent=False)
    if move:
        raise Failed(NO_MOVE)
    return told(config, checkup.beside(answer), as_json=as_json, agent=True)


def alone(checkup: Checkup, parts: Parts) -> Iterator[Finding]:
    """Everything, while nobody else can start an agent: its folder is held, if there is one."""
    folder = checkup.config.station.state_dir
    with ExitStack() as life:
        try:
            if folder.exists():
                life.enter_context(held(folder, "an agent that does not answer"))
        except (FolderError, OSError) as error:
            yield failed("agent", str(error), "become its user or root; or wait for the agent, and look at its log")
            return
        yield from checkup.alone(parts)


def tried(config: Config, opened: Board, station: Station) -> Iterator[Finding]:
    """Every part, looked at and then tried with somebody at the terminal."""
    yield from passive(config, opened, station)
    person = Terminal()
    yield from try_locks(config.wiring.slots, opened.locks, station, person)
    yield from try_lights(config.wiring, opened.strip, person)
    yield from try_reader(opened.reader, person, boottime, threading.Event().wait)


def told(config: Config, findings: Iterator[Finding], *, as_json: bool, agent: bool) -> int:
    """Print each finding as it comes, or all as JSON; gives the exit status."""
    if not as_json:
        how = "an agent runs and was asked" if agent else "no agent runs, so its parts are looked at"
        click.echo(f"station {config.station.id}: {how}")
    found = []
    for finding in findings:
        found.append(finding)
        if not as_json:
            click.echo(one_line(finding.line()))
    counts = {level: sum(finding.level is level for finding in found) for level in Level}
    works = not counts[Level.FAILED]
    if as_json:
        report = {"stationId": config.station.id, "ok": works, "agent": agent, "findings": reports(found)}
        click.echo(json.dumps(report))
    else:
        verdict = "the station could work" if works else "the station cannot work"
        warnings = counts[Level.WARNING]
        click.echo(f"{verdict}: {counts[Level.FAILED]} failed, {warnings} warning{'s' * (warnings != 1)}")
    return 0 if works else 1


def reports(findings: list[Finding]) -> list[dict[str, str]]:
    """Findings as JSON."""
    return [finding.report() for finding in findings]
