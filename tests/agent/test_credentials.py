"""Secrets come from files or from systemd's credentials."""

from pathlib import Path

import pytest

from agent.config import parse
from agent.config.credentials import with_credentials

LEAST = """
[station]
id = "ST-42"
[supplier]
url = "https://supplier.example/api"
{token}
[[slots]]
number = 1
lights = [8, 15]
[slots.lock]
kind = "solenoid"
pin = 17
"""


def test_credentials_stand_in_for_files_that_are_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    for name in ("supplier-token", "mqtt-password"):
        (tmp_path / name).write_text("secret")
    config = with_credentials(parse(LEAST.format(token=""), "least"))
    assert config.supplier.token_file == str(tmp_path / "supplier-token")
    assert config.mqtt.password_file == str(tmp_path / "mqtt-password")


def test_a_file_that_is_named_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "supplier-token").write_text("secret")
    config = with_credentials(parse(LEAST.format(token='token_file = "/etc/own"'), "least"))
    assert config.supplier.token_file == "/etc/own"


@pytest.mark.parametrize("folder", ["", "here"])
def test_without_credentials_nothing_is_named(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", folder and str(tmp_path))
    config = with_credentials(parse(LEAST.format(token=""), "least"))
    assert (config.supplier.token_file, config.mqtt.password_file) == ("", "")


def test_the_blank_default_of_the_unit_is_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    for name in ("supplier-token", "mqtt-password"):
        (tmp_path / name).write_text("\n")
    config = with_credentials(parse(LEAST.format(token=""), "least"))
    assert (config.supplier.token_file, config.mqtt.password_file) == ("", "")
