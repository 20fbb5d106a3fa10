"""A journal in a folder of the test's own."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.journal import Journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with closing(Journal(path)) as made:
        yield made
