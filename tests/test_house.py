"""The house itself: scripts, lock files, and what must never stand in a file."""

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.config import places

CLONE = Path(__file__).parent.parent
FILES = [
    CLONE / name
    for name in subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=CLONE,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    if name and (CLONE / name).is_file()
]
LOCKS = sorted((CLONE / "requirements").glob("*.txt"))


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(CLONE / "setup.cfg", encoding="utf-8")
    return parser


@pytest.mark.parametrize(
    "name",
    [
        "scripts/run",
        "scripts/test",
        "scripts/lock",
        "scripts/campaign",
        "scripts/fuzz",
        "scripts/audit",
        "scripts/bench",
        "scripts/storm",
        "scripts/screenshots",
        ".ci/run",
    ],
)
def test_scripts_can_be_run_and_stop_at_the_first_error(name: str) -> None:
    script = CLONE / name
    assert os.access(script, os.X_OK)
    assert "\nset -eu\n" in script.read_text(encoding="utf-8")


def test_a_missing_command_is_told_by_its_package() -> None:
    asked = ". scripts/lib.sh && missing_commands sh no-such-command no-such-tool:its-package sh:no-package"
    done = subprocess.run(["sh", "-c", asked], cwd=CLONE, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["no-such-command", "its-package"]


def test_a_relative_path_given_to_run_is_the_callers(tmp_path: Path) -> None:
    clone, here = tmp_path / "clone", tmp_path / "here"
    for folder in ("scripts", "requirements"):
        shutil.copytree(CLONE / folder, clone / folder)
    for file in ("setup.cfg", "pyproject.toml"):
        shutil.copy(CLONE / file, clone)
    agent = clone / ".venv" / "bin" / "station-agent"
    agent.parent.mkdir(parents=True)
    agent.write_text('#!/bin/sh\necho "$PWD" "$@"\n')
    agent.chmod(0o755)
    fresh = ". scripts/lib.sh && checksum simulator >.venv/simulator.sum"
    subprocess.run(["sh", "-c", fresh], cwd=clone, check=True)
    here.mkdir()
    command = [str(clone / "scripts" / "run"), "--state", "mine"]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == f"{here} simulate --state mine\n"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_locked_package_has_its_version_and_a_hash_and_no_host(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    packages = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert packages
    for line in packages:
        assert re.fullmatch(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==\S+( ; .+)? \\", line), f"{line}: not pinned with a hash"
    assert text.count("sha256:") >= len(packages)
    assert "://" not in text


def test_the_lock_files_agree_with_each_other_and_with_setup_cfg() -> None:
    pinned = {
        lock.stem: set(re.findall(r"^([^\s\[=]+)\S*==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE))
        for lock in LOCKS
    }
    assert pinned["pi"] < pinned["simulator"] < pinned["test"]
    tested = {name for name, _ in pinned["test"]}
    assert {one for one in pinned["bench"] if one[0] in tested} <= pinned["test"], "measured is what is tested"
    for lock in ("test", "bench"):
        asked = setup_cfg()["options"]["install_requires"] + setup_cfg()["options.extras_require"][lock]
        names = {name.lower() for name in re.findall(r"^[A-Za-z][\w-]*", asked, re.MULTILINE)}
        locked = {name for name, _ in pinned[lock]}
        assert names <= locked, f"run scripts/lock: {sorted(names - locked)}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CLONE)))
def test_no_machine_and_no_secret_stands_in_a_file(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", errors="replace")
    machine = re.search(r"/(?:root|tmp|work|Users)/\w|/home/(?!pi\b)\w|/opt/(?!station)\w", text)
    assert machine is None or path == Path(__file__), machine
    secret = re.search(r"-----BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}|ghp_\w{20}|https?://[^/\s:@]+:[^/\s@]+@", text)
    assert secret is None or path == Path(__file__), "a secret"


def test_config_files_are_found_in_the_clone_and_beside_the_installed_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert places.config_file("station.toml") == CLONE / "config" / "station.toml"
    monkeypatch.setattr(places, "CLONE", tmp_path / "elsewhere")
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"nothing\.toml is neither in .* nor in .*: install"):
        places.config_file("nothing.toml")
    installed = tmp_path / "share" / "station-agent" / "nothing.toml"
    installed.parent.mkdir(parents=True)
    installed.touch()
    assert places.config_file("nothing.toml") == installed
