"""The stations whose parts are held to their promises: four emulated ones, and, marked `pi`, the one we stand at."""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from support.hands import OwnHands, PersonsHands
from support.promised import Promised, Tap

from agent.check import journal
from agent.cli.run import runtime_directory
from agent.config import ConfigError, load
from agent.control import ControlError, NoAgent, ask_once
from agent.folders import FolderError, held
from agent.state import Phase
from hardware.board import Board
from hardware.chips import PiChips
from hardware.emulated.chips import EmulatedChips
from hardware.parts import PartMissing, Position
from hardware.wiring import LightsWiring, LockWiring, MotorWiring, ReaderWiring, SlotWiring, SolenoidWiring, Wiring

USUAL_CONFIG = "/etc/station-agent/station.toml"
STOP = "systemctl stop station-agent, and start it again afterwards"
REFUSED = 2


def _wiring(lights: LightsWiring, first: LockWiring, second: LockWiring) -> Wiring:
    return Wiring(
        kind="simulated",
        release_pin=21,
        reader=ReaderWiring(reset_pin=25),
        lights=lights,
        slots=(
            SlotWiring(number=1, lights=(8, 15), lock=first, presence_pin=16, power_permit_pin=24),
            SlotWiring(number=2, lights=(16, 23), lock=second),
        ),
    )


SOLENOID = SolenoidWiring(pin=17, sensor_pin=27, move_timeout_ms=300)
BLIND = SolenoidWiring(pin=22, move_timeout_ms=60)
SOFT = SolenoidWiring(pin=12, hold_duty=0.4, pull_in_ms=30, sensor_pin=27, sensor_locked="high", move_timeout_ms=300)
MOTOR = MotorWiring(lock_pin=17, unlock_pin=5, pulse_ms=30, sensor_pin=27, move_timeout_ms=300)
OTHER_MOTOR = MotorWiring(lock_pin=22, unlock_pin=23, pulse_ms=30, sensor_pin=20, sensor_locked="high")
RGB = {"main": (6, 19, 26), "1": (0, 1, 4), "2": (12, 13, 18)}
EMULATED = {
    "solenoids-ws281x": _wiring(LightsWiring(kind="ws281x"), SOLENOID, BLIND),
    "soft-pio": _wiring(LightsWiring(kind="pio"), SOFT, SolenoidWiring(pin=22, sensor_pin=23)),
    "motors-rgb": _wiring(LightsWiring(kind="rgb", rgb_pins=RGB), MOTOR, OTHER_MOTOR),
    "blind-none": _wiring(LightsWiring(kind="none"), BLIND, SOLENOID),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each promise is held by every station; by some of the emulated ones, if a module names them in EMULATED."""
    if "station" in metafunc.fixturenames:
        emulated = getattr(metafunc.module, "EMULATED", EMULATED)
        stations = [*emulated, pytest.param("pi", marks=pytest.mark.pi)]
        metafunc.parametrize("station", stations, indirect=True, scope="session")


@pytest.fixture(scope="session")
def _here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Promised]:
    """The station we stand at, while no agent of it runs or can start."""
    file = Path(os.environ.get("STATION_CONFIG") or USUAL_CONFIG)
    with ExitStack() as life:
        try:
            config = load(file)
            runtime = runtime_directory(config.station.state_dir)
            _need_no_agent(runtime)
            if config.station.state_dir.exists():
                life.enter_context(held(config.station.state_dir, f"an agent; {STOP}"))
        except (ConfigError, ControlError, FolderError) as error:
            pytest.exit(f"{error}", REFUSED)
        _need_free_slots(config.station.state_dir, journal.look(config, runtime))
        scratch = tmp_path_factory.mktemp("run")
        yield Promised(config.wiring, PersonsHands(), Tap(), config.station.state_dir / "world.sock", scratch)


def _need_no_agent(runtime: Path) -> None:
    try:
        ask_once(runtime, "check")
    except NoAgent:
        return
    pytest.exit(f"An agent runs and holds the parts: {STOP}.", REFUSED)


def _need_free_slots(state_dir: Path, remembered: journal.Remembered) -> None:
    if remembered.station is None:
        pytest.exit(f"Nobody knows which bolts must not move: see `station-agent check` ({state_dir}).", REFUSED)
    busy = [slot for slot in remembered.station.slots.values() if slot.phase is not Phase.FREE]
    if busy:
        said = ", ".join(f"slot {slot.number} is {slot.phase}" for slot in busy)
        pytest.exit(f"No bolt with a vehicle is moved, and {said}: end its session first.", REFUSED)


@pytest.fixture(scope="session")
def station(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Promised]:
    """One station; its wiring stays, its board is opened by each test."""
    with ExitStack() as life:
        patch = life.enter_context(pytest.MonkeyPatch.context())
        if request.param == "pi":
            promised: Promised = request.getfixturevalue("_here")
        else:
            folder = tmp_path_factory.mktemp("world")
            hands = life.enter_context(closing(OwnHands(EMULATED[request.param], folder)))
            patch.setattr("hardware.emulated.chips.WorldLink", hands.linked)
            promised = Promised(EMULATED[request.param], hands, Tap(), hands.socket, folder)
        for chips in (PiChips, EmulatedChips):
            untapped = chips.spidev
            patch.setattr(chips, "spidev", lambda self, untapped=untapped: promised.tap.spidev(untapped(self)))
        yield promised


@pytest.fixture
def board(station: Promised) -> Iterator[Board]:
    """Its board, all slots free; afterwards every bolt is open again."""
    try:
        board = station.open({slot.number: Position.UNLOCKED for slot in station.wiring.slots})
    except PartMissing as error:
        pytest.fail(f"the board cannot be opened: {error}; see `station-agent check`")
    with closing(board):
        yield board


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line about the station we stand at."""
    ends = {end: _of_pi(terminalreporter.stats.get(end, ())) for end in ("passed", "skipped", "failed", "error")}
    broken = ends["failed"] | ends["error"]
    kept = ends["passed"] - broken
    if kept or broken:
        lacking = f"; {len(ends['skipped'])} are of parts that this station has not" if ends["skipped"] else ""
        terminalreporter.write_line(f"{len(kept)} promises kept, {len(broken)} broken{lacking}")


def _of_pi(reports: Iterable[pytest.TestReport | pytest.CollectReport]) -> set[str]:
    return {one.nodeid for one in reports if isinstance(one, pytest.TestReport) and "pi" in one.keywords}
