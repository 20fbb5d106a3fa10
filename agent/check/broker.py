"""The broker: whether it takes the station's connection and its messages."""

from collections.abc import Iterator

from agent.broker.dial import dial
from agent.broker.mail import BrokerError
from agent.broker.trial import NotAuthorised, try_broker
from agent.check.finding import Finding, failed, ok, warning
from agent.config.settings import MqttSettings
from agent.secret_files import UnusableFile
from agent.tls import Tls

PART = "broker"
OLD_PROTOCOL = 4
DIAL_S = 5.0
TLS_MEND = "put the broker's CA into [mqtt] ca_file, and check [mqtt] host"


def away(settings: MqttSettings) -> Iterator[Finding]:
    """Why a running agent is not connected: dial, and hang up before a word; the agent's connection is its own."""
    where = f"{settings.host}:{settings.port}"
    try:
        tls = Tls(settings.ca_file, settings.client_cert_file, settings.client_key_file) if settings.tls else None
        dial(settings.host, settings.port, timeout_s=DIAL_S, given_up=lambda: False, tls=tls).close()
    except OSError as error:
        yield _unreachable(where, error)
    else:
        yield failed(PART, f"{where} takes connections, but the agent has none", "see the agent's log for why")


def look(settings: MqttSettings, station_id: str) -> Iterator[Finding]:
    """Connect as the station, and say once more that it is offline, which it is."""
    where = f"{settings.host}:{settings.port}"
    try:
        try_broker(settings, station_id)
    except NotAuthorised as error:
        yield failed(PART, f"{where}: {error}", "check [mqtt] username, password_file and the broker's ACL")
    except BrokerError as error:
        yield failed(PART, f"{where}: {error}", "see the broker's log")
    except OSError as error:
        yield _unreachable(where, error)
    else:
        yield ok(PART, f"{where} takes the station's messages")
    yield from protocol(settings)


def protocol(settings: MqttSettings) -> Iterator[Finding]:
    """What an old one keeps from being seen (contract section 4)."""
    if settings.protocol == OLD_PROTOCOL:
        said = "MQTT 3.1.1 answers a forbidden message with success, so it would be lost unseen"
        yield warning(PART, said, "set [mqtt] protocol = 5 if the broker can, and check its ACL by hand")


def _unreachable(where: str, error: OSError) -> Finding:
    if isinstance(error, UnusableFile):
        return failed(PART, str(error), "put a usable file there; a running agent takes it up by itself")
    mend = TLS_MEND if "certificate" in str(error).lower() else "check [mqtt] host, port and tls, and the broker"
    return failed(PART, f"{where} cannot be reached ({error})", mend)
