"""What the simulated station is made of, before it runs."""

import tomllib
from pathlib import Path
from typing import Any, cast

import pytest

from agent.config import ConfigError, load
from agent.config.places import config_file
from agent.simulator.agent_process import AgentProcess
from agent.simulator.broker import SimulatedBroker
from agent.simulator.keeper import load_simulated, switches, write_config
from agent.simulator.supplier_server import SupplierServer

SLOT = '[[slots]]\nnumber = 1\nlights = [8, 15]\n[slots.lock]\nkind = "solenoid"\npin = 17\n'
MINE = f"""
[station]
id = "ST-7"
[hardware]
kind = "simulated"
[supplier]
driver_wait_s = 2.0
token_file = "/etc/secret"
[mqtt]
host = "broker.example"
port = 2883
username = "station"
password_file = "/etc/secret"
remote_cards = true
[policy]
retap_guard_s = 1.0
{SLOT}"""


class Broker:
    """As much of a broker as counts."""

    port = 1884
    protocol = 4

    def __init__(self) -> None:
        self.done: list[str] = []

    def down(self) -> None:
        self.done.append("down")

    def up(self) -> None:
        self.done.append("up")


class Supplier:
    """As much of a supplier as counts."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def inject(self, name: str) -> None:
        self.done.append(f"+{name}")

    def clear(self, name: str) -> None:
        self.done.append(f"-{name}")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    file = tmp_path / "mine.toml"
    file.write_text(MINE)
    return file


def test_the_shipped_config_is_one() -> None:
    assert load_simulated(config_file("simulated.toml")).mqtt.port == 1883


def test_the_supplier_may_be_left_out_and_the_port_is_the_configs(mine: Path) -> None:
    config = load_simulated(mine)
    assert config.mqtt.port == 2883
    assert config.station.id == "ST-7"


def test_a_real_stations_config_is_refused() -> None:
    with pytest.raises(ConfigError, match=r'hardware\.kind = "raspberry-pi": should be "simulated"'):
        load_simulated(config_file("station.toml"))


def test_the_agent_gets_the_simulated_neighbours_and_no_secrets(mine: Path, tmp_path: Path) -> None:
    write_config(mine, tmp_path, "http://127.0.0.1:5/api/v2", cast("SimulatedBroker", Broker()))
    written = tmp_path / "station.toml"
    config = load(written)
    assert config.supplier.url == "http://127.0.0.1:5/api/v2"
    assert config.supplier.driver_wait_s == 2.0
    assert (config.mqtt.host, config.mqtt.port, config.mqtt.protocol) == ("127.0.0.1", 1884, 4)
    assert config.mqtt.remote_cards
    assert config.station.state_dir == tmp_path / "agent"
    assert config.policy.retap_guard_s == 1.0
    tables: dict[str, Any] = tomllib.loads(written.read_text())
    assert not {"token_file", "password_file", "username"} & (tables["supplier"].keys() | tables["mqtt"].keys())


def test_a_folder_that_the_agent_would_refuse_is_refused_at_once(mine: Path, tmp_path: Path) -> None:
    (tmp_path / "a\nb").mkdir()
    with pytest.raises(ConfigError, match=r"station\.state_dir"):
        write_config(mine, tmp_path / "a\nb", "http://127.0.0.1:5/api/v2", cast("SimulatedBroker", Broker()))


def test_every_fault_has_its_switch(tmp_path: Path) -> None:
    supplier, broker = Supplier(), Broker()
    agent = AgentProcess(tmp_path, tmp_path, print, print)
    made = switches(cast("SupplierServer", supplier), cast("SimulatedBroker", broker), agent)
    assert list(made) == [
        "supplier-down",
        "supplier-slow",
        "supplier-errors",
        "supplier-lost-answers",
        "pay-refused",
        "broker-down",
        "disk-full",
    ]
    for name in ("supplier-slow", "broker-down"):
        made[name](True)
        made[name](False)
    assert supplier.done == ["+supplier-slow", "-supplier-slow"]
    assert broker.done == ["down", "up"]
