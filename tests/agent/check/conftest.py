"""A Pi for the doctor."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.clinic import USERS, Clinic


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clinic]:
    yield Clinic(tmp_path, monkeypatch)
    for name in USERS:
        sys.modules.pop(name, None)
