"""A doctor for the station: one file for each thing that is looked at, one line for each thing found.

Everything that looks around on the machine (device nodes, groups, the board's model) is here; the daemon never does.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.check import (
    board,
    broker,
    clock,
    contacts,
    credentials,
    folder,
    groups,
    journal,
    lights,
    locks,
    memory,
    pins,
    reader,
    running,
    supplier,
    watchdog,
)
from agent.check.finding import Finding, Level, failed, ok, skipped
from agent.check.machine import Machine
from agent.clock import Clock
from agent.config.settings import Config
from agent.rooms import open_parts
from agent.state import Station
from hardware.board import Board
from hardware.parts import HardwareError

Parts = Callable[[Config, Board, Station], Iterator[Finding]]
"""Looks at, or tries, the parts that were opened for a station as the journal knows it."""


def passive(config: Config, opened: Board, station: Station) -> Iterator[Finding]:
    """Every part, as far as can be told without moving it."""
    yield from reader.look(opened.reader)
    yield from lights.look(opened.strip, config.wiring.lights)
    yield from locks.look(config.wiring.slots, opened.locks, station)
    yield from contacts.look(opened.contacts)


@dataclass(frozen=True, slots=True)
class Checkup:
    """Looks at the station of `config` on `machine`; `runtime` is its runtime directory."""

    config: Config
    runtime: Path
    machine: Machine
    local: bool = False

    def beside(self, answer: Mapping[str, Any]) -> Iterator[Finding]:
        """Everything, while an agent runs that answered so; no line, bus or journal is touched."""
        yield self._settings()
        yield from credentials.look(self.config)
        if self._is_pi:
            yield from board.look(self.config.wiring, self.machine)
            yield from watchdog.look(self.machine)
            yield from memory.look(self.machine)
        yield from running.look(answer, self.config, local=self.local)
        if not any(fault["code"] == "ClockUnset" for fault in answer["status"]["faults"]):
            yield from self._clock(0.0)

    def alone(self, parts: Parts) -> Iterator[Finding]:
        """Everything, while no agent runs; `parts` looks at what was opened."""
        yield self._settings()
        yield from credentials.look(self.config)
        if self._is_pi:
            yield from board.look(self.config.wiring, self.machine)
            yield from groups.look(self.config.wiring, self.machine)
            yield from watchdog.look(self.machine)
            yield from memory.look(self.machine)
            yield from folder.look(self.runtime)
        remembered = journal.look(self.config, self.runtime)
        yield from remembered.findings
        yield from journal.look_at_disk(self.config.station.state_dir)
        yield from self._hardware(remembered.station, parts)
        if not self.local:
            slots = frozenset(slot.number for slot in self.config.wiring.slots)
            yield from supplier.look(self.config.supplier, self.config.station.id, slots)
            yield from broker.look(self.config.mqtt, self.config.station.id)
        yield from self._clock(remembered.newest)

    @property
    def _is_pi(self) -> bool:
        return self.config.wiring.kind == "raspberry-pi"

    def _settings(self) -> Finding:
        wiring = self.config.wiring
        numbers = ", ".join(str(slot.number) for slot in wiring.slots)
        return ok("config", f"{wiring.kind}, lights {wiring.lights.kind}, slots: {numbers}")

    def _clock(self, newest: float) -> Iterator[Finding]:
        return clock.look(Clock().now().wall, newest, ntp=self.machine.synchronised)

    def _hardware(self, station: Station | None, parts: Parts) -> Iterator[Finding]:
        if station is None:
            yield skipped("hardware", "nobody knows which bolts must not move")
            return
        with tempfile.TemporaryDirectory() as scratch:
            lines = list(pins.look(self.config.wiring, self.machine, Path(scratch))) if self._is_pi else []
            yield from lines
            if any(line.level is Level.FAILED for line in lines):
                yield skipped("hardware", "reader, lights and locks wait for the pins")
                return
            try:
                with closing(open_parts(self.config, station, Path(scratch), lambda: None)) as opened:
                    yield from parts(self.config, opened, station)
            except HardwareError as error:
                yield failed("hardware", str(error))
