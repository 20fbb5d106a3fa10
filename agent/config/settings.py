"""`station.toml` as typed values, with the contract's defaults (section 2).

An empty string is an unset value, as in the file. Files are named here and read only by who needs them.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hardware.wiring import Wiring


def state_directory() -> Path:
    """Where the station keeps its journal: systemd's first `$STATE_DIRECTORY`, else its usual place."""
    return Path(os.environ.get("STATE_DIRECTORY", "").partition(":")[0] or "/var/lib/station-agent")


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSettings:
    """`[station]`."""

    id: str
    state_dir: Path = field(default_factory=state_directory)
    history_days: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierSettings:
    """`[supplier]`. `url` has no slash at its end."""

    url: str
    ca_file: str = ""
    client_cert_file: str = ""
    client_key_file: str = ""
    token_file: str = ""
    request_timeout_s: float = 5.0
    driver_wait_s: float = 3.0
    insecure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings:
    """`[policy]`."""

    offline_start: Literal["deny", "known-cards"] = "deny"
    known_days: int = 90
    unpaid_release: Literal["release", "hold"] = "release"
    retap_guard_s: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings:
    """`[mqtt]`. What the file leaves open of `tls` is decided when it is read: off on loopback, on elsewhere."""

    host: str = "127.0.0.1"
    port: int = 1883
    tls: bool = False
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    client_cert_file: str = ""
    client_key_file: str = ""
    insecure: bool = False
    protocol: Literal[4, 5] = 5
    remote_cards: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsSettings:
    """`[events]`."""

    source: str = "https://ev-power-supplier.com"
    triggers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSettings:
    """`[workflow]`."""

    where: Literal["local", "supplier"] = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """`[web]`. `listen` is `host:port`, or empty: no page."""

    listen: str = ""
    cert_file: str = ""
    key_file: str = ""
    token_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    """`[metrics]`. `listen` is `host:port`, or empty: no metrics."""

    listen: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything `station.toml` says; `wiring` holds `[hardware]`, `[reader]`, `[lights]` and `[[slots]]`."""

    station: StationSettings
    wiring: Wiring
    supplier: SupplierSettings
    policy: PolicySettings
    mqtt: MqttSettings
    events: EventsSettings
    workflow: WorkflowSettings
    web: WebSettings
    metrics: MetricsSettings
