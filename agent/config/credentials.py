"""Secrets that systemd hands over as credentials (systemd.exec(5), `LoadCredential=`): files, like all secrets here."""

import os
from dataclasses import replace
from pathlib import Path

from agent.config.settings import Config

TOKEN = "supplier-token"  # noqa: S105  the credential's name, not the token
PASSWORD = "mqtt-password"  # noqa: S105  the credential's name, not the password


def with_credentials(config: Config) -> Config:
    """The config with `token_file` and `password_file`, where unset, naming the credentials that were handed over."""
    return replace(
        config,
        supplier=replace(config.supplier, token_file=config.supplier.token_file or credential(TOKEN)),
        mqtt=replace(config.mqtt, password_file=config.mqtt.password_file or credential(PASSWORD)),
    )


def credential(name: str) -> str:
    """The file of a credential; empty if systemd handed over none of this name, or a blank one.

    A blank one is the default that the unit gives for a secret that nobody has set. Raises OSError.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    file = Path(folder, name)
    return str(file) if folder and file.is_file() and file.read_bytes().strip() else ""
