"""Fresh machines, and a bundle for each, made once."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.machine import CLONE, Machine, debian, mounted

PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
"""Debian's own Python, by release."""


def interpreter(version: str) -> str:
    """A Python of this version, to make a bundle with; skips the test if there is none."""
    for name in filter(shutil.which, (f"python{version}", "python3")):
        told = subprocess.run([name, "--version"], capture_output=True, text=True, check=False).stdout
        if told.startswith(f"Python {version}."):
            return name
    pytest.skip(f"a bundle for Python {version} takes a python{version}: install one")


@pytest.fixture(scope="session")
def bundles() -> dict[str, Path]:
    """The bundles of this clone that were made so far, by release."""
    return {}


@pytest.fixture(params=["bookworm"])
def release(request: pytest.FixtureRequest) -> str:
    """The Debian of the machine; a test may ask for others."""
    return str(request.param)


@pytest.fixture
def bundle(release: str, bundles: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of this clone for a release; it needs a package index."""
    if release not in bundles:
        file = tmp_path_factory.mktemp("bundle") / "station.tar"
        environment = {**os.environ, "PYTHON": interpreter(PYTHONS[release])}
        subprocess.run([CLONE / "scripts" / "bundle", "--output", file], check=True, env=environment)
        bundles[release] = file
    return bundles[release]


@pytest.fixture
def machine(tmp_path: Path, release: str, bundle: Path) -> Iterator[Machine]:
    """A fresh Debian without a network, with the bundle in /srv, unpacked too."""
    with mounted(debian(release), tmp_path) as root:
        (root / "srv" / "bundle.tar").write_bytes(bundle.read_bytes())
        subprocess.run(["tar", "-xf", bundle, "-C", root / "srv", "--strip-components=1"], check=True)
        with Machine(root, f"station-test-{os.getpid()}") as booted:
            yield booted
