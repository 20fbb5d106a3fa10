"""Beside a running agent: it is asked, and nothing of its is touched."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from support.clinic import Clinic, of

from agent.config import fingerprint, load
from agent.config.places import JOURNAL
from agent.control import Control, Notice
from agent.folders import held
from agent.version import VERSION

SINCE = "2026-11-22T10:00:00.000Z"


def slot(number: int, status: str = "free", wanted: str = "unlocked", seen: str = "unlocked") -> dict[str, Any]:
    return {"number": number, "status": status, "lock": {"wanted": wanted, "seen": seen}, "light": "off"}


def fault(code: str, severity: str = "out-of-order", number: int = 0, detail: str = "It is so.") -> dict[str, Any]:
    where = {"scope": "slot", "slotNumber": number} if number else {"scope": "station"}
    return {"code": code, **where, "severity": severity, "title": code, "detail": detail, "raisedAt": SINCE}


class Agent:
    """What an agent at work would answer."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic = clinic
        self.state: dict[str, Any] = {
            "version": VERSION,
            "slots": [slot(1), slot(2, "charging", "locked", "locked")],
            "faults": [],
            "owed": {"supplier": 1, "broker": 0, "refused": 0, "oldest": SINCE},
            "supplier": {"reachable": True, "since": SINCE},
            "broker": {"reachable": True, "since": SINCE},
        }
        self.health: dict[str, Any] = {
            "reader": {"well": True, "version": 0x92},
            "board": {"kind": "raspberry-pi", "lights": "none"},
            "config": fingerprint(load(clinic.config)),
        }


@pytest.fixture
def agent(clinic: Clinic) -> Iterator[Agent]:
    agent = Agent(clinic)
    control = Control(clinic.state / "run", lambda: agent.state, Notice(), lambda *_: {}, lambda: agent.health)
    control.start()
    yield agent
    control.stop()


@pytest.mark.usefixtures("agent")
def test_it_is_asked_and_the_parts_are_left_alone(clinic: Clinic) -> None:
    result = clinic.check()
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "station ST-42: an agent runs and was asked",
        "ok       config    raspberry-pi, lights none, slots: 1, 2",
        "ok       secrets   no files of keys or passwords",
        "ok       board     Raspberry Pi 4 Model B Rev 1.4",
        "ok       watchdog  restarts a Pi that hangs for 14 (RuntimeWatchdogSec)",
        "ok       memory    a leak ends in a new start and takes no more (MemoryMax)",
        f"ok       agent     version {VERSION} runs (raspberry-pi, lights none)",
        "ok       reader    an MFRC522 answers (version 0x92)",
        "ok       slot 1    free, its sensor shows unlocked",
        "ok       slot 2    charging, its sensor shows locked",
        f"ok       journal   owed: 1 to the supplier, the oldest since {SINCE}",
        f"ok       supplier  reachable since {SINCE}",
        f"ok       broker    reachable since {SINCE}",
        "ok       clock     set and synchronised",
        "the station could work: 0 failed, 0 warnings",
    ]
    assert clinic.lines.driven == []
    assert not (clinic.state / JOURNAL).exists()
    report = clinic.report("--local")
    assert (report["stationId"], report["ok"], report["agent"]) == ("ST-42", True, True)
    assert not {"supplier", "broker"} & {each["part"] for each in report["findings"]}


