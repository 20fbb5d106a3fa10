"""Help on site: unlock, end, clear-fault and owed, on the command line beside a running agent."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.bench import BLUE, CARD, Bench

from agent.cli import main

pytestmark = pytest.mark.covered


def station_agent(bench: Bench, *words: str) -> Result:
    """One command, in this process, asking the bench's agent."""
    environment = {"RUNTIME_DIRECTORY": str(bench.folder / "run")}
    return CliRunner(env=environment).invoke(main, [*words, "--config", str(bench.config)])


def said(bench: Bench, *words: str) -> str:
    """What a command prints that does well."""
    result = station_agent(bench, *words)
    assert result.exit_code == 0, result.output
    return result.output.strip()


def test_end_and_unlock_by_hand(bench: Bench) -> None:
    session = bench.start_session()
    refused = station_agent(bench, "unlock", "1")
    assert (refused.exit_code, refused.stderr) == (1, "station-agent: In Use: Slot 1 has a session: use end.\n")
    assert said(bench, "end", session) == f"session {session} has ended; slot 1: opened, its sensor shows unlocked"
    bench.wait(lambda: bench.bolt(1) == "unlocked" and bench.once("session-ended"))
    (ended,) = bench.once("session-ended")
    assert (ended["payment"], ended["endedBy"]) == ("paid", "command")
    assert said(bench, "unlock", "1") == "slot 1: opened, its sensor shows unlocked"
    assert station_agent(bench, "unlock", "9").exit_code == 1
    assert station_agent(bench, "unlock", "none").exit_code == 2


def test_forced_open_it_stays_open_over_a_restart(bench: Bench) -> None:
    bench.start_session()
    assert "unlocked" in said(bench, "unlock", "1", "--force")
    bench.kill()
    bench.start()
    bench.wait(lambda: bench.pixels(8) == BLUE)
    assert bench.slot(1)["status"] == "charging"
    assert bench.slot(1)["lock"] == {"wanted": "unlocked", "seen": "unlocked"}
    assert bench.bolt(1) == "unlocked"
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))


def test_a_jammed_bolt_is_told_and_its_fault_cleared(bench: Bench) -> None:
    bench.start_session()
    bench.world.set_fault("lock-jammed-1", True)
    session = bench.slot(1)["session"]["id"]
    failed = station_agent(bench, "end", session)
    assert failed.exit_code == 1
    assert failed.stderr == "station-agent: Not Opened: Slot 1 did not open; its sensor shows locked.\n"
    bench.wait(lambda: bench.faults() == ["UnlockFailed 1"])
    bench.world.set_fault("lock-jammed-1", False)
    assert "unlocked" in said(bench, "unlock", "1")
    bench.wait(lambda: bench.faults() == [])
    assert station_agent(bench, "clear-fault", "UnlockFailed", "1").exit_code == 1


def test_what_the_supplier_refused_is_listed_retried_and_dropped(bench: Bench) -> None:
    bench.start_session()
    bench.supplier.inject("end-refused", {"status": 422})
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    assert bench.once("session-ended")[0]["payment"] == "refused"
    bench.wait(lambda: bench.owed()["refused"] == 2)
    first, second = said(bench, "owed", "list").splitlines()
    assert "end of session" in first
    assert "pay of session" in second
    assert CARD not in first + second
    end, pay = first.partition(":")[0], second.partition(":")[0]
    assert first.endswith(f"with it: {pay}")
    assert end in station_agent(bench, "owed", "retry", pay).stderr
    bench.supplier.clear("end-refused")
    assert said(bench, "owed", "retry", end) == f"{end}, {pay}: owed again"
    bench.wait(lambda: bench.once("session-settled"))
    assert [data["payment"] for data in bench.once("session-settled")] == ["paid"]
    bench.settled()
    assert said(bench, "owed", "list") == "nothing is set aside"
    keys = [act["key"] for act in bench.acts("end")]
    assert len(set(keys)) == 2, "a refused act is tried again as a new one"
    assert station_agent(bench, "owed", "drop", end).exit_code == 1


def test_a_card_whose_end_was_refused_is_served_again_once_the_supplier_takes_it(bench: Bench) -> None:
    bench.start_session()
    bench.supplier.inject("end-refused", {"status": 422})
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    bench.wait(lambda: bench.owed()["refused"] == 2)
    bench.supplier.clear("end-refused")
    bench.tap()
    bench.wait(lambda: len(bench.once("session-started")) == 2)
    bench.settled()
    assert bench.owed()["refused"] == 0
    assert [data["payment"] for data in bench.once("session-settled")] == ["paid"]
    assert len(bench.once("session-ended")) == 1
    assert [session["stage"] for session in bench.sessions()] == ["ended", "started"]


def test_what_is_dropped_is_gone_and_its_dependants_are_named(bench: Bench) -> None:
    bench.start_session()
    bench.supplier.inject("end-refused", {"status": 422})
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    bench.wait(lambda: bench.owed()["refused"] == 2)
    assert bench.stop() == 0
    first, second = said(bench, "owed", "list").splitlines()
    end, pay = first.partition(":")[0], second.partition(":")[0]
    assert station_agent(bench, "owed", "drop", end).exit_code == 1, "only a running agent writes"
    bench.start()
    assert said(bench, "owed", "drop", end) == f"{end}: dropped, and with it {pay}"
    bench.wait(lambda: bench.owed()["refused"] == 0)


@pytest.mark.parametrize("command", [["unlock", "1"], ["end", "S-1"], ["clear-fault", "X"], ["owed", "retry", "act-1"]])
def test_without_an_agent_it_says_so(tmp_path: Path, command: list[str]) -> None:
    config = tmp_path / "station.toml"
    config.write_text(
        "[station]\nid = 'x'\n"
        f"state_dir = {json.dumps(str(tmp_path))}\n"
        "[supplier]\nurl = 'http://127.0.0.1'\n"
        "[[slots]]\nnumber = 1\nlights = [8, 15]\n[slots.lock]\nkind = 'solenoid'\npin = 17\n",
        encoding="utf-8",
    )
    result = CliRunner(env={"RUNTIME_DIRECTORY": ""}).invoke(main, [*command, "--config", str(config)])
    assert result.exit_code == 1
    assert "No agent listens on" in result.stderr
