"""`station-agent command`: an operator beside a real broker and a whole station."""

import json

import pytest
from click.testing import CliRunner, Result
from support.bench import Bench
from support.mqtt import free_port

from agent.cli import main

pytestmark = pytest.mark.covered


def command(bench: Bench, *words: str) -> Result:
    """One command, in this process."""
    return CliRunner().invoke(main, ["command", *words, "--broker", f"mqtt://127.0.0.1:{bench.mosquitto.port}"])


def said(bench: Bench, *words: str) -> object:
    """What a command prints that does well."""
    result = command(bench, *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_an_operator_opens_ends_and_looks(bench: Bench) -> None:
    assert said(bench, "ST-42", "ping") == {"stationId": "ST-42"}
    session = bench.start_session()
    refused = command(bench, "--station", "ST-42", "unlock", "1")
    assert (refused.exit_code, refused.stderr) == (1, "station-agent: In Use: Slot 1 has a session: use end.\n")
    assert said(bench, "--station", "ST-42", "end", session) == {"slotNumber": 1, "seen": "unlocked"}
    assert said(bench, "ST-42", "unlock", "2", "--force") == {"slotNumber": 2, "seen": "unlocked"}
    assert said(bench, "ST-42", "availability", "2", "off") == {"slotNumber": 2, "available": False}
    assert said(bench, "ST-42", "availability", '{"slotNumber": 2, "available": true}')
    assert said(bench, "ST-42", "lights", "main", "flicker", "blue", "500") == {"target": "main"}
    found = said(bench, "ST-42", "diagnostics")
    assert isinstance(found, dict)
    assert found["status"]["stationId"] == "ST-42"


def test_asked_again_under_its_id_it_is_answered_again(bench: Bench) -> None:
    first = command(bench, "ST-42", "unlock", "1", "--id", "c-7")
    again = command(bench, "ST-42", "unlock", "1", "--id", "c-7")
    assert first.output == again.output != ""
    assert sum("asks to unlock" in line for line in bench.log) == 1


def test_a_station_that_is_away_is_sent_nothing(bench: Bench) -> None:
    bench.stop()
    result = command(bench, "ST-42", "unlock", "1")
    assert result.exit_code == 1
    assert "ST-42 is offline since" in result.stderr
    assert bench.heard("commands/") == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("ST-42",), "Say what it should do: ping, unlock"),
        (("ST-42", "unlok", "1"), "no command 'unlok'; known are ping, unlock"),
        (("ST-42", "unlock"), "slotNumber"),
        (("ST-42", "unlock", "one"), "Expected `int`"),
        (("ST-42", "unlock", "1", "2"), "'2' is too much"),
        (("ST-42", "availability", "maybe"), "takes on or off"),
        (("ST-42", "lights", "{"), "no JSON"),
        (("ST-42", "ping", "--broker", "mqtt://broker.example"), "use mqtts://"),
        (("ST-42", "ping", "--broker", "http://127.0.0.1"), "should be like mqtts://"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_sent(words: tuple[str, ...], says: str) -> None:
    result = CliRunner().invoke(main, ["command", *words])
    assert result.exit_code == 2
    assert says in result.stderr


def test_without_a_broker_it_says_so() -> None:
    unused_port = free_port()
    result = CliRunner().invoke(main, ["command", "ST-42", "ping", "--broker", f"mqtt://127.0.0.1:{unused_port}"])
    assert result.exit_code == 1
    assert f"no broker at 127.0.0.1:{unused_port}" in result.stderr
