"""A secret goes to the one it is for, and stands in nothing that people or other programs read."""

import logging
import traceback
from pathlib import Path

import pytest
from config_files import LEAST
from support.mailbox import Box
from support.mqtt import Mosquitto, eventually
from support.tls_supplier import TlsSupplier

from agent.broker import Broker
from agent.clock import Clock
from agent.config import ConfigError, masked, parse
from agent.config.credentials import with_credentials
from agent.config.settings import MqttSettings, SupplierSettings
from agent.secret_files import UnusableFile, read_secret
from agent.supplier import Supplier

SECRET = "tok-3n-s3cret"
USER = "somebody:"
CONTENTS = [b"%s", b"%s\nsecond", b"%s\xff", b"%s\0", b"%s\x1b[2J", b"gr\xc3\xbcn %s", b" %s "]


@pytest.fixture(params=CONTENTS, ids=repr)
def secret_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file with the secret, well formed or not."""
    file = tmp_path / "secret"
    file.write_bytes(request.param % SECRET.encode())
    return file


def test_nothing_about_the_supplier_shows_the_token(secret_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with TlsSupplier() as server:
        url = server.url.replace("https", "http")
        supplier = Supplier(SupplierSettings(url=url, token_file=str(secret_file)), "ST-42", frozenset({1}))
        outcomes = [supplier.ask("04A1B2C3D4E5F6")]
        supplier.close()
        outcomes.append(supplier.ask("04A1B2C3D4E5F6"))
    assert SECRET not in repr(outcomes)
    assert SECRET not in caplog.text


def test_nothing_about_the_broker_shows_the_password(
    secret_file: Path, mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    mosquitto.stop()
    mosquitto.anonymous = False
    mosquitto.start()
    settings = MqttSettings(port=mosquitto.port, username="ST-42", password_file=str(secret_file))
    broker = Broker(settings, "ST-42", Box(), lambda _: None, version="1", boot_id="b", clock=Clock())
    broker.start()
    assert eventually(lambda: "No broker at" in caplog.text)
    broker.stop()
    assert SECRET not in caplog.text


@pytest.mark.parametrize("content", CONTENTS[1:4])
def test_no_exception_shows_a_secret(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content % SECRET.encode())
    with pytest.raises(UnusableFile) as caught:
        read_secret(str(file), "token_file")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_the_config_that_is_shown_has_no_secret_and_no_place_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    for name in ("supplier-token", "mqtt-password"):
        (tmp_path / name).write_text(SECRET)
    named = {section: {"client_cert_file": "/c", "client_key_file": "/k/key"} for section in ("supplier", "mqtt")}
    named["mqtt"] |= {"tls": True}  # type: ignore[dict-item]
    shown = str(masked(with_credentials(parse(LEAST, "least", named))))
    assert not [hidden for hidden in (SECRET, str(tmp_path), "/k/key") if hidden in shown]


@pytest.mark.parametrize("section", ["supplier", "mqtt"])
@pytest.mark.parametrize("key", ["token_file", "password_file", "client_key_file", "url", "token", "password"])
def test_a_secret_in_the_config_itself_is_refused_and_not_repeated(section: str, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(LEAST, "least", {section: {key: f"https://{USER}{SECRET}@h" if key == "url" else SECRET}})
    assert SECRET not in str(caught.value)
