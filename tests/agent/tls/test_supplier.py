"""TLS to the supplier with real certificates: whatever can be wrong, told in words, and mended without a restart."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.mqtt import eventually
from support.tls_cases import CASES, Case, Store, Used
from support.tls_supplier import TlsSupplier

from agent.answers import Delivered, Undelivered
from agent.config.settings import SupplierSettings
from agent.effects import Act, ActName
from agent.heartbeats import Hearts
from agent.journal.rows import OwedRow
from agent.outbox import Outbox
from agent.supplier import Supplier
from agent.threads import Crew, Pool

CARD = "04A1B2C3D4E5F6"
START = Act(name=ActName.START, key="k", lane="S", session="S")
WELL = Case("well", "", wants_client=True, cert="client")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def server() -> Iterator[TlsSupplier]:
    with TlsSupplier() as serving:
        yield serving


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "agent.supplier")


def _station(server: TlsSupplier, **others: str) -> Supplier:
    return Supplier(SupplierSettings(url=server.url, **others), "ST-42", frozenset({1}))  # type: ignore[arg-type]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_wrong_is_named_once_and_mended_without_a_restart(
    server: TlsSupplier, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture, case: Case
) -> None:
    used = Used(store, tmp_path, case)
    clients = used.server_ca if case.wants_client else None
    server.secure(used.server, used.server_key, clients, case.newest)
    station = _station(server, **used.station)
    for repeated in (False, True):
        assert isinstance(station.deliver(START, repeated=repeated), Undelivered)
    assert len(caplog.messages) == 1
    assert re.search(case.said, caplog.text), caplog.text
    assert not station.connection().reachable
    assert server.asked == []
    if used.mendable:
        used.mend()
        server.secure(used.server, used.server_key, clients)
        assert station.deliver(START, repeated=True) == Delivered(status=200)
        assert [key for key, _ in server.asked] == ["k"]
        assert caplog.messages[1:] == ["The supplier is reached again."]
    station.close()


def test_a_port_without_tls(server: TlsSupplier, caplog: pytest.LogCaptureFixture) -> None:
    station = _station(server)
    station.probe()
    assert "it speaks no TLS on this port" in caplog.text
    station.close()


def test_an_act_owed_under_an_expired_certificate_is_delivered_once_there_is_a_good_one(
    server: TlsSupplier, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    used = Used(store, tmp_path, Case("expired", "", server="expired"))
    server.secure(used.server, used.server_key)
    station = _station(server, **used.station)
    outbox = Outbox(station, lambda *_, **__: None, pay_wait_s=3, uniform=lambda _low, _high: 0.02)
    lock = Act(name=ActName.LOCK, key="k", lane="S", slot=1)
    outbox.restore([OwedRow(id=1, act=lock, since=0.0)])

    def stop() -> None:
        outbox.stop()
        station.close()

    with Crew() as crew:
        crew.start(Pool("supplier", 1, outbox.run, stop, Hearts()))
        assert eventually(lambda: server.connections >= 4)
        assert outbox.owed() == (1, 0.0)
        assert server.asked == []
        used.mend()
        server.secure(used.server, used.server_key)
        assert eventually(lambda: outbox.owed()[0] == 0)
    assert [key for key, _ in server.asked] == ["k"]
    assert len([line for line in caplog.messages if "its certificate expired" in line]) == 1


@pytest.mark.parametrize("probed", [False, True])
def test_new_certificates_are_taken_and_connections_under_old_ones_closed(
    server: TlsSupplier, store: Store, tmp_path: Path, probed: bool
) -> None:
    used = Used(store, tmp_path, WELL)
    server.secure(used.server, used.server_key, used.server_ca)
    station = _station(server, **used.station)
    for _ in range(2):
        assert station.ask(CARD) == Delivered(status=200)
    assert (server.connections, server.open) == (1, 1)
    store.put("stranger", used.ca)
    store.put("stranger", used.server_ca)
    used.put("strange", used.server, used.server_key)
    used.put("client-strange", used.client, used.client_key)
    server.secure(used.server, used.server_key, used.server_ca)
    if probed:
        station.probe()
        assert eventually(lambda: server.open == 0)
    assert station.ask(CARD) == Delivered(status=200)
    assert station.ask(CARD) == Delivered(status=200)
    assert server.connections == (3 if probed else 2)
    assert eventually(lambda: server.open == 1)
    station.close()


def test_nothing_goes_over_an_old_connection_while_new_files_are_no_good(
    server: TlsSupplier, store: Store, tmp_path: Path
) -> None:
    used = Used(store, tmp_path, WELL)
    server.secure(used.server, used.server_key, used.server_ca)
    station = _station(server, **used.station)
    assert station.ask(CARD) == Delivered(status=200)
    store.put("server", used.client_key)
    assert isinstance(station.ask(CARD), Undelivered)
    assert eventually(lambda: server.open == 0)
    store.put("client", used.client_key)
    assert station.ask(CARD) == Delivered(status=200)
    station.close()


def test_a_new_token_counts_at_once(server: TlsSupplier, store: Store, tmp_path: Path) -> None:
    used = Used(store, tmp_path, WELL)
    server.secure(used.server, used.server_key, used.server_ca)
    token = tmp_path / "token"
    token.write_text("first\n")
    station = _station(server, token_file=str(token), **used.station)
    station.deliver(START, repeated=False)
    token.write_text("second\n")
    station.deliver(START, repeated=False)
    assert [said for _, said in server.asked] == ["Bearer first", "Bearer second"]
    station.close()
