"""Warnings of a whole station: who is out of reach is told, stops nobody, and clears by itself."""

from collections.abc import Callable

from support.bench import DARK, Bench
from support.mqtt import Mosquitto

from agent.simulator.supplier_server import SupplierServer

Benches = Callable[..., Bench]


def hurried(benches: Benches) -> Bench:
    """A station for which a minute is half a second."""
    bench = benches()
    bench.stop()
    bench.hurry(agent__health__AWAY_S=0.5, agent__health__STEP_S=0.05)
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
