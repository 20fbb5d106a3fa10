"""The metrics of a whole station: right numbers, no card, documented, and never in anybody's way."""

import platform
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from support.bench import CARD, OTHER, PREFIX, THIRD, Bench
from support.promtool import complaints, promtool

from agent.config.places import config_file
from agent.version import VERSION

Benches = Callable[..., Bench]

ON = {"metrics": "127.0.0.1:0"}
DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"^\| `((?:station|process)_\w+)` \| (\w+) \|([^|]*)\| [^|]+ \|$", re.MULTILINE)
ONLY_ON_A_PI = {"station_processor_temperature_celsius"}


@pytest.fixture
def metered(benches: Benches) -> Bench:
    return benches(**ON)


def shows(bench: Bench, wanted: Mapping[str, float]) -> None:
    """Wait until a scrape shows all of these."""
    bench.wait(lambda: wanted.items() <= bench.metrics().items(), 15)


def fault(code: str, *, scope: str = "station", slot: str = "", origin: str = "station") -> str:
    return f'station_fault{{code="{code}",origin="{origin}",scope="{scope}",severity="out-of-order",slot="{slot}"}}'


def test_a_session_a_refusal_and_a_fault_are_counted(metered: Bench) -> None:
    bench = metered
    bench.start_session()
    bench.start_session(OTHER)
    shows(
        bench,
        {
            "station_sessions": 2,
            "station_available": 1,
            'station_slot_status{slot="1",status="charging"}': 1,
            'station_slot_status{slot="1",status="free"}': 0,
            'station_taps_total{outcome="started",reason=""}': 2,
            "station_sessions_started_total": 2,
            "station_tap_to_lock_seconds_count": 2,
            'station_supplier_calls_total{call="acquire",outcome="done"}': 2,
            'station_supplier_call_duration_seconds_count{call="ask"}': 2,
            "station_supplier_reachable": 1,
            "station_broker_reachable": 1,
            "station_clock_set": 1,
        },
    )
    bench.tap(THIRD)
    shows(bench, {'station_taps_total{outcome="refused",reason="no-slots"}': 1})
    bench.tap()
    bench.wait(lambda: bench.events("session-ended"))
    bench.settled()
    shows(
        bench,
        {
            "station_sessions": 1,
            'station_taps_total{outcome="ended",reason=""}': 1,
            'station_sessions_ended_total{ended_by="card",payment="paid"}': 1,
            "station_session_duration_seconds_count": 1,
            "station_tap_to_unlock_seconds_count": 1,
            "station_tap_to_light_seconds_count": 4,
            'station_lock_moves_total{slot="1"}': 3,
            'station_lock_attempts_total{slot="1"}': 2,
            'station_lock_failures_total{slot="1"}': 0,
            'station_owed{lane="sessions"}': 0,
            'station_owed{lane="broker"}': 0,
            'station_owed_oldest_age_seconds{lane="sessions"}': 0,
        },
    )
    bench.inbox(f"{PREFIX}faulted.v1", {"error": {"code": "Overcurrent", "slotNumber": 2}})
    raised = fault("Overcurrent", scope="slot", slot="2", origin="inbox")
    shows(bench, {raised: 1, raised.replace("station_fault{", "station_faults_raised_total{"): 1})
    figures = bench.metrics()
    assert figures[f'station_build_info{{id="ST-42",python="{platform.python_version()}",version="{VERSION}"}}'] == 1
    assert figures["station_reader_polls_total"] > 50
    assert figures['station_journal_commits_total{outcome="done"}'] >= 8
    assert 0 < figures["station_session_duration_seconds_sum"] < 60
    assert 0 <= figures["station_tap_to_light_seconds_sum"] < 4 * 0.1
    assert figures["process_resident_memory_bytes"] > 10_000_000
    assert figures['station_thread_heartbeat_age_seconds{thread="reader"}'] < 5
    assert figures['station_thread_busy_seconds{thread="metrics"}'] == 0


def test_what_is_owed_grows_old_and_a_supplier_that_is_gone_is_told(metered: Bench) -> None:
    bench = metered
    bench.start_session()
    bench.settled()
    bench.supplier.inject("supplier-down", {})
    bench.tap()
    shows(bench, {'station_owed{lane="sessions"}': 4, "station_supplier_reachable": 0, "station_sessions": 0})
    shows(bench, {'station_sessions_ended_total{ended_by="card",payment="owed"}': 1})
    bench.wait(lambda: bench.metrics()['station_owed_oldest_age_seconds{lane="sessions"}'] > 1)
    figures = bench.metrics()
    assert figures['station_supplier_calls_total{call="end",outcome="unreachable"}'] >= 1
    bench.supplier.clear("supplier-down")
    bench.settled()
    shows(bench, {'station_sessions_settled_total{payment="paid"}': 1, 'station_owed{lane="sessions"}': 0})


