"""What hangs: an end within five seconds all the same, and a station that goes on, or is started again."""

import signal
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.bench import BLUE, CARD, OTHER, Bench
from support.bench_config import UNLOCK_PINS
from support.hanging import Hang
from support.manager import Manager
from support.mqtt import Mosquitto

from agent.clock import boottime

STOP_S = 5.0
LATE_S = 3.0
"""How late a busy machine may be; what hangs would hang for ever."""
BITTEN = (-signal.SIGABRT, -signal.SIGSEGV)
"""An interpreter that is aborted writes down the stacks of threads that still run, and may stumble over them."""
PLACES = {
    "lights": "hardware.late:LateStrip.show",
    "lights that are closed": "hardware.late:LateStrip.close",
    "reader": "hardware.late:LateReader.poll",
    "commit": "agent.journal.store:Store.write",
    "exchange": "agent.supplier:Supplier.ask",
    "look-up": "socket:getaddrinfo",
    "broker": "agent.broker.link:Link.turn",
    "locks": "hardware.lock_keeper:LockKeeper.step",
}
ENDED_WITHOUT_LEAVE = {"commit"}
"""Where main itself hangs."""
QUICK = {"agent__watchdog__LOOK_S": 0.1}


class Station:
    """Makes a bench whose agent can hang at one place, under a manager if it is told to."""

    def __init__(self, folder: Path, mosquitto: Mosquitto, life: ExitStack) -> None:
        self._folder = folder
        self._mosquitto = mosquitto
        self._life = life
        self.hang: Hang

    def start(
        self, place: str = "", *, patience_s: float = 0.0, quick: dict[str, Any] | None = None, **options: Any
    ) -> Bench:
        bench = Bench(self._folder / "bench", self._mosquitto, **options)
        if place:
            self.hang = Hang(self._folder, PLACES[place])
            bench.program = self.hang.program + bench.program
        bench.hurry(**{**QUICK, **(quick or {})})
        if patience_s:
            self.manager = self._life.enter_context(Manager(self._folder, patience_s, bench.signal))
            bench.environment |= self.manager.environment
        return self._life.enter_context(bench)


@pytest.fixture
def station(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Station]:
    with ExitStack() as life:
        yield Station(tmp_path, mosquitto, life)


def whole(bench: Bench) -> bool:
    """Whether the journal is."""
    with closing(sqlite3.connect(bench.folder / "state" / "journal.db")) as db:
        return db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def stopped(bench: Bench) -> tuple[int, float]:
    """SIGTERM; the exit status and the seconds until then."""
    began = boottime()
    status = bench.stop()
    return status, boottime() - began


@pytest.mark.parametrize("place", PLACES)
def test_it_stops_within_five_seconds_whatever_hangs(station: Station, place: str) -> None:
    bench = station.start(place, url="http://localhost:9/api/v2" if place == "look-up" else "")
    with station.hang.hangs():
        if "closed" not in place:
            bench.world.place(CARD)
            bench.wait(lambda: station.hang.caught)
        status, seconds = stopped(bench)
    assert seconds < STOP_S + LATE_S
    assert status == (1 if place in ENDED_WITHOUT_LEAVE else 0), bench.told()
    assert whole(bench)
    bench.world.remove(CARD)
    bench.start()
    assert bench.state()["stationId"] == "ST-42"


@contextmanager
def deaf() -> Iterator[str]:
    """A supplier that lets nobody in: whoever connects waits."""
    with socket.socket() as listener, ExitStack() as life:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(2):
            waiting = life.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api/v2"


def test_it_stops_at_once_while_it_connects_to_a_supplier_that_does_not_answer(station: Station) -> None:
    with deaf() as url:
        bench = station.start(url=url, driver_wait_s=3.0, request_timeout_s=60.0)
        bench.hold()
        status, seconds = stopped(bench)
    assert (status, seconds < STOP_S + LATE_S) == (0, True), seconds
    assert not any("did not end" in line for line in bench.log)


def test_it_stops_while_the_broker_stands_still(station: Station, mosquitto: Mosquitto) -> None:
    bench = station.start()
    mosquitto.hang()
    try:
        status, seconds = stopped(bench)
    finally:
        mosquitto.go_on()
    assert (status, seconds < STOP_S + LATE_S) == (0, True), seconds


