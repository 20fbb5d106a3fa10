"""A folder for one process alone."""

import errno
from pathlib import Path

import pytest

from agent.folders import FolderError, FolderTaken, held


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_folder_is_made_and_held_by_one(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    for _ in range(2):
        with held(folder, "another agent"):
            with pytest.raises(FolderTaken) as caught, held(folder, "another agent"):
                pass
            assert (
                str(caught.value) == f"The folder {folder} is in use by another agent: stop that first, or use another."
            )
        assert folder.stat().st_mode & 0o777 == 0o700


def test_nothing_stays_open(tmp_path: Path) -> None:
    before = open_files()
    with held(tmp_path, "x"):
        with pytest.raises(FolderTaken), held(tmp_path, "x"):
            pass
        assert open_files() == before + 1
    assert open_files() == before


def test_what_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match="cannot be used: File exists"), held(tmp_path / "file", "x"):
        pass


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with pytest.raises(FolderError, match="cannot be locked: No locks available"), held(tmp_path, "x"):
        pass
