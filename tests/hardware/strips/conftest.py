"""A server of the lights process with a strip that remembers, and one agent that has it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.lights import DONE, HELLO, Caller, Shelf, served


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lights" / "socket"


@pytest.fixture
def agent(shelf: Shelf, path: Path) -> Iterator[Caller]:
    """One that has the strip."""
    with served(shelf, path):
        caller = Caller(path)
        assert caller.ask(HELLO) == DONE
        yield caller
        caller.line.close()
