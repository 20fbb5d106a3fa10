"""Bundles of this clone, for tests that install one."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.machine import CLONE

PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
"""Debian's own Python, by release."""


def interpreter(version: str) -> str:
    """A Python of this version, to make a bundle with; skips the test if there is none."""
    kept = Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}")
    for name in (*filter(shutil.which, (f"python{version}", "python3")), *map(str, kept)):
        told = subprocess.run([name, "--version"], capture_output=True, text=True, check=False).stdout
        if told.startswith(f"Python {version}."):
            return name
    pytest.skip(f"a bundle for Python {version} takes a python{version}: install one")


def make_bundle(release: str, file: Path, *options: str) -> None:
    """Write a bundle of this clone for a Debian; it needs a package index."""
    environment = {**os.environ, "PYTHON": interpreter(PYTHONS[release])}
    subprocess.run([CLONE / "scripts" / "bundle", "--output", file, *options], check=True, env=environment)