@pytest.mark.usefixtures("agent")
def test_move_is_refused(clinic: Clinic) -> None:
    result = clinic.check("--move", answers="y\ny\ny\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "An agent runs: stop it (systemctl stop station-agent)" in result.stderr
    assert clinic.lines.driven == []


def change(agent: Agent, **values: Any) -> None:
    agent.state.update(values)


@pytest.mark.parametrize(
    ("break_it", "part", "expected"),
    [
        (lambda a: change(a, version="0.0.1"), "agent", ("warning", f"version 0.0.1 runs, {VERSION} is installed")),
        (lambda a: a.health.update(config="x"), "agent", ("warning", "it started with another config than this file")),
        (lambda a: change(a, slots=[slot(1, "unknown", "unknown", "locked")]), "slot 1", ("warning", "nobody knows")),
        (
            lambda a: change(a, slots=[slot(1, seen="unknown")]),
            "slot 1",
            ("warning", "free, unlocked; its sensor says"),
        ),
        (
            lambda a: change(a, slots=[slot(1, "starting", "locked", "unlocked")]),
            "slot 1",
            ("ok", "starting, its sensor shows unlocked"),
        ),
        (
            lambda a: a.clinic.write_config({"sensor_pin = 27\n": ""}),
            "slot 1",
            ("warning", "free, unlocked; no sensor says so"),
        ),
        (
            lambda a: change(a, slots=[slot(1, seen="locked")]),
            "slot 1",
            ("failed", "free, so unlocked, but its sensor shows locked"),
        ),
        (
            lambda a: a.state["owed"].update(refused=2),
            "journal",
            ("warning", "2 refused and set aside"),
        ),
        (lambda a: change(a, faults=[fault("ReaderFailure")]), "reader", ("failed", f"ReaderFailure since {SINCE}")),
        (lambda a: change(a, faults=[fault("LowDisk", "warning")]), "disk", ("warning", "LowDisk since")),
        (lambda a: change(a, faults=[fault("LockFailed", number=2)]), "slot 2", ("failed", "LockFailed since")),
        (lambda a: change(a, faults=[fault("Overload", detail="")]), "agent", ("failed", "Overload since")),
        (lambda a: change(a, faults=[fault("ClockUnset", "warning")]), "clock", ("warning", "ClockUnset since")),
        (
            lambda a: change(a, supplier={"reachable": False, "since": None}),
            "supplier",
            ("failed", "no connection to the supplier at 127.0.0.1:9"),
        ),
        (
            lambda a: change(a, broker={"reachable": False, "since": SINCE}),
            "broker",
            ("failed", "127.0.0.1:9 cannot be reached (127.0.0.1: [Errno 111] Connection refused)"),
        ),
    ],
)
def test_what_it_knows_is_told(
    clinic: Clinic, agent: Agent, break_it: Callable[[Agent], None], part: str, expected: tuple[str, str]
) -> None:
    break_it(agent)
    found = of(clinic.findings(), part)
    assert any(level == expected[0] and said.startswith(expected[1]) for level, said in found), found


def test_a_reader_that_fails_is_told_by_its_fault_alone(clinic: Clinic, agent: Agent) -> None:
    agent.health["reader"]["well"] = False
    agent.state["faults"] = [fault("ReaderFailure", detail="The chip does not answer.")]
    assert of(clinic.findings("--local"), "reader") == [
        ("failed", f"ReaderFailure since {SINCE}: The chip does not answer. -> ")
    ]
    agent.health["reader"] = {"well": True, "version": None}
    assert ("ok", "answers -> ") in of(clinic.findings("--local"), "reader")


def test_a_broker_that_takes_connections_while_the_agent_has_none(clinic: Clinic, agent: Agent) -> None:
    agent.state["broker"] = {"reachable": False, "since": SINCE}
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        clinic.port = listener.getsockname()[1]
        clinic.write_config()
        ((level, said),) = of(clinic.findings(), "broker")
    assert level == "failed"
    assert "takes connections, but the agent has none -> see the agent's log" in said


def test_an_old_protocol_is_told_beside_an_agent_too(clinic: Clinic, agent: Agent) -> None:
    clinic.write_config({"[mqtt]\n": "[mqtt]\nprotocol = 4\n"})
    assert agent.state["broker"]["reachable"]
    assert [level for level, _ in of(clinic.findings(), "broker")] == ["ok", "warning"]


def test_an_agent_that_does_not_answer_keeps_its_parts(clinic: Clinic) -> None:
    with held(clinic.state, "a test"):
        result = clinic.check("--local")
    assert result.exit_code == 1
    assert "is in use by an agent that does not answer" in result.stdout
    assert clinic.lines.driven == []


def test_no_agent_starts_meanwhile(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    clinic.state.mkdir()
    free: list[bool] = []

    def look(*_: Any) -> Iterator[Any]:
        try:
            with held(clinic.state, "the doctor"):
                free.append(True)
        except Exception:  # noqa: BLE001  whatever keeps it away
            free.append(False)
        return iter(())

    monkeypatch.setattr("agent.check.reader.look", look)
    clinic.check("--local")
    assert free == [False]
    with held(clinic.state, "nobody"):
        pass
