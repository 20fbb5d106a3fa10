"""Metrics over HTTP: who may ask, what is answered, and what happens when nobody can listen."""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse

import prometheus_client
import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.owing import HandClock

from agent.http.server import Server
from agent.metrics.catalogue import ATTEMPTS, COMMITS, TO_LIGHT, UPTIME, Found
from agent.metrics.exposition import Exposition
from agent.metrics.serving import AGAIN_S, Door
from agent.metrics.spread import Measure


def found() -> Iterator[Found]:
    measure = Measure([0.1, 1.0])
    measure.add(0.1)
    measure.add(5.0)
    yield Found(UPTIME, {(): 3.5})
    yield Found(ATTEMPTS, {("1",): 2, ("2",): 0})
    yield Found(TO_LIGHT, {(): measure.spread()})
    yield Found(COMMITS, {})


@contextmanager
def listening(listen: str, collect: Callable[[], Iterator[Found]] = found) -> Iterator[Server]:
    door = Door(listen, collect)
    assert door.step() == float("inf")
    try:
        assert door._server
        yield door._server
    finally:
        door.close()


def get(server: Server, path: str = "/metrics", method: str = "GET", **headers: str) -> tuple[HTTPResponse, str]:
    host = "127.0.0.1" if server.host == "0.0.0.0" else server.host
    with closing(HTTPConnection(host, server.port, timeout=5)) as line:
        line.request(method, path, headers=headers)
        answer = line.getresponse()
        return answer, answer.read().decode()


class TestExposition:
    def test_it_is_what_prometheus_reads(self) -> None:
        text = Exposition(found).text().decode()
        families = {family.name: family for family in text_string_to_metric_families(text)}
        assert families["station_uptime_seconds"].samples[0].value == 3.5
        attempts = {sample.labels["slot"]: sample.value for sample in families["station_lock_attempts"].samples}
        assert attempts == {"1": 2, "2": 0}
        light = families["station_tap_to_light_seconds"]
        assert light.type == "histogram"
        assert [(s.name.rpartition("_")[2], s.labels.get("le"), s.value) for s in light.samples] == [
            ("bucket", "0.1", 1),
            ("bucket", "1.0", 1),
            ("bucket", "+Inf", 2),
            ("count", None, 2),
            ("sum", None, 5.1),
        ]
        assert "process_resident_memory_bytes" in families
        assert "station_journal_commits" not in families, "a metric without values is left out"

    def test_it_leaves_the_librarys_own_registry_alone(self) -> None:
        Exposition(found).text()
        assert b"station_" not in prometheus_client.generate_latest()

    def test_however_many_ask_the_figures_are_collected_once_a_second(self) -> None:
        asked = []
        clock = HandClock()

        def counting() -> Iterator[Found]:
            asked.append(clock())
            yield Found(UPTIME, {(): float(len(asked))})

        exposition = Exposition(counting, clock=clock)
        texts = {exposition.text() for _ in range(50)}
        assert (len(asked), len(texts)) == (1, 1)
        clock.pass_(1.0)
        assert exposition.text() not in texts
        assert len(asked) == 2


class TestWhoMayAsk:
    def test_a_scrape(self) -> None:
        with listening("127.0.0.1:0") as server:
            answer, text = get(server)
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        assert "station_uptime_seconds 3.5" in text

    @pytest.mark.parametrize("headers", [{"Host": "rebound.example"}, {"Origin": "https://rebound.example"}])
    def test_on_loopback_no_web_site_that_a_browser_shows_reads_it(self, headers: dict[str, str]) -> None:
        with listening("127.0.0.1:0") as server:
            answer, text = get(server, **headers)
        assert answer.status == 403
        assert "station_" not in text

    def test_elsewhere_a_server_asks_by_whatever_name_it_knows(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("INFO")
        with listening("0.0.0.0:0") as server:
            answer, _ = get(server, Host="st-42.stations.example:9108")
        assert answer.status == 200
        assert "metrics for everybody who reaches this address at http://0.0.0.0:" in caplog.text

    @pytest.mark.parametrize(("path", "method", "status"), [("/", "GET", 404), ("/metrics", "POST", 405)])
    def test_there_is_nothing_else(self, path: str, method: str, status: int) -> None:
        with listening("127.0.0.1:0") as server:
            assert get(server, path, method)[0].status == status

    def test_a_figure_that_cannot_be_told_fails_the_scrape_and_nothing_else(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        troubles = [True, False]

        def collect() -> Iterator[Found]:
            if troubles.pop(0):
                raise RuntimeError("no idea")
            yield Found(UPTIME, {(): 1.0})

        with listening("127.0.0.1:0", collect) as server:
            assert get(server)[0].status == 500
            assert get(server)[0].status == 200
        assert "no idea" in caplog.text

    def test_many_at_once_are_all_answered(self) -> None:
        statuses: list[int] = []
        with listening("127.0.0.1:0") as server:
            askers = [threading.Thread(target=lambda: statuses.append(get(server)[0].status)) for _ in range(20)]
            for asker in askers:
                asker.start()
            for asker in askers:
                asker.join(10)
        assert statuses == [200] * 20


class TestNobodyCanListen:
    def test_a_taken_address_is_told_once_and_tried_again(self, caplog: pytest.LogCaptureFixture) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as taken:
            listen = f"127.0.0.1:{taken.getsockname()[1]}"
            door = Door(listen, found)
            assert [door.step(), door.step()] == [AGAIN_S, AGAIN_S]
        assert caplog.text.count("no metrics, it is tried again: Cannot listen on") == 1
        assert door.step() == float("inf")
        door.close()

    def test_a_station_without_the_library_says_how_to_get_it(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.delitem(sys.modules, "agent.metrics.exposition")
        monkeypatch.setitem(sys.modules, "prometheus_client", None)
        door = Door("127.0.0.1:0", found)
        assert door.step() == float("inf")
        assert "install station-agent[metrics]" in caplog.text
        door.close()
