"""TLS to a real mosquitto with real certificates: whatever can be wrong, told in words, mended without a restart."""

import logging
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.mailbox import Box
from support.mqtt import Listener, Mosquitto, eventually, free_port
from support.tls_cases import CASES, Case, Store, Used

from agent.broker import Broker
from agent.clock import Clock
from agent.config.settings import MqttSettings

EVENT = "stations/ST-42/events/x"
WELL = Case("well", "", wants_client=True, cert="client")

LIMITS = """openssl_conf = here
[here]
ssl_conf = limits
[limits]
system_default = versions
[versions]
MinProtocol = TLSv1.1
MaxProtocol = TLSv{newest}
CipherString = ALL:@SECLEVEL=0
"""
"""mosquitto itself knows only an oldest version."""


class Bench:
    """A mosquitto with a TLS port beside its plain one, and stations that owe something."""

    def __init__(self, mosquitto: Mosquitto) -> None:
        self.mosquitto = mosquitto
        self.tls_port = free_port()
        self.box = Box()
        self._made: list[Broker] = []

    def serve(self, used: Used, *, newest: str = "1.3") -> None:
        """Start the broker anew with these files."""
        lines = [
            f"listener {self.tls_port} 127.0.0.1",
            f"certfile {used.server}",
            f"keyfile {used.server_key}",
            *([f"cafile {used.server_ca}", "require_certificate true"] if used.case.wants_client else []),
        ]
        limits = self.mosquitto.folder / "openssl.cnf"
        limits.write_text(LIMITS.format(newest=newest))
        self.mosquitto.env = {"OPENSSL_CONF": str(limits)}
        self.mosquitto.stop()
        self.mosquitto.extra = "\n".join(lines)
        self.mosquitto.other_ports = (self.tls_port,)
        self.mosquitto.start()

    def station(self, **others: object) -> Broker:
        """Connect, again and again."""
        settings = MqttSettings(port=self.tls_port, tls=True, **others)  # type: ignore[arg-type]
        about = {"version": "1", "boot_id": "b", "clock": Clock(), "pause": lambda _: 0.05}
        self._made.append(Broker(settings, "ST-42", self.box, lambda _: None, **about))  # type: ignore[arg-type]
        self._made[-1].start()
        return self._made[-1]

    def connects(self) -> int:
        """How often anybody has connected since the start."""
        return (self.mosquitto.folder / "mosquitto.log").read_text().count("New connection from")

    def close(self) -> None:
        for broker in self._made:
            broker.stop()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def bench(mosquitto: Mosquitto) -> Iterator[Bench]:
    bench = Bench(mosquitto)
    yield bench
    bench.close()


@pytest.fixture
def complaints(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.WARNING, "agent.broker")
    return lambda: list(caplog.messages)


def _online(broker: Broker) -> bool:
    return eventually(lambda: broker.connection().reachable)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_wrong_is_named_once_and_mended_without_a_restart(
    bench: Bench, store: Store, tmp_path: Path, complaints: Callable[[], list[str]], case: Case
) -> None:
    used = Used(store, tmp_path, case)
    bench.serve(used, newest=case.newest)
    bench.box.put("owed", topic=EVENT)
    tried: list[int] = []
    station = bench.station(**used.station)
    station._pause = lambda attempt: tried.append(attempt) or 0.02  # type: ignore[func-returns-value]
    assert eventually(lambda: len(tried) >= 3)
    assert len(complaints()) == 1, complaints()
    assert re.search(case.said, complaints()[0]), complaints()
    assert not station.connection().reachable
    assert bench.box.owed == 1
    if used.mendable:
        used.mend()
        bench.serve(used)
        with Listener(bench.mosquitto.port, EVENT) as listener:
            assert _online(station)
            assert eventually(lambda: bench.box.owed == 0)
            assert {heard.payload for heard in listener.heard} <= {b"owed"}


def test_a_port_without_tls(bench: Bench, mosquitto: Mosquitto, complaints: Callable[[], list[str]]) -> None:
    bench.tls_port = mosquitto.port
    bench.station()
    assert eventually(lambda: bool(complaints()))
    assert "hung up during the TLS handshake: is this its port for TLS?" in complaints()[0]


def test_an_event_owed_under_an_expired_certificate_is_delivered_once_there_is_a_good_one(
    bench: Bench, store: Store, tmp_path: Path, complaints: Callable[[], list[str]]
) -> None:
    used = Used(store, tmp_path, Case("expired", "", server="expired"))
    bench.serve(used)
    bench.box.put("first", "second", topic=EVENT)
    station = bench.station(**used.station)
    assert eventually(lambda: bench.connects() >= 4)
    assert bench.box.owed == 2
    used.mend()
    bench.mosquitto.reload()
    with Listener(bench.mosquitto.port, EVENT):
        assert _online(station)
        assert eventually(lambda: bench.box.owed == 0)
    assert bench.box.delivered_payloads == ["first", "second"]
    assert len(complaints()) == 1


def test_new_certificates_end_the_connection_under_old_ones(bench: Bench, store: Store, tmp_path: Path) -> None:
    used = Used(store, tmp_path, WELL)
    bench.serve(used)
    station = bench.station(**used.station)
    assert _online(station)
    since = station.connection().since
    store.put("stranger", used.ca)
    store.put("stranger", used.server_ca)
    used.put("strange", used.server, used.server_key)
    used.put("client-strange", used.client, used.client_key)
    assert eventually(lambda: not station.connection().reachable)
    assert station.connection().since != since
    bench.serve(used)
    assert _online(station)


def test_a_new_password_is_used_and_ends_the_connection_under_the_old(
    bench: Bench, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    passwords, password = tmp_path / "passwords", tmp_path / "password"
    mosquitto = bench.mosquitto
    mosquitto.anonymous = False
    used = Used(store, tmp_path, Case("well", ""))
    _allow(passwords, "ST-42", "first-secret")
    password.write_text("first-secret\n")
    bench.serve(used)
    mosquitto.stop()
    mosquitto.extra += f"\npassword_file {passwords}"
    mosquitto.start()
    station = bench.station(username="ST-42", password_file=str(password), **used.station)
    assert _online(station)
    new = tmp_path / "new"
    new.write_text("second-secret\n")
    new.replace(password)
    assert eventually(lambda: "connecting anew" in caplog.text)
    assert eventually(lambda: "check username, password and its rights" in caplog.text)
    _allow(passwords, "ST-42", "second-secret")
    mosquitto.reload()
    assert _online(station)
    password.unlink()
    assert eventually(lambda: f"password_file {password} cannot be read: No such file" in caplog.text)
    password.write_text("second-secret")
    assert _online(station)
    assert "-secret" not in caplog.text


def _allow(file: Path, user: str, password: str) -> None:
    new = [] if file.exists() else ["-c"]
    subprocess.run(["mosquitto_passwd", *new, "-b", str(file), user, password], check=True, capture_output=True)
