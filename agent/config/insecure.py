"""Lines that leave the machine without TLS, because the config allows it: told at each start."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from agent.config.address import is_loopback
from agent.config.settings import Config


def open_lines(config: Config) -> Iterator[str]:
    """A warning for each line that somebody on the way can read and change."""
    supplier = urlsplit(config.supplier.url)
    if supplier.scheme == "http" and not is_loopback(supplier.hostname or ""):
        yield (
            f"The supplier at {supplier.hostname} is called without TLS (supplier.insecure): anybody on the way can "
            "read and change every call, its token and its cards."
        )
    if not config.mqtt.tls and not is_loopback(config.mqtt.host):
        yield (
            f"The broker at {config.mqtt.host} is spoken to without TLS (mqtt.insecure): anybody on the way can "
            "read and change every event and command, the password and the cards."
        )
