"""`station-agent status`, beside a running agent and without one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.owing import CARD, at

from agent.cli import main
from agent.cli.status import lines
from agent.config.places import JOURNAL
from agent.control import Control, Notice
from agent.facts import CardTapped
from agent.journal import Journal, Writing
from agent.state import Fault, Phase, Session, Slot, Station

CONFIG = """
[station]
id = "ST-42"
state_dir = "{state}"
[hardware]
kind = "simulated"
[supplier]
url = "http://127.0.0.1:1"
[[slots]]
number = 1
lights = [8, 15]
[slots.lock]
kind = "solenoid"
pin = 17
"""
STATION = Station(
    slots={1: Slot(number=1, phase=Phase.CHARGING, session="S-1", seen=True)},
    sessions={"S-1": Session(id="S-1", card=CARD, slot=1, tapped=at())},
)
STATE: dict[str, Any] = {
    "stationId": "ST-42",
    "time": "2026-11-22T12:00:00.000Z",
    "version": "0.1.0",
    "bootId": "b",
    "available": False,
    "slots": [
        {
            "number": 1,
            "status": "charging",
            "lock": {"wanted": "locked", "seen": "unknown"},
            "light": "blue",
            "session": {"id": "S-1", "card": "..E5F6", "since": "2026-11-22T11:00:00.000Z"},
        },
        {"number": 2, "status": "free", "lock": {"wanted": "unlocked", "seen": "unlocked"}, "light": "off"},
    ],
    "mainLight": "red",
    "faults": [
        {
            "code": "ReaderFailure",
            "scope": "station",
            "severity": "out-of-order",
            "title": "Reader Failure",
            "detail": "The chip does not answer.",
            "raisedAt": "2026-11-22T11:30:00.000Z",
        },
        {
            "code": "LockSensor",
            "scope": "slot",
            "slotNumber": 2,
            "severity": "warning",
            "title": "Lock Sensor",
            "detail": "",
            "raisedAt": "2026-11-22T11:40:00.000Z",
        },
    ],
    "owed": {"supplier": 2, "broker": 0, "refused": 1, "oldest": "2026-11-22T11:50:00.000Z"},
    "supplier": {"reachable": False, "since": None},
    "broker": {"reachable": True, "since": "2026-11-22T10:00:00.000Z"},
    "clockSet": False,
}
TEXT = """\
station ST-42: out of order, version 0.1.0
agent: running
slot 1: charging, lock locked (seen unknown), light blue
  session S-1 of card ..E5F6 since 2026-11-22T11:00:00.000Z
slot 2: free, lock unlocked, light off
main light: red
fault ReaderFailure (out-of-order) since 2026-11-22T11:30:00.000Z: The chip does not answer.
fault LockSensor of slot 2 (warning) since 2026-11-22T11:40:00.000Z: Lock Sensor
owed: 2 to the supplier, 1 refused, the oldest since 2026-11-22T11:50:00.000Z
supplier: not asked yet
broker: reachable since 2026-11-22T10:00:00.000Z
clock: not set
"""


@pytest.fixture(autouse=True)
def no_runtime_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "station.toml"
    file.write_text(CONFIG.format(state=tmp_path / "state"))
    return file


@pytest.fixture
def journaled(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state" / JOURNAL)
    fact = CardTapped(at=at(), id="f", card=CARD)
    journal.stage(Writing(fact=fact, before=Station(slots={1: Slot(number=1)}), after=STATION))
    journal.close()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[None]:
    control = Control(tmp_path / "state" / "run", lambda: STATE, Notice(), lambda *_: {})
    control.start()
    yield
    control.stop()


def status(config: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["status", "--config", str(config), *options])


@pytest.mark.usefixtures("agent")
def test_a_running_agent_is_asked(config: Path) -> None:
    shown = status(config)
    assert (shown.exit_code, shown.stdout) == (0, TEXT)
    assert json.loads(status(config, "--json").stdout) == STATE


def test_it_is_asked_where_systemd_says(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", f"{tmp_path}/elsewhere:{tmp_path}/second")
    control = Control(tmp_path / "elsewhere", lambda: STATE, Notice(), lambda *_: {})
    control.start()
    assert status(config).stdout == TEXT
    control.stop()


@pytest.mark.usefixtures("journaled")
def test_without_an_agent_the_journal_is_read_and_left_as_it_is(config: Path, tmp_path: Path) -> None:
    before = (tmp_path / "state" / JOURNAL).read_bytes()
    shown = status(config)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.splitlines()[:4] == [
        "station ST-42: in service, version 0.1.0",
        "agent: not running, this is what its journal says",
        "slot 1: charging, lock locked, light blue",
        "  session S-1 of card ..E5F6 since 2027-01-15T08:00:00.000Z",
    ]
    assert shown.stdout.splitlines()[4] == "owed: nothing"
    state = json.loads(status(config, "--json").stdout)
    assert state.keys() == STATE.keys()
    assert state["supplier"] == {"reachable": False, "since": None}
    assert (tmp_path / "state" / JOURNAL).read_bytes() == before
    assert CARD not in shown.output + json.dumps(state)


def test_without_an_agent_and_a_journal_there_is_nothing_to_say(config: Path, tmp_path: Path) -> None:
    shown = status(config)
    assert shown.exit_code == 1
    assert shown.stdout == ""
    assert "There is no journal" in shown.stderr
    assert not (tmp_path / "state").exists()


@pytest.mark.usefixtures("journaled")
def test_a_damaged_journal_is_told(config: Path, tmp_path: Path) -> None:
    (tmp_path / "state" / JOURNAL).write_bytes(b"x" * 8192)
    shown = status(config)
    assert shown.exit_code == 1
    assert "cannot be read" in shown.stderr


@pytest.mark.usefixtures("journaled")
def test_an_agent_that_hangs_up_is_not_taken_for_none(config: Path, tmp_path: Path) -> None:
    control = Control(tmp_path / "state" / "run", lambda: STATE["nothing"], Notice(), lambda *_: {})
    control.start()
    shown = status(config)
    control.stop()
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert "hung up; ask again" in shown.stderr


def test_a_station_that_owes_nothing_and_has_its_clock_says_little() -> None:
    calm = STATE | {"faults": [], "mainLight": "off", "clockSet": True, "available": True, "slots": []}
    calm |= {"owed": {"supplier": 0, "broker": 0, "refused": 0, "oldest": None}}
    assert list(lines(calm, running=False)) == [
        "station ST-42: in service, version 0.1.0",
        "agent: not running, this is what its journal says",
        "owed: nothing",
    ]


def test_a_fault_in_the_journal_is_shown(config: Path, tmp_path: Path) -> None:
    fault = Fault(code="LockFailed", slot=1, title="Lock Failed\n\x1b[2J", raised=at())
    journal = Journal(tmp_path / "state" / JOURNAL)
    before = Station(slots={1: Slot(number=1)})
    after = Station(slots=before.slots, faults={fault.key: fault})
    journal.stage(Writing(fact=CardTapped(at=at(), id="f", card=CARD), before=before, after=after))
    journal.close()
    told = r"fault LockFailed of slot 1 (out-of-order) since 2027-01-15T08:00:00.000Z: Lock Failed\n\x1b[2J"
    assert told in status(config).stdout.splitlines()
