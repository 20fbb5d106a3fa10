"""Warnings of a whole station: who is out of reach is told, stops nobody, and clears by itself."""

from collections.abc import Callable
from pathlib import Path

from support.bench import DARK, Bench
from support.mqtt import Mosquitto

from agent.health import LOW_BYTES, ROOM_BYTES
from agent.simulator.supplier_server import SupplierServer

Benches = Callable[..., Bench]


def hurried(benches: Benches, **constants: object) -> Bench:
    """A station for which a minute is half a second."""
    bench = benches()
    bench.stop()
    bench.hurry(agent__health__AWAY_S=0.5, agent__health__STEP_S=0.05, **constants)
    bench.start()
    return bench


def test_a_supplier_to_whom_nothing_is_sent_is_missed_all_the_same(benches: Benches) -> None:
    bench = hurried(benches)
    bench.wait(lambda: bench.state()["supplier"]["reachable"])
    assert bench.calls() == []
    port = bench.supplier.url.rpartition(":")[2].partition("/")[0]
    bench.supplier.stop()
    bench.wait(lambda: bench.faults() == ["SupplierUnreachable"])
    bench.wait(lambda: not bench.state()["supplier"]["reachable"])
    assert bench.state()["available"]
    assert bench.pixels(0) == DARK
    bench.wait(lambda: bench.once("faulted"))
    (told,) = bench.once("faulted")
    assert told["error"]["code"] == "SupplierUnreachable"
    back = SupplierServer(bench.books, f"127.0.0.1:{port}")
    back.start()
    try:
        bench.wait(lambda: bench.faults() == [])
        bench.start_session()
        bench.settled()
    finally:
        back.stop()
    assert not bench.acts("support")


def test_a_broker_that_is_away_is_told_when_it_is_back(benches: Benches, mosquitto: Mosquitto) -> None:
    bench = hurried(benches)
    mosquitto.stop()
    bench.wait(lambda: bench.faults() == ["BrokerUnreachable"])
    mosquitto.start()
    bench.wait(lambda: bench.faults() == [])
    bench.wait(lambda: bench.once("faulted"))
    assert bench.once("faulted")[0]["error"]["code"] == "BrokerUnreachable"


def test_a_clock_before_the_release_is_told_and_its_events_say_so(benches: Benches) -> None:
    bench = hurried(benches, agent__version__RELEASED=4e9)
    bench.wait(lambda: bench.faults() == ["ClockUnset"])
    assert not bench.state()["clockSet"]
    bench.start_session()
    assert bench.events("session-started")[0]["clocksynced"] is False
    bench.stop()
    bench.hurry(agent__version__RELEASED=1.0)
    bench.start()
    bench.wait(lambda: bench.faults() == [])


def test_heat_is_told_while_it_lasts(benches: Benches, tmp_path: Path) -> None:
    zone = tmp_path / "thermal" / "thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "type").write_text("cpu-thermal\n", encoding="ascii")
    (zone / "temp").write_text("85000\n", encoding="ascii")
    bench = hurried(benches, agent__health__THERMAL=f"pathlib.Path({str(zone.parent)!r})")
    bench.wait(lambda: bench.faults() == ["OverTemperature"])
    assert bench.state()["available"]
    (zone / "temp").write_text("60000\n", encoding="ascii")
    bench.wait(lambda: bench.faults() == [])


def test_a_disk_that_fills_is_told_while_there_is_still_room(benches: Benches, tmp_path: Path) -> None:
    free = tmp_path / "free"  # the disk's own figure is everybody's who works on this machine
    free.write_text(str(LOW_BYTES - 1), encoding="ascii")
    measured = f"lambda _: int(pathlib.Path({str(free)!r}).read_text() or 0)"
    bench = hurried(benches, agent__health__free_bytes=measured)
    bench.wait(lambda: bench.faults() == ["LowDisk"])
    bench.start_session()
    free.write_text(str(ROOM_BYTES), encoding="ascii")
    bench.wait(lambda: bench.faults() == [])
