"""Secrets come from files or from systemd's credentials."""

from pathlib import Path

import pytest

from agent.config import ConfigError, credentials, parse
from agent.config.credentials import with_credentials

LEAST = """
[station]
id = "ST-42"
[supplier]
url = "https://supplier.example/api"
{supplier}
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
    config = with_credentials(parse(LEAST.format(supplier=""), "least"))
    assert config.supplier.token_file == str(tmp_path / "supplier-token")
    assert config.mqtt.password_file == str(tmp_path / "mqtt-password")


def test_a_file_that_is_named_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "supplier-token").write_text("secret")
    config = with_credentials(parse(LEAST.format(supplier='token_file = "/etc/own"'), "least"))
    assert config.supplier.token_file == "/etc/own"


@pytest.mark.parametrize("folder", ["", "here"])
def test_without_credentials_nothing_is_named(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", folder and str(tmp_path))
    config = with_credentials(parse(LEAST.format(supplier=""), "least"))
    assert (config.supplier.token_file, config.mqtt.password_file) == ("", "")


TLS = """
client_cert_file = "/etc/own.crt"
[mqtt]
tls = true
client_cert_file = "/etc/own.crt"
[web]
cert_file = "/etc/own.crt"
"""


def test_keys_stand_in_beside_the_certificates_that_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    names = ("supplier-client-key", "mqtt-client-key", "web-key", "web-token")
    for name in names:
        (tmp_path / name).write_text("secret")
    config = with_credentials(parse(LEAST.format(supplier=TLS), "least"))
    keys = (config.supplier.client_key_file, config.mqtt.client_key_file, config.web.key_file, config.web.token_file)
    assert keys == tuple(str(tmp_path / name) for name in names)
    config = with_credentials(parse(LEAST.format(supplier=""), "least"))
    assert (config.supplier.client_key_file, config.mqtt.client_key_file, config.web.key_file) == ("", "", "")


def test_a_certificate_whose_key_nobody_has_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "supplier-client-key").write_text("\n")
    with pytest.raises(
        ConfigError, match=r"supplier\.client_key_file is missing(.|\n)*mqtt\.client_key_file is missing"
    ):
        parse(LEAST.format(supplier=TLS), "least")


def test_who_was_not_started_by_systemd_finds_what_it_would_hand_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setattr(credentials, "CREDENTIALS", tmp_path)
    (tmp_path / "supplier-token").write_text("secret")
    config = with_credentials(parse(LEAST.format(supplier=""), "least"))
    assert (config.supplier.token_file, config.mqtt.password_file) == (str(tmp_path / "supplier-token"), "")


def test_the_blank_default_of_the_unit_is_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    for name in ("supplier-token", "mqtt-password"):
        (tmp_path / name).write_text("\n")
    config = with_credentials(parse(LEAST.format(supplier=""), "least"))
    assert (config.supplier.token_file, config.mqtt.password_file) == ("", "")
