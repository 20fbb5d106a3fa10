"""The command line: usage, help, exit codes, one sentence for what the user can mend."""

import os
import socket
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import agent.cli.simulate as simulate_module
from agent import cli
from agent.cli import main
from agent.cli.run import make_runtime
from agent.config.places import config_file
from agent.control import SOCKET
from agent.simulator.follower import AgentNotReady
from agent.version import VERSION

COMMANDS = ("run", "lights", "safe-state", "simulate", "simulate-supplier", "status", "check", "wiring")


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in the tests' own process: they end at once, and leave signals and logging as they are."""
    stop = threading.Event()
    stop.set()
    monkeypatch.setattr(cli, "stop_on_signals", lambda: stop)
    monkeypatch.setattr("agent.logs.set_up", lambda: None)
    monkeypatch.setattr("faulthandler.enable", lambda: None)


def called(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def told(result: Result, status: int) -> str:
    """The one sentence on standard error."""
    assert result.exit_code == status, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr.strip()


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_version_and_help_everywhere(command: tuple[str, ...]) -> None:
    version = called(*command, "--version")
    assert (version.exit_code, version.stdout) == (0, f"station-agent, version {VERSION}\n")
    for option in ("--help", "-h"):
        shown = called(*command, option)
        assert shown.exit_code == 0
        assert shown.stdout.startswith("Usage: ")
        assert "--version" in shown.stdout


def test_wrong_usage_is_2() -> None:
    assert "No such command" in told(called("dance"), 2)
    assert "No such option" in told(called("status", "--loud"), 2)


@pytest.mark.parametrize("command", ["run", "status", "simulate", "check", "wiring", "safe-state"])
def test_every_config_error_at_once_is_2(command: str, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text('[station]\nid = "no good"\n[polcy]\n')
    text = told(called(command, "--config", str(config)), 2)
    assert text.startswith(f"station-agent: {config}:\n")
    assert "polcy is unknown: did you mean policy?" in text
    assert "station.id" in text
    assert "slots is missing" in text


def test_a_config_that_is_not_there_is_2(tmp_path: Path) -> None:
    text = told(called("run", "--config", str(tmp_path / "none.toml")), 2)
    assert "No such file or directory; name another file with --config" in text
    assert "is a directory" in told(called("run", "--config", str(tmp_path)), 2)


def test_run_without_a_world_says_how_to_start_one_and_makes_nothing(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    text = config_file("simulated.toml").read_text().replace("[station]", f'[station]\nstate_dir = "{tmp_path}/state"')
    config.write_text(text)
    wanted = (
        f"station-agent: no world is served at {tmp_path}/state/world.sock: start one with `station-agent simulate`"
    )
    assert told(called("run", "--config", str(config)), 1) == wanted
    assert not (tmp_path / "state").exists()


def test_run_where_no_runtime_folder_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "world.sock").touch()
    (tmp_path / "file").touch()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "file"))
    config = tmp_path / "c.toml"
    text = config_file("simulated.toml").read_text().replace("[station]", f'[station]\nstate_dir = "{tmp_path}"')
    config.write_text(text)
    assert "file cannot be made: File exists" in told(called("run", "--config", str(config)), 1)


def test_the_runtime_folder_can_be_found_beside_the_journal(tmp_path: Path) -> None:
    beside, first, second = tmp_path / "run", tmp_path / "1", tmp_path / "2"
    make_runtime(beside, beside)
    (beside / SOCKET).touch()
    for runtime in (first, second, second):
        make_runtime(runtime, beside)
        assert beside.readlink() == runtime
        assert runtime.is_dir()
    second.rmdir()
    make_runtime(beside, beside)
    assert beside.is_dir()
    assert not beside.is_symlink()


def test_what_stands_beside_the_journal_is_not_thrown_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    beside = tmp_path / "run"
    make_runtime(beside, beside)
    (beside / "kept").touch()
    make_runtime(tmp_path / "elsewhere", beside)
    assert (beside / "kept").exists()
    assert f"commands will not find {tmp_path / 'elsewhere'}" in caplog.text


