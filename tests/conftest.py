"""What every test keeps: derandomised stories in CI, no thread left behind, and coverage where it finds something."""

import os
import sys
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from support.mqtt import Mosquitto

settings.register_profile("station", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("station")

STOPPED_WITHIN_S = 5.0
IN_PROCESS = (Path(__file__).parent / "agent", Path(__file__).parent / "hardware")
"""Folders of tests that run what they test in their own process."""
TRACING = "COVERAGE_PROCESS_CONFIG"
"""Environment variable by which coverage finds its way into the processes that tests start."""


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Ends all coverage in a worker but the last: pytest-cov begins it anew there, and pauses no other."""
    coverage = sys.modules.get("coverage")
    if coverage is None or not hasattr(session.config, "workerinput"):
        return
    last = coverage.Coverage.current()
    while (running := coverage.Coverage.current()) is not None:
        running.stop()
    if last is not None:
        last.start()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps coverage to tests in one process and to those marked `covered`: traced, a station takes twice its time."""
    for item in items:
        if item.get_closest_marker("covered") is None and not any(map(item.path.is_relative_to, IN_PROCESS)):
            item.add_marker("no_cover")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Keeps coverage out of the processes of a test that it does not look at, too."""
    with pytest.MonkeyPatch.context() as patch:
        if item.get_closest_marker("no_cover") is not None:
            patch.delenv(TRACING, raising=False)
        return (yield)


@pytest.fixture(autouse=True)
def no_thread_left_behind() -> Iterator[None]:
    """Fails a test whose threads outlive it."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    deadline = time.monotonic() + STOPPED_WITHIN_S
    for thread in left:
        thread.join(max(0.0, deadline - time.monotonic()))
    alive = [thread.name for thread in left if thread.is_alive()]
    assert not alive, f"threads left behind: {alive}"


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A real MQTT broker on a free port of loopback: `mosquitto.port`."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Mosquitto(folder)
    broker.start()
    yield broker
    broker.kill()