def test_what_was_refused_is_shown_as_set_aside(metered: Bench) -> None:
    bench = metered
    bench.start_session()
    bench.supplier.inject("end-refused", {"status": 422, "calls": ["end"]})
    bench.tap()
    shows(bench, {'station_set_aside{kind="acts"}': 2, 'station_supplier_calls_total{call="end",outcome="refused"}': 1})


def test_a_reader_that_dies_is_shown(metered: Bench) -> None:
    bench = metered
    bench.world.set_fault("reader-absent", True)
    shows(bench, {fault("ReaderFailure"): 1, "station_available": 0})
    figures = bench.metrics()
    assert figures["station_reader_failures_total"] >= 2
    assert figures["station_reader_resets_total"] >= 1
    assert figures[fault("ReaderFailure").replace("station_fault{", "station_faults_raised_total{")] == 1


def test_a_busy_station_is_scraped_and_a_scraped_one_is_quick(metered: Bench) -> None:
    bench = metered
    bench.supplier.inject("supplier-slow", {"seconds": 1.0, "calls": ["ask"]})
    bench.hold()
    assert bench.metrics()["station_drivers_waiting"] == 1, "main waits for nobody, and a scrape not for main"
    bench.wait(lambda: bench.events("session-started"))
    bench.world.remove(CARD)
    bench.supplier.clear("supplier-slow")
    scraping = subprocess.Popen([sys.executable, "-c", HAMMER, bench.metrics_url()])
    try:
        for _ in range(3):
            bench.tap()
            bench.wait(lambda: bench.slot(1)["status"] in ("free", "charging") and not bench.owed()["supplier"])
    finally:
        scraping.send_signal(signal.SIGTERM)
        scraping.wait(10)
    shows(
        bench,
        {
            'station_taps_total{outcome="started",reason=""}': 2,
            'station_taps_total{outcome="ended",reason=""}': 2,
        },
    )
    assert 0 < bench.metrics()["station_tap_to_light_seconds_count"] <= 4


HAMMER = """
import sys, threading, urllib.request
def scrape():
    while True:
        urllib.request.urlopen(sys.argv[1], timeout=10).read()
for _ in range(3):
    threading.Thread(target=scrape, daemon=True).start()
threading.Event().wait(60)
"""


def test_the_station_runs_though_nobody_can_listen_for_scrapes(benches: Benches) -> None:
    bench = benches(metrics="192.0.2.1:9108")
    bench.start_session()
    bench.wait_line("no metrics, it is tried again")


def test_without_listen_nothing_of_it_is_loaded(bench: Bench) -> None:
    bench.stop()
    bench.program = TELLING + bench.program
    bench.start()
    bench.start_session()
    assert bench.stop() == 0
    assert "loaded: []" in bench.log


TELLING = """
import atexit, sys
def tell():
    print("loaded:", [name for name in sys.modules if "prometheus" in name or "agent.metrics" in name], file=sys.stderr)
atexit.register(tell)
"""


# What is said about metrics elsewhere.


def exposed(text: str) -> Iterator[tuple[str, str, str]]:
    """Name, kind and labels of every metric of a scrape."""
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        yield name, family.type, ", ".join(sorted(labels))


def asked_for() -> set[str]:
    """The metrics that alert rules and dashboard ask for."""
    rules = yaml.safe_load(config_file("prometheus/station-alerts.yml").read_text(encoding="utf-8"))
    asked = " ".join(rule["expr"] for group in rules["groups"] for rule in group["rules"])
    asked += config_file("grafana/station.json").read_text(encoding="utf-8")
    names = set(re.findall(r"\b(?:station|process)_[a-z_]+", asked))
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}


def test_what_is_exposed_is_documented_asked_for_and_well_formed(metered: Bench) -> None:
    bench = metered
    bench.start_session()
    text = bench.scrape()
    assert complaints(promtool("check", "metrics", said=text)) == ""
    there = set(exposed(text))
    documented = {
        (name, kind, ", ".join(sorted(label.strip("` ") for label in labels.split(",") if label.strip())))
        for name, kind, labels in ROW.findall(DOCS.read_text(encoding="utf-8"))
    }
    assert {row for row in documented if row[0] not in ONLY_ON_A_PI} == {
        row for row in there if row[0] not in ONLY_ON_A_PI
    }
    assert asked_for() <= {name for name, _, _ in there} | ONLY_ON_A_PI
