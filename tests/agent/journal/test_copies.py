"""Copies of the journal from before another version: whole, few, and not kept for longer than what stands in them."""

import os
import stat
from contextlib import closing
from pathlib import Path

import pytest
from config_files import LEAST
from support.owing import WALL, act, tap

from agent.effects import ActName
from agent.journal import Journal, Kept, NotWritten, OwedRow, Writing
from agent.journal.copies import COPIES, keep_copy
from agent.journal.journal import DAY_S
from agent.journal_copy import main
from agent.state import Slot, Station

EMPTY = Station(slots={1: Slot(number=1)})
KEPT = Kept(history_days=30, known_days=90)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def config(tmp_path: Path) -> str:
    """The file of a config whose journal this is."""
    file = tmp_path / "station.toml"
    file.write_text(LEAST.replace("[station]", f'[station]\nstate_dir = "{tmp_path}"'))
    return str(file)


def owe(journal: Journal, key: str) -> None:
    """Commit one act."""
    row = OwedRow(id=journal.new_id("owed"), act=act(ActName.END, key), since=WALL)
    journal.stage(Writing(fact=tap(), before=EMPTY, after=EMPTY, owed=(row,)))
    journal.commit()


def copies(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.glob("journal.db.*") if each.suffix not in (".db-wal", ".db-shm"))


def test_a_copy_holds_what_stands_only_in_the_log_and_is_a_journal_itself(
    path: Path, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(Journal(path)) as journal:
        owe(journal, "key-1")
        assert path.with_name("journal.db-wal").stat().st_size > 0
        assert main(config, "0.2.0") == 0
        owe(journal, "key-2")
        owed = journal.owed()
    copy = path.with_name("journal.db.before-0.2.0")
    assert capsys.readouterr().out == f"{copy}\n"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert not copy.with_name(f"{copy.name}-wal").exists()
    with closing(Journal(copy)) as journal:
        assert journal.owed() == owed[:1]


def test_before_the_first_agent_there_is_nothing_to_copy(
    path: Path, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (main(config, "0.2.0"), capsys.readouterr().out, copies(path)) == (0, "", [])
    assert main(f"{config}.none", "0.2.0") == 1
    assert "station.toml.none" in capsys.readouterr().err


def test_the_one_just_made_and_the_newest_others_stay(path: Path) -> None:
    Journal(path).close()
    for number in range(1, 5):
        os.utime(keep_copy(path, f"0.{number}"), (number, number))
    assert copies(path) == [f"journal.db.before-0.{number}" for number in (2, 3, 4)]
    assert len(copies(path)) == COPIES
    os.utime(keep_copy(path, "0.2"), (1, 1))
    assert copies(path) == [f"journal.db.before-0.{number}" for number in (2, 3, 4)], "it takes its own place"


def test_a_copy_that_cannot_be_made_is_told_and_leaves_the_one_before(
    path: Path, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Journal(path).close()
    whole = keep_copy(path, "0.2.0").read_bytes()
    path.write_bytes(b"no journal")
    assert main(config, "0.2.0") == 1
    assert "Check its disk" in capsys.readouterr().err
    assert path.with_name("journal.db.before-0.2.0").read_bytes() == whole
    assert copies(path) == ["journal.db.before-0.2.0"], "no half of one is left"
    with pytest.raises(NotWritten, match="cannot be copied"):
        keep_copy(path.with_name("none.db"), "0.2.0")


def test_it_goes_with_the_history_that_stands_in_it(path: Path) -> None:
    with closing(Journal(path)) as journal:
        for days in (29, 31):
            os.utime(keep_copy(path, f"0.{days}"), (WALL, WALL - days * DAY_S))
        journal.prune(WALL, KEPT)
    assert copies(path) == ["journal.db.before-0.29"]


def test_one_that_cannot_be_removed_keeps_nothing_from_being_forgotten(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Journal(path)) as journal:
        os.utime(keep_copy(path, "0.1"), (0, 0))
        monkeypatch.setattr(Path, "unlink", lambda _: (_ for _ in ()).throw(OSError("read-only")))
        journal.prune(WALL, KEPT)
    assert "an old copy of the journal cannot be removed: read-only" in caplog.text
