"""Secrets in files: one line, told in words if it cannot be had, and never repeated."""

import os
from pathlib import Path

import pytest

from agent.secret_files import LONGEST_SECRET, UnusableFile, Watched, read_secret


@pytest.mark.parametrize(
    ("content", "secret"),
    [(b"s3cret", "s3cret"), (b"s3cret\n", "s3cret"), (b" s3 cret\r\n", " s3 cret"), ("grün".encode(), "grün")],
)
def test_the_one_line_of_a_file(tmp_path: Path, content: bytes, secret: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    assert read_secret(str(file), "password_file") == secret


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "must hold one line"),
        (b"\n", "must hold one line"),
        (b"s3cret\nsecond", "must hold one line"),
        (b"s3cret\0", "must hold one line"),
        (b"s3cret" * LONGEST_SECRET, "must hold one line"),
        (b"s3cret\xff", "must hold UTF-8 text"),
    ],
)
def test_what_is_no_secret_is_not_repeated(tmp_path: Path, content: bytes, why: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    with pytest.raises(UnusableFile, match=f"^password_file {file} {why}") as caught:
        read_secret(str(file), "password_file")
    assert "s3cret" not in repr(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(("name", "why"), [("missing", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(UnusableFile, match=f"cannot be read: {why}"):
        read_secret(str(tmp_path / name), "token_file")


def test_marks_change_with_the_files(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("a")
    watched = Watched(str(first), "", str(second))
    marks = [watched.marks()]
    assert marks[0][1:] == (None,)
    second.write_text("b")
    marks.append(watched.marks())
    new = tmp_path / "new"
    new.write_text("a")
    os.utime(new, ns=(first.stat().st_atime_ns, first.stat().st_mtime_ns))
    new.replace(first)
    marks.append(watched.marks())
    second.write_text("longer")
    marks.append(watched.marks())
    assert len(set(marks)) == 4
    assert watched.marks() == marks[-1]
