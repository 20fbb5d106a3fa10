"""Secrets that systemd hands over as credentials (systemd.exec(5), `LoadCredential=`): files, like all secrets here."""

import os
from dataclasses import replace
from pathlib import Path

from agent.config.places import CREDENTIALS
from agent.config.settings import Config

TOKEN = "supplier-token"  # noqa: S105  the credential's name, not the token
PASSWORD = "mqtt-password"  # noqa: S105  the credential's name, not the password
CLIENT_KEYS = {"supplier": "supplier-client-key", "mqtt": "mqtt-client-key"}
"""By section of the config, what stands in for its `client_key_file`."""
WEB_KEY = "web-key"
WEB_TOKEN = "web-token"  # noqa: S105  the credential's name, not the token


def with_credentials(config: Config) -> Config:
    """The config with each secret's file, where unset, naming the credential that was handed over.

    A key stands in only beside a certificate that the config names.
    """
    supplier, mqtt, web = config.supplier, config.mqtt, config.web
    return replace(
        config,
        supplier=replace(
            supplier,
            token_file=supplier.token_file or credential(TOKEN),
            client_key_file=_key(supplier.client_cert_file, supplier.client_key_file, CLIENT_KEYS["supplier"]),
        ),
        mqtt=replace(
            mqtt,
            password_file=mqtt.password_file or credential(PASSWORD),
            client_key_file=_key(mqtt.client_cert_file, mqtt.client_key_file, CLIENT_KEYS["mqtt"]),
        ),
        web=replace(
            web,
            key_file=_key(web.cert_file, web.key_file, WEB_KEY),
            token_file=web.token_file or credential(WEB_TOKEN),
        ),
    )


def credential(name: str) -> str:
    """The file of a credential; empty if nobody handed over one of this name, or a blank one.

    A blank one is the default that the unit gives for a secret that nobody has set. Who was not started by systemd
    finds what it would hand over, if he may read that: so `check` sees what the service does. Raises OSError.
    """
    given = os.environ.get("CREDENTIALS_DIRECTORY")
    folder = CREDENTIALS if given is None else Path(given)
    file = folder / name
    if given == "" or not os.access(file, os.R_OK) or not file.is_file():
        return ""
    return str(file) if file.read_bytes().strip() else ""


def _key(certificate: str, named: str, name: str) -> str:
    return named or (credential(name) if certificate else "")
