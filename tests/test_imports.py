"""What the daemon imports: each module costs memory and time at every start, for as long as the station lives.

A part that is only there when it is configured belongs into none of these lists: it is imported when it is opened.
"""

import subprocess
import sys

import pytest

CODE = """
import sys
import agent.cli.run
print("\\n".join(sorted(sys.modules)))
"""
ROOMS = frozenset(
    [
        "agent.answers",
        "agent.broker",
        "agent.chronicle",
        "agent.cli",
        "agent.clock",
        "agent.commands",
        "agent.config",
        "agent.connection",
        "agent.control",
        "agent.daemon",
        "agent.desk",
        "agent.diagnostics",
        "agent.effects",
        "agent.ending",
        "agent.events",
        "agent.exchanges",
        "agent.face",
        "agent.facts",
        "agent.folders",
        "agent.happenings",
        "agent.health",
        "agent.heartbeats",
        "agent.jobs",
        "agent.journal",
        "agent.journald",
        "agent.keeping",
        "agent.lanes",
        "agent.log_limit",
        "agent.logs",
        "agent.lookups",
        "agent.notify",
        "agent.outbox",
        "agent.owed",
        "agent.plan",
        "agent.replies",
        "agent.report",
        "agent.road",
        "agent.rooms",
        "agent.secret_files",
        "agent.service",
        "agent.signals",
        "agent.state",
        "agent.story",
        "agent.supplier",
        "agent.teller",
        "agent.threads",
        "agent.tls",
        "agent.version",
        "agent.watch",
        "agent.watchdog",
        "agent.workflow",
    ]
)
"""The agent's own, by room: whoever adds one says so here."""
LIBRARIES = frozenset(
    [
        "certifi",
        "click",
        "cloudevents",
        "colorzero",
        "dateutil",
        "gpiozero",
        "idna",
        "lgpio",
        "mfrc522",
        "msgspec",
        "paho",
        "requests",
        "six",
        "spidev",
        "urllib3",
    ]
)
"""Packages that the daemon may load; some of them only when the board is opened."""
NOT_NEEDED = frozenset(
    [
        "asyncio",
        "charset_normalizer",
        "multiprocessing",
        "pdb",
        "pydoc",
        "unittest",
        "xml",
        "hardware.emulated.world",
        "hardware.emulated.chips",
        "hardware.strips.server",
        "hardware.strips.ws281x",
        "numpy",
    ]
)
"""Standard modules and parts that came in by accident before, or would be large."""
MOST = 512
"""Modules in all on Python 3.11, of which the standard library's change with its version."""


@pytest.fixture(scope="module")
def imported() -> frozenset[str]:
    """Modules of `station-agent run` before it opens anything, of a station that asks for nothing special."""
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    return frozenset(done.stdout.split())


def test_it_imports_these_rooms_and_no_others(imported: frozenset[str]) -> None:
    rooms = {".".join(name.split(".")[:2]) for name in imported if name.startswith("agent.")}
    assert rooms == ROOMS


def test_it_imports_no_library_but_these(imported: frozenset[str]) -> None:
    beside = {"agent", "hardware", "typing_extensions", "socks"}  # socks: requests tries it, selenium brings it
    tops = {name.partition(".")[0] for name in imported} - beside - sys.stdlib_module_names
    assert {name for name in tops if not name.startswith("_") and "coverage" not in name} <= LIBRARIES


def test_it_imports_nothing_that_it_does_not_need(imported: frozenset[str]) -> None:
    assert not imported & NOT_NEEDED


def test_it_imports_no_more_than_it_did(imported: frozenset[str]) -> None:
    assert len([name for name in imported if "coverage" not in name]) <= MOST


def test_the_guess_at_encodings_is_left_out_for_requests_alone() -> None:
    code = "import agent.supplier.exchange, charset_normalizer; charset_normalizer.from_bytes(b'')"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
