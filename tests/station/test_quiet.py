"""A station at rest says nothing: every line in its log is there because something happened."""

from pathlib import Path

from support.bench import Bench
from support.manager import Manager
from support.mqtt import Mosquitto

FEEDS = 12
"""Each is a turn of main and a look at all threads; by the last, all others have had their turns too."""


def test_nothing_is_logged_and_systemd_told_nothing_new_while_nothing_happens(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    bench = Bench(tmp_path / "bench", mosquitto)
    with Manager(tmp_path, 3.0, bench.signal) as manager:
        bench.environment |= manager.environment
        with bench:
            bench.wait_line("is ready")
            bench.wait_line("Connected to the broker")
            bench.settled()
            # the supplier is tried now and then; that it is there is news once
            bench.wait(lambda: bench.state()["supplier"]["reachable"])
            said, fed = list(bench.log), manager.told.count("WATCHDOG=1")
            known = [line for line in manager.told if line != "WATCHDOG=1"]
            bench.wait(lambda: manager.told.count("WATCHDOG=1") >= fed + FEEDS, 30.0)
            assert bench.log == said
            assert [line for line in manager.told if line != "WATCHDOG=1"] == known
