"""`station-agent safe-state`: who is at work there, and what is said."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import agent.cli.safe_state as module
from agent.cli import main
from agent.folders import FolderError, held
from hardware.parts import PartMissing

CONFIG = """
[station]
id = "ST-42"
state_dir = "{state}"
[supplier]
url = "https://ev-power-supplier.com/api/v2"
[[slots]]
number = 1
lights = [8, 15]
[slots.lock]
kind = "motor"
lock_pin = 17
unlock_pin = 22
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is done to the lines, and whether somebody could have started an agent meanwhile."""
    calls: list[dict[str, Any]] = []

    def make_safe(wiring: Any, *, world: Path, runtime: Path, everything: bool) -> Iterator[str]:
        calls.append({"slots": len(wiring.slots), "everything": everything, "there": runtime.is_dir()})
        if world.parent.is_dir():
            with pytest.raises(FolderError, match="in use"), held(world.parent, "the command"):
                pass
        yield "slot 1: motor line GPIO17 low"

    monkeypatch.setattr(module, "make_safe", make_safe)
    return calls


@pytest.fixture
def called(tmp_path: Path, state: Path) -> Any:
    config = tmp_path / "station.toml"
    config.write_text(CONFIG.format(state=state))

    def call(*options: str) -> Result:
        return CliRunner().invoke(main, ["safe-state", "--config", str(config), *options])

    return call


@pytest.mark.parametrize(("options", "everything"), [((), False), (("--let-go",), True)])
def test_what_was_done_is_said_and_no_agent_can_start_meanwhile(
    called: Any, state: Path, made: list[dict[str, Any]], options: tuple[str, ...], everything: bool
) -> None:
    state.mkdir()
    result = called(*options)
    assert (result.exit_code, result.stdout) == (0, "slot 1: motor line GPIO17 low\n")
    assert made == [{"slots": 1, "everything": everything, "there": True}]


def test_a_station_that_never_ran_gets_no_folder(called: Any, state: Path, made: list[dict[str, Any]]) -> None:
    assert called().exit_code == 0
    assert len(made) == 1
    assert not state.exists()


def test_a_running_agent_is_left_alone(called: Any, state: Path, made: list[dict[str, Any]]) -> None:
    with held(state, "the test"):
        result = called("--let-go")
    assert result.exit_code == 0
    assert "lines are left alone" in result.stdout
    assert made == []


def test_it_waits_for_an_agent_to_end(
    called: Any, state: Path, made: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as agent:
        agent.enter_context(held(state, "the test"))
        looks = iter([lambda: None, lambda: None, agent.close])

        def looked(folder: Path, holder: str) -> Any:
            next(looks, lambda: None)()
            return held(folder, holder)

        monkeypatch.setattr(module, "held", looked)
        result = called("--wait", "60")
    assert "motor line" in result.stdout
    assert len(made) == 1


def test_a_disk_that_cannot_tell_is_no_reason_to_leave_a_motor_on(
    called: Any, state: Path, made: list[dict[str, Any]]
) -> None:
    state.write_text("no folder")
    result = called()
    assert (result.exit_code, len(made)) == (0, 1)
    assert "cannot be told" in result.stderr


def test_chips_that_cannot_be_opened_are_1(called: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def make_safe(*_: Any, **__: Any) -> Iterator[str]:
        raise PartMissing("no GPIO chip")

    monkeypatch.setattr(module, "make_safe", make_safe)
    result = called()
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no GPIO chip" in result.stderr


def test_a_wait_is_no_less_than_nothing(called: Any) -> None:
    assert called("--wait", "-1").exit_code == 2
