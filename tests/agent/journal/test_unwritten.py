"""What the disk did not take outlives a kill, also when nothing at all can be written any more."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.journal.unwritten import HALF, Record, Unwritten

FIRST = Record("one", [("INSERT INTO t VALUES (?, ?)", ("a", b"\x00\xff")), ("DELETE FROM t", ())])
SECOND = Record("one", [*FIRST.statements, ("UPDATE t SET x=?", (1.5,))])

KILLED = """
import os, resource, signal, sys
from pathlib import Path
from agent.journal.unwritten import Record, Unwritten
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
Unwritten(Path(sys.argv[1])).save(Record("x", [("DELETE FROM t", (7,))]))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "unwritten"


@pytest.fixture
def unwritten(path: Path) -> Iterator[Unwritten]:
    made = Unwritten(path)
    yield made
    made.close()


def reopened(path: Path) -> Record | None:
    again = Unwritten(path)
    again.close()
    return again.record


def test_it_starts_empty_with_its_space_allocated(path: Path, unwritten: Unwritten) -> None:
    assert unwritten.record is None
    assert path.stat().st_blocks * 512 >= 2 * HALF
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_newest_record_is_found_again(path: Path, unwritten: Unwritten) -> None:
    unwritten.save(FIRST)
    unwritten.save(SECOND)
    assert unwritten.record == SECOND
    assert reopened(path) == SECOND
    unwritten.clear()
    unwritten.clear()
    assert reopened(path) is None


def test_a_record_cut_short_leaves_the_one_before(path: Path, unwritten: Unwritten) -> None:
    unwritten.save(FIRST)
    unwritten.save(SECOND)
    content = bytearray(path.read_bytes())
    half = content.rindex(b"UPDATE")
    content[half] ^= 1
    path.write_bytes(content)
    assert reopened(path) == FIRST


@pytest.mark.parametrize("content", [b"", b"EVSU", os.urandom(4096), b"EVSU" * HALF])
def test_rubbish_is_no_record(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert reopened(path) is None


def test_a_record_that_is_too_large_is_not_kept(
    path: Path, unwritten: Unwritten, caplog: pytest.LogCaptureFixture
) -> None:
    unwritten.save(FIRST)
    unwritten.save(Record("one", [("x", (b"x" * HALF,))]))
    assert reopened(path) == FIRST
    assert "a restart forgets" in caplog.text


def test_without_a_folder_it_is_only_not_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    unwritten = Unwritten(tmp_path / "none" / "unwritten")
    unwritten.save(FIRST)
    unwritten.clear()
    unwritten.close()
    assert "a restart forgets" in caplog.text


@pytest.mark.usefixtures("unwritten")
def test_it_needs_no_space_when_it_is_needed(path: Path) -> None:
    """No file of that process can grow, or be written at all, by write(2)."""
    child = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert child.returncode == -signal.SIGKILL
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 0
    assert reopened(path) == Record("x", [("DELETE FROM t", (7,))])


def test_what_the_disk_has_again_is_overwritten(path: Path, unwritten: Unwritten) -> None:
    unwritten.save(Record("one", [("INSERT INTO t VALUES (?)", ("04A1B2C3D4E5F6",))]))
    unwritten.save(Record("two", [("INSERT INTO t VALUES (?)", ("04A1B2C3D4E5F6" * 2,))]))
    unwritten.clear()
    assert b"04A1B2C3" not in path.read_bytes()
    assert reopened(path) is None
    unwritten.save(SECOND)
    assert reopened(path) == SECOND
