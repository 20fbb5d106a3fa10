"""A token, password, key or CA file that cannot be used: the station starts, lets vehicles go, and owes the rest."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.bench import Bench

SECRET = "tok-3n-s3cret"
SECRETS = {"supplier": 'token_file = "{folder}/token"', "mqtt": 'username = "x"\npassword_file = "{folder}/password"'}
TLS = {
    "supplier": 'client_cert_file = "{folder}/cert.pem"\nclient_key_file = "{folder}"',
    "mqtt": 'tls = true\nca_file = "{folder}/ca.pem"',
}


@pytest.fixture
def charging(benches: Callable[..., Bench]) -> Bench:
    """A station with a vehicle, whose agent has been killed."""
    bench = benches(driver_wait_s=1.0)
    bench.start_session()
    bench.settled()
    bench.kill()
    return bench


def _configure(bench: Bench, lines: dict[str, str], folder: Path) -> None:
    text = bench.config.read_text()
    for section, said in lines.items():
        text = text.replace(f"[{section}]\n", f"[{section}]\n{said.format(folder=folder)}\n")
    bench.config.write_text(text)


def _lets_go(bench: Bench, *complaints: str) -> None:
    bench.log.clear()
    bench.spawn()
    bench.wait(lambda: bench.bolt(1) == "locked" and any("is ready" in line for line in bench.log), 40)
    bench.tap()
    bench.wait(lambda: bench.bolt(1) == "unlocked")
    for complaint in complaints:
        bench.wait(lambda wanted=complaint: any(wanted in line for line in bench.log))  # type: ignore[misc]
    assert bench.owed()["supplier"] > 0
    assert bench.once("session-ended") == []


def test_without_token_and_password_vehicles_go_and_the_rest_is_told_once_they_are_there(
    charging: Bench, tmp_path: Path
) -> None:
    _configure(charging, SECRETS, tmp_path)
    _lets_go(charging, f"token_file {tmp_path}/token cannot be read", f"password_file {tmp_path}/password cannot be")
    _told_with_secrets(charging, tmp_path / "token", tmp_path / "password")


def test_credentials_of_systemd_are_read_anew_too(charging: Bench, tmp_path: Path) -> None:
    token, password = tmp_path / "supplier-token", tmp_path / "mqtt-password"
    for file in (token, password):
        file.write_text(f"{SECRET}\nsecond line")
    charging.environment["CREDENTIALS_DIRECTORY"] = str(tmp_path)
    _configure(charging, {"mqtt": 'username = "x"'}, tmp_path)
    _lets_go(charging, f"token_file {token} must hold one line", f"password_file {password} must hold one line")
    _told_with_secrets(charging, token, password)


def _told_with_secrets(bench: Bench, *files: Path) -> None:
    for file in files:
        file.write_text(SECRET)
    bench.wait(lambda: bench.once("session-ended"), 40)
    bench.settled()
    assert not any(SECRET in line for line in bench.log)


def test_without_usable_certificates_vehicles_go(charging: Bench, tmp_path: Path) -> None:
    usable = charging.config.read_text()
    (tmp_path / "cert.pem").write_text("-----BEGIN CERTIFICATE-----")
    _configure(charging, TLS, tmp_path)
    charging.config.write_text(charging.config.read_text().replace('url = "http:', 'url = "https:'))
    _lets_go(charging, f"client_key_file {tmp_path} cannot be read", f"ca_file {tmp_path}/ca.pem cannot be read")
    charging.stop()
    charging.config.write_text(usable)
    charging.start()
    charging.wait(lambda: charging.once("session-ended"))
    charging.settled()
