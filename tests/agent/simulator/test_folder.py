"""The folder in which a simulated station remembers itself."""

from pathlib import Path

import pytest

from agent.folders import FolderError, FolderTaken
from agent.simulator.folder import MARK, OURS, opened


def remembered(state: Path) -> None:
    with opened(state, fresh=False):
        (state / "station.toml").write_text("[station]")
        (state / "world.json").write_text("{}")
        (state / "supplier.json").write_text("{}")
        (state / "agent" / "journal.db").write_text("journal")


def test_a_new_or_empty_folder_is_marked_and_made_ready(tmp_path: Path) -> None:
    for state in (tmp_path / "a" / "b", tmp_path / "empty"):
        if state.name == "empty":
            state.mkdir()
        with opened(state, fresh=False):
            assert {path.name for path in state.iterdir()} == {MARK, "agent", "broker", "tapping"}
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_what_was_remembered_stays(tmp_path: Path) -> None:
    remembered(tmp_path)
    with opened(tmp_path, fresh=False):
        assert (tmp_path / "agent" / "journal.db").read_text() == "journal"


def test_fresh_forgets_what_is_the_stations_own_and_nothing_else(tmp_path: Path) -> None:
    remembered(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with opened(tmp_path, fresh=True):
        left = {path.name for path in tmp_path.rglob("*")}
    assert left == {MARK, "agent", "broker", "tapping", "notes.txt"}
    assert left & set(OURS) == {"agent", "broker", "tapping"}


@pytest.mark.parametrize("fresh", [True, False])
def test_another_folder_is_never_touched(fresh: bool, tmp_path: Path) -> None:
    (tmp_path / "station.toml").write_text("a real station's")
    with pytest.raises(FolderError, match="is not a simulated station's folder"), opened(tmp_path, fresh=fresh):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["station.toml"]
    assert (tmp_path / "station.toml").read_text() == "a real station's"


def test_one_simulation_at_a_time(tmp_path: Path) -> None:
    remembered(tmp_path)
    with opened(tmp_path, fresh=False):
        with pytest.raises(FolderTaken, match="in use by another simulation"), opened(tmp_path, fresh=True):
            pass
        assert (tmp_path / "world.json").exists()
    with opened(tmp_path, fresh=False):
        pass


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    remembered(tmp_path)
    (tmp_path / "tapping").rmdir()
    (tmp_path / "tapping").symlink_to("nowhere")
    with (
        pytest.raises(FolderError, match="cannot be written: File exists"),
        opened(tmp_path, fresh=False),
    ):
        pass
