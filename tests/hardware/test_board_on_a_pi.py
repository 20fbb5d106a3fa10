"""From wiring to parts on a Pi: its libraries by name, above emulated chips."""

import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hardware.board import open_board
from hardware.clock import boottime
from hardware.emulated.cards import Field
from hardware.emulated.gpio import lgpio_module
from hardware.emulated.mfrc522_chip import Mfrc522Chip
from hardware.emulated.spidev import spidev_module
from hardware.emulated.strip import EmulatedStrip, ws281x_module
from hardware.parts import LightsFailure, OneCard, Position, ReaderFailure
from hardware.strips.door import listen_at
from hardware.strips.pio import device
from hardware.strips.server import LightsServer
from hardware.strips.ws281x import Ws281xStrip, load_ws281x
from hardware.wiring import LightsWiring, ReaderWiring, Wiring

CARD = "04A1B2C3D4E5F6"
LOCKED, UNLOCKED = Position.LOCKED, Position.UNLOCKED


class Wires:
    """A Pi's lines, leading nowhere."""

    def __init__(self) -> None:
        self.driven: list[tuple[int, int | None]] = []

    def drive(self, pin: int, level: int | None) -> None:
        self.driven.append((pin, level))

    def closed(self, pin: int) -> bool:
        return pin == 27

    def watch(self, changed: Any) -> None:
        changed()


class Pi:
    """A Pi's C modules where everybody finds them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wires, self.field, self.frames = Wires(), Field(), []
        strip = EmulatedStrip(self.frames.append, lambda: False, boottime)
        self.modules: dict[str, ModuleType] = {
            "lgpio": lgpio_module(self.wires),
            "spidev": spidev_module(Mfrc522Chip(self.field)),
            "_rpi_ws281x": ws281x_module(strip),
        }
        for name, module in self.modules.items():
            monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.setattr("gpiozero.pins.local.get_pi_revision", lambda: 0xA02082)


USERS = ("gpiozero.pins.lgpio", "rpi_ws281x", "rpi_ws281x.rpi_ws281x")


@pytest.fixture
def pi(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pi]:
    for name in USERS:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield Pi(monkeypatch)
    for name in USERS:
        sys.modules.pop(name, None)


def test_on_a_pi_the_installed_libraries_are_used(pi: Pi, wiring: Wiring) -> None:
    pi.field.place(CARD)
    station = open_board(replace(wiring, kind="raspberry-pi"), {1: LOCKED}, world=None, lost=lambda: None)
    assert station.reader.poll() == OneCard(CARD)
    assert station.locks[1].seen() is LOCKED
    station.close()
    assert [level for pin, level in pi.wires.driven if pin == 17] == [1]


def test_on_a_pi_the_strip_is_driven_by_the_lights_process(pi: Pi, wiring: Wiring, tmp_path: Path) -> None:
    socket = tmp_path / "socket"
    listener = listen_at(socket, "station-agent")
    server = LightsServer(listener, frozenset({os.geteuid()}), lambda pin, px: Ws281xStrip(load_ws281x(), pin, px))
    thread = threading.Thread(target=server.run)
    thread.start()
    on_pi = replace(wiring, kind="raspberry-pi", lights=LightsWiring(socket=str(socket)))
    station = open_board(on_pi, {}, world=None, lost=lambda: None, lights_process=["/never/called"])
    station.strip.show([(1, 2, 3)] * 24)
    station.close()
    server.stop()
    thread.join(10)
    assert pi.frames == [((1, 2, 3),) * 24, ((0, 0, 0),) * 24]


@pytest.mark.parametrize(("root", "told"), [(True, "did not come up"), (False, "no lights process listens")])
def test_on_a_pi_only_root_starts_the_lights_process(
    pi: Pi, wiring: Wiring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: bool, told: str
) -> None:
    del pi
    monkeypatch.setattr("hardware.chips.is_root", lambda: root)
    on_pi = replace(wiring, kind="raspberry-pi", lights=LightsWiring(socket=str(tmp_path / "socket")))
    station = open_board(on_pi, {}, world=None, lost=lambda: None, lights_process=[sys.executable, "-c", ""])
    with pytest.raises(LightsFailure, match=told):
        station.strip.show([(1, 2, 3)])
    station.close()


def test_on_a_five_the_kernels_device_is_written_to(
    pi: Pi, wiring: Wiring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del pi
    leds = tmp_path / "leds0"
    leds.touch()
    monkeypatch.setattr("hardware.chips.device", lambda: device(leds))
    on_pi = replace(wiring, kind="raspberry-pi", lights=LightsWiring(kind="pio"))
    station = open_board(on_pi, {}, world=None, lost=lambda: None)
    station.strip.show([(1, 2, 3)])
    assert leds.read_bytes() == b"\1\2\3\0" + bytes(23 * 4)
    station.close()
    assert leds.read_bytes() == bytes(24 * 4)


def test_on_a_pi_the_reader_is_reset_through_gpiozero(pi: Pi, wiring: Wiring) -> None:
    station = open_board(replace(wiring, kind="raspberry-pi"), {}, world=None, lost=lambda: None)
    station.reader.revive()
    assert [level for pin, level in pi.wires.driven if pin == 25] == [1, 0, 1]
    station.close()


@pytest.mark.parametrize("library", ["spidev", "hardware.reader"])
def test_on_a_pi_without_a_readers_library_the_vehicles_still_get_out(
    pi: Pi, wiring: Wiring, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    station = open_board(replace(wiring, kind="raspberry-pi"), {1: LOCKED}, world=None, lost=lambda: None)
    with pytest.raises(ReaderFailure, match="extra `pi`"):
        station.reader.poll()
    station.locks[1].drive(UNLOCKED)
    station.close()
    assert [level for pin, level in pi.wires.driven if pin == 17] == [1, 0]


def test_on_a_pi_with_no_reader_on_its_bus_it_is_tried_again(pi: Pi, wiring: Wiring) -> None:
    away = replace(wiring, kind="raspberry-pi", reader=ReaderWiring(spi_bus=1))
    station = open_board(away, {}, world=None, lost=lambda: None)
    for act in (station.reader.poll, station.reader.revive, station.reader.revive):
        with pytest.raises(ReaderFailure, match="spi"):
            act()
    station.close()
    assert [level for pin, level in pi.wires.driven if pin == 25] == [1, 1, 1]


def test_the_lights_process_that_root_started_ends_with_the_board(
    pi: Pi, wiring: Wiring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del pi
    monkeypatch.setattr("hardware.chips.is_root", lambda: True)
    told = tmp_path / "ended"
    program = f"import sys; print(1, flush=True); sys.stdin.read(); open({str(told)!r}, 'w').write(str(sys.argv[1:]))"
    on_pi = replace(wiring, kind="raspberry-pi", lights=LightsWiring(socket="/nowhere/socket"))
    station = open_board(on_pi, {}, world=None, lost=lambda: None, lights_process=[sys.executable, "-c", program])
    assert not told.exists()
    station.close()
    assert told.read_text() == "['--socket', '/nowhere/socket']"
