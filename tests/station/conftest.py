"""A station for each test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.bench import Bench
from support.mqtt import Mosquitto


@pytest.fixture
def benches(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Callable[..., Bench]]:
    """Makes one station, with options of the test's own."""
    with ExitStack() as life:
        yield lambda **options: life.enter_context(Bench(tmp_path / "bench", mosquitto, **options))


@pytest.fixture
def bench(benches: Callable[..., Bench]) -> Bench:
    """A station as most tests want it."""
    return benches()