def test_simulate_refuses_a_real_stations_config(tmp_path: Path) -> None:
    state = tmp_path / "state"
    text = told(called("simulate", "--config", str(config_file("station.toml")), "--state", str(state)), 2)
    assert 'hardware.kind = "raspberry-pi": should be "simulated"' in text
    assert not state.exists()


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "192.168.1.5:80", "example.com:80", "[::]:80"])
def test_simulate_listens_on_loopback_only(listen: str) -> None:
    assert "listens on loopback only" in told(called("simulate", "--listen", listen), 2)


@pytest.mark.parametrize("command", ["simulate", "simulate-supplier"])
@pytest.mark.parametrize("listen", ["8080", "localhost", "127.0.0.1:99999", "::1:80", "127.0.0.1:-1", ""])
def test_an_address_that_is_none_is_wrong_usage(command: str, listen: str) -> None:
    assert "is no host:port" in told(called(command, "--listen", listen), 2)


def test_simulate_touches_no_other_folder(tmp_path: Path) -> None:
    (tmp_path / "station.toml").write_text("mine")
    text = told(called("simulate", "--state", str(tmp_path), "--fresh", "--listen", "127.0.0.1:0"), 1)
    assert text.endswith(f"{tmp_path} is not a simulated station's folder: name another one with --state.")
    assert [path.name for path in tmp_path.iterdir()] == ["station.toml"]


def test_a_world_or_books_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    arguments = ("simulate", "--state", str(tmp_path / "s"), "--listen", "127.0.0.1:0", "--config", quick(tmp_path))
    done = called(*arguments)
    assert done.exit_code == 0
    assert f"the world is process {os.getpid()} and remembers itself in {tmp_path / 's'}" in done.stderr
    (tmp_path / "s" / "world.json").write_text("{")
    assert "holds no world" in told(called(*arguments), 1)
    (tmp_path / "s" / "supplier.json").write_text("{")
    assert "supplier.json cannot be read" in told(called(*arguments), 1)
    assert called(*arguments, "--fresh").exit_code == 0


def quick(folder: Path) -> str:
    config = folder / "quick.toml"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config.write_text(config_file("simulated.toml").read_text() + f"[mqtt]\nport = {port}\n")
    return str(config)


def test_an_agent_that_does_not_come_up_fails_the_simulation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AgentNotReady("not ready")

    monkeypatch.setattr(simulate_module, "simulate", never)
    assert told(called("simulate", "--state", str(tmp_path)), 1) == "station-agent: not ready"


def test_where_the_simulated_station_remembers_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/pi")
    for given, wanted in (
        ("/var/states", "/var/states/station-agent-sim"),
        ("", "/home/pi/.local/state/station-agent-sim"),
        ("relative", "/home/pi/.local/state/station-agent-sim"),
    ):
        monkeypatch.setenv("XDG_STATE_HOME", given)
        assert simulate_module.state_directory() == Path(wanted)


def test_without_a_home_a_folder_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert "name a folder with --state" in told(called("simulate"), 1)


def test_simulate_supplier_prints_where_it_is_and_keeps_its_books(tmp_path: Path) -> None:
    result = called("simulate-supplier", "--listen", "127.0.0.1:0", "--state", str(tmp_path / "s"))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("ready http://127.0.0.1:")
    assert result.stdout.endswith("/api/v2\n")
    (tmp_path / "s").mkdir(exist_ok=True)
    (tmp_path / "s" / "supplier.json").write_text("{")
    arguments = ("simulate-supplier", "--listen", "127.0.0.1:0", "--state", str(tmp_path / "s"))
    assert "supplier.json cannot be read" in told(called(*arguments), 1)


def test_a_taken_address_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        text = told(called("simulate-supplier", "--listen", address), 1)
    assert text.startswith(f"station-agent: Cannot listen on {address}: ")
    assert "\n" not in text
