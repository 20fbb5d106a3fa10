"""Lines without TLS to other machines: allowed only on request, and told at each start."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from config_files import LEAST

from agent import logs
from agent.config import ConfigError, parse
from agent.config.insecure import open_lines

SUPPLIER = {"supplier": {"url": "http://10.0.0.1/api", "insecure": True}}
BROKER = {"mqtt": {"host": "10.0.0.2", "tls": False, "insecure": True}}


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (SUPPLIER, ["supplier at 10.0.0.1"]),
        (BROKER, ["broker at 10.0.0.2"]),
        ({**SUPPLIER, **BROKER}, ["supplier at 10.0.0.1", "broker at 10.0.0.2"]),
        ({"supplier": {"url": "https://10.0.0.1", "insecure": True}, "mqtt": {"host": "10.0.0.2"}}, []),
        ({"supplier": {"url": "http://localhost:8080/api"}, "mqtt": {"host": "::1"}}, []),
        ({"supplier": {"url": "http://[::1]:8080"}, "mqtt": {"host": "127.0.0.9", "insecure": True}}, []),
    ],
)
def test_what_is_warned_of(overrides: dict[str, Any], named: list[str]) -> None:
    warnings = list(open_lines(parse(LEAST, "least", overrides)))
    assert len(warnings) == len(named)
    assert all(name in warning for name, warning in zip(named, warnings, strict=True))


@pytest.mark.parametrize("overrides", [SUPPLIER, BROKER])
def test_without_the_word_it_is_a_mistake(overrides: dict[str, Any]) -> None:
    silent = {section: values | {"insecure": False} for section, values in overrides.items()}
    with pytest.raises(ConfigError, match="insecure = true said beside it"):
        parse(LEAST, "least", silent)


def test_run_warns_before_it_opens_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    command = import_module("agent.cli.run")
    monkeypatch.setattr(logs, "set_up", lambda: None)
    monkeypatch.setattr(command, "run", lambda *_: 0)
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    file = tmp_path / "station.toml"
    text = LEAST.replace("[station]", f'[station]\nstate_dir = "{tmp_path}"')
    text = text.replace('url = "https://', 'insecure = true\nurl = "http://')
    file.write_text(f'{text}\n[mqtt]\nhost = "10.0.0.2"\ntls = false\ninsecure = true\n')
    assert command.run_station(file) == 0
    warned = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len([line for line in warned if "without TLS" in line]) == 2
