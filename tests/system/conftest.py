"""Fresh machines, and a bundle made once."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.machine import CLONE, Machine, debian, mounted


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of this clone for this Python; it needs a package index."""
    file = tmp_path_factory.mktemp("bundle") / "station.tar"
    subprocess.run([CLONE / "scripts" / "bundle", "--output", file], check=True)
    return file


@pytest.fixture
def machine(tmp_path: Path, bundle: Path) -> Iterator[Machine]:
    """A fresh Debian 12 without a network, with the bundle in /srv, unpacked too."""
    with mounted(debian("bookworm"), tmp_path) as root:
        (root / "srv" / "bundle.tar").write_bytes(bundle.read_bytes())
        subprocess.run(["tar", "-xf", bundle, "-C", root / "srv", "--strip-components=1"], check=True)
        with Machine(root, f"station-test-{os.getpid()}") as booted:
            yield booted