def test_it_stops_in_the_middle_of_a_locks_pulse_and_leaves_no_line_high(station: Station) -> None:
    bench = station.start(lock="motor")
    pulsed = threading.Event()

    def end(world: Any) -> None:
        if not pulsed.is_set() and any(world["lines"].get(str(pin)) for pin in (17, UNLOCK_PINS[1])):
            pulsed.set()
            bench.signal(signal.SIGTERM)

    bench.on_world = end
    bench.world.place(CARD)
    began = boottime()
    assert pulsed.wait(10.0), bench.told()
    assert bench.died() == 0
    assert boottime() - began < STOP_S + LATE_S
    lines = bench.world.snapshot()["lines"]
    assert not any(lines.get(str(pin)) for pin in (17, UNLOCK_PINS[1])), lines


def test_systemd_is_fed_and_told_what_people_can_read(station: Station) -> None:
    bench = station.start(patience_s=3.0)
    bench.wait(lambda: station.manager.told.count("WATCHDOG=1") >= 8)
    bench.tap()
    bench.wait(lambda: "2 slots, 1 charging; supplier reachable" in station.manager.status())
    told = station.manager.told
    assert told[:2] == ["STATUS=reading the journal", "EXTEND_TIMEOUT_USEC=120000000"]
    assert told.count("READY=1") == 1
    assert bench.stop() == 0
    assert (told[-2:], station.manager.bites) == (["STOPPING=1", "STATUS=stopping"], 0)


@pytest.mark.parametrize("place", ["commit", "locks"])
def test_the_watchdog_bites_when_main_the_journal_or_the_locks_hang(station: Station, place: str) -> None:
    bench = station.start(place, patience_s=1.5, quick={"agent__watchdog__LOCKS_S": 1.0})
    with station.hang.hangs():
        bench.world.place(CARD)
        bench.wait(lambda: station.hang.caught)
        assert bench.died() in BITTEN, bench.told()
    assert station.manager.bites == 1
    hung = "MainThread" if place == "commit" else "locks"
    assert any(f"stack of {hung}: " in line and " in hung" in line for line in bench.log), bench.told()
    assert any("stack of reader: " in line for line in bench.log)
    assert whole(bench)
    bench.world.remove(CARD)
    bench.start()
    bench.tap(OTHER)
    bench.wait(lambda: bench.slot(1)["status"] == "charging")


def test_a_station_that_stands_still_is_ended_and_says_where_it_stood(station: Station) -> None:
    bench = station.start(patience_s=1.5)
    bench.signal(signal.SIGSTOP)
    assert bench.died() in BITTEN
    assert any("most recent call first" in line for line in bench.log), bench.told()
    bench.start()


def test_a_reader_that_hangs_is_a_failure_and_ends_the_station_once_an_hour(station: Station) -> None:
    bench = station.start("reader", patience_s=2.0, quick={"agent__watchdog__READER_S": 1.0})
    with station.hang.hangs():
        bench.wait(lambda: "ReaderFailure" in bench.faults(), 5.0 + LATE_S)
        assert bench.died() in BITTEN
        assert any("the reader has failed for 1 s: the station is ended" in line for line in bench.log)
        bench.start()
        bench.wait(lambda: "ReaderFailure" in bench.faults(), 5.0 + LATE_S)
        fed = station.manager.told.count("WATCHDOG=1")
        bench.wait(lambda: station.manager.told.count("WATCHDOG=1") >= fed + 12)
    assert station.manager.bites == 1
    bench.wait(lambda: "ReaderFailure" not in bench.faults())
    bench.tap()
    bench.wait(lambda: bench.slot(1)["status"] == "charging")


def test_lights_that_hang_are_told_and_replaced_and_stop_no_session(station: Station) -> None:
    bench = station.start("lights", quick={"agent__daemon__LIGHTS_S": 0.5})
    with station.hang.hangs():
        bench.tap()
        bench.wait(lambda: "LightsFailure" in bench.faults())
        bench.wait(lambda: bench.slot(1)["status"] == "charging")
        bench.wait_line("lights has hung for ")
    bench.wait(lambda: "LightsFailure" not in bench.faults())
    bench.wait(lambda: bench.pixels(8) == BLUE)


def test_an_exchange_that_hangs_is_given_up_and_repeated_and_nothing_is_doubled(station: Station) -> None:
    station_options: dict[str, Any] = {"request_timeout_s": 0.5, "driver_wait_s": 3.0}
    bench = station.start("exchange", quick={"agent__daemon__LANE_S": 0.1}, **station_options)
    with station.hang.hangs():
        bench.world.place(CARD)
        bench.wait_line("abandoned, a fresh thread takes its place")
    bench.wait_line("it was repeated, and this outcome is not used")
    bench.world.remove(CARD)
    bench.tap(OTHER)
    bench.wait(lambda: any(bench.slot(number)["status"] == "charging" for number in (1, 2)))
    bench.settled()
