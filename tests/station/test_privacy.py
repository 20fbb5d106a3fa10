"""A card's UID is in clear in supplier calls and on `events/` alone, and is forgotten when its time is over."""

import json
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.bench import CARD, OTHER, PREFIX, THIRD, Bench
from support.mqtt import free_port
from support.page import Onlooker, page_of
from support.spelled import files_below, found_in, spellings

from agent.answers import NO_SLOTS
from agent.cli import main
from agent.control import ask
from agent.journal import Journal, Kept
from agent.simulator import dealings

pytestmark = pytest.mark.covered

Benches = Callable[..., Bench]

CARDS = (CARD, OTHER, THIRD)
DAYS_S = 86400.0
KEPT = Kept(history_days=30, known_days=90)


@pytest.fixture
def talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    """The supplier's problems name the cards, in every spelling there is."""
    honest = dealings._problem

    def problem(status: int, detail: str) -> dealings.Said:
        named = "" if detail == NO_SLOTS else f" {CARD} {CARD.lower()} {apart(CARD)}"
        return honest(status, detail + named)

    monkeypatch.setattr(dealings, "_problem", problem)


def apart(card: str) -> str:
    return ":".join(card[place : place + 2] for place in range(0, len(card), 2))


def command_lines(pid: int) -> Iterator[bytes]:
    """Of a process and its children: what every user of the machine can see."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if pid in (parent, int(folder.name)):
                yield (folder / "cmdline").read_bytes() + (folder / "comm").read_bytes()
                yield from ((task / "comm").read_bytes() for task in (folder / "task").iterdir())
        except OSError:
            continue


class Seen:
    """Everything that one can see of a station but for its journal."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.seen: dict[str, bytes] = {}
        self.page = page_of(bench)
        self.onlooker = Onlooker(self.page)

    def look(self, when: str) -> None:
        """Ask it everything that can be asked for."""
        bench = self.bench
        run = bench.folder / "run"
        for name in ("status", "check", "owed-list", "unknown"):
            self.seen[f"{when}: control {name}"] = json.dumps(list(ask(run, name))).encode()
        args: Any = {"id": "owed-1", "sessionId": "S", "code": "X", "card": CARD}
        self.seen[f"{when}: control refused"] = json.dumps(list(ask(run, "end", args=args))).encode()
        for words in (("status",), ("status", "--json"), ("owed", "list"), ("check", "--local"), ("check", "--json")):
            result = CliRunner().invoke(
                main, [*words, "--config", str(bench.config)], env={"RUNTIME_DIRECTORY": str(run)}
            )
            self.seen[f"{when}: {' '.join(words)}"] = result.output.encode() + result.stderr.encode()
        for name in ("diagnostics", "ping", "no-such-command"):
            reply = bench.reply(bench.command(name))
            self.seen[f"{when}: command {name}"] = json.dumps(reply).encode()
        self.seen[f"{when}: metrics"] = bench.scrape().encode()
        self.seen[f"{when}: command lines"] = b"\n".join(command_lines(bench.pid))
        for path in ("page", "state", "conversation", "history"):
            self.seen[f"{when}: /api/{path}"] = self.page.ask(f"/api/{path}").content
        self.seen |= {f"{when}: run/{name}": content for name, content in files_below(run).items()}

    def check(self) -> None:
        """None of it names a card; what it was looked for in is what one thinks."""
        events = f"stations/{self.bench.station}/events/"
        ours = [
            each for each in self.bench.listener.heard if "/commands/" not in each.topic and "inbox" not in each.topic
        ]
        for heard in ours:
            if not heard.topic.startswith(events):
                self.seen[heard.topic] = self.seen.get(heard.topic, b"") + heard.payload + heard.correlation
        told = {kind for kind, _ in self.onlooker.seen}
        assert {"state", "step", "history", "lights"} <= told
        self.seen["page"] = json.dumps(self.onlooker.seen).encode()
        self.seen["log"] = "\n".join(self.bench.log).encode()
        assert {what: found for what, content in self.seen.items() if (found := found_in(content, CARDS))} == {}
        assert b"..e5f6" in self.seen["log"].lower(), "it does tell cards apart"
        assert found_in(b"".join(each.payload for each in ours if each.topic.startswith(events)), CARDS)


@pytest.mark.usefixtures("talkative")
def test_no_card_in_clear_whatever_happens(benches: Benches) -> None:
    bench = benches(
        driver_wait_s=1.5,
        request_timeout_s=1.0,
        offline_start="known-cards",
        metrics="127.0.0.1:0",
        web=f'listen = "127.0.0.1:{free_port()}"',
    )
    seen = Seen(bench)
    bench.start_session()
    bench.start_session(OTHER)
    bench.tap(THIRD)  # no slots
    bench.wait(lambda: "red" in bench.state()["mainLight"] or len(bench.calls()) > 12)
    seen.look("two sessions")
    bench.supplier.inject("end-refused", {"status": 422, "calls": ["end"]})
    bench.supplier.inject("start-refused", {"status": 409})
    bench.tap()
    bench.wait(lambda: len(bench.once("session-ended")) == 1)
    bench.wait(lambda: bench.owed()["refused"] > 0)
    seen.look("an end refused")
    bench.supplier.clear("end-refused")
    for variant in ("not-json", "wrong-card", "foreign-slot", "redirect", "too-long"):
        bench.supplier.inject("malformed", {"variant": variant, "calls": ["ask", "acquire"], "times": 2})
        bench.tap(THIRD)
        bench.wait(lambda: bench.slot(1)["status"] == "free")
        bench.settled()
    bench.supplier.clear("malformed")
    bench.supplier.clear("start-refused")
    bench.supplier.inject("supplier-down", {})
    bench.tap(THIRD)
    bench.wait(lambda: "supplier-unreachable" in {reason for _, reason in bench.refusals()})
    bench.supplier.clear("supplier-down")
    bench.books.set_card(CARD, "blocked")
    bench.tap()
    bench.wait(lambda: (CARD, "card-refused") in bench.refusals())
    faulted = {"error": {"code": "X", "title": "X"}, "card": CARD}
    bench.inbox(f"{PREFIX}faulted.v1", faulted, "e-1")
    bench.inbox(f"{PREFIX}card-scanned.v1", {"card": CARD}, "e-2")
    bench.wait(lambda: "X" in bench.faults() and bench.errors())
    bench.wait(lambda: any(problem["title"] == "Unsupported Event" for problem in bench.errors()))
    seen.look("a fault from the inbox")
    bench.kill()
    seen.onlooker.join()
    bench.start()
    seen.look("after a kill")
    bench.settled()
    seen.check()


def test_what_a_full_disk_did_not_take_is_gone_once_it_has_it(bench: Bench) -> None:
    bench.start_session()
    with bench.disk_full():
        bench.tap(OTHER)
        bench.wait(lambda: bench.faults() == ["StorageFailure"])
        kept = bench.folder / "run" / "unwritten"
        assert found_in(kept.read_bytes(), CARDS), "the runtime directory takes the journal's part"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    bench.wait(lambda: not bench.faults())
    bench.settled()
    bench.wait(lambda: not found_in(kept.read_bytes(), CARDS))


def test_every_file_in_the_state_directory_is_the_stations_alone(bench: Bench) -> None:
    bench.start_session()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (bench.folder / "state").glob("journal*")}
    assert modes == dict.fromkeys(("journal.db", "journal.db-wal", "journal.db-shm"), 0o600)
    bench.stop()
    journal = bench.folder / "state" / "journal.db"
    journal.write_bytes(b"no journal" * 1000)
    bench.start()
    bench.wait(lambda: "JournalLost" in bench.faults())
    others = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (bench.folder / "state").glob("journal*")}
    assert set(others.values()) == {0o600}
    assert "journal.db.unreadable-1" in others


def forgotten(bench: Bench, days: float) -> dict[str, list[str]]:
    """Which files of the stopped station name which cards, so many days later."""
    path = bench.folder / "state" / "journal.db"
    with closing(Journal(path)) as journal:
        journal.prune(time.time() + days * DAYS_S, KEPT)
        journal.commit()
    found = {name: found_in(content, CARDS) for name, content in files_below(path.parent).items()}
    return {name: cards for name, cards in found.items() if cards}


def test_a_card_is_forgotten_once_nothing_is_owed_and_its_history_is_over(benches: Benches) -> None:
    bench = benches(offline_start="known-cards")
    for card in (CARD, OTHER):
        bench.start_session(card)
        bench.tap(card)
        bench.wait(lambda: bench.slot(1)["status"] == bench.slot(2)["status"] == "free")
    bench.reply(bench.command("diagnostics"))
    bench.settled()
    bench.stop()
    assert forgotten(bench, 29) == {"journal.db": [CARD, OTHER]}
    assert forgotten(bench, 31) == {}
    with closing(Journal(bench.folder / "state" / "journal.db", read_only=True)) as journal:
        (salt,) = journal._db.execute("SELECT value FROM salt").fetchone()
        known = journal._db.execute("SELECT card FROM known").fetchall()
    assert (len(salt), len(known)) == (32, 2), "known by keyed hashes"


def test_what_is_owed_keeps_its_card_however_old(bench: Bench) -> None:
    bench.start_session()
    bench.supplier.inject("supplier-down", {})
    bench.tap()
    bench.wait(lambda: bench.slot(1)["status"] == "free" and bench.owed()["supplier"])
    bench.stop()
    assert forgotten(bench, 400) == {"journal.db": [CARD]}


def test_a_card_that_a_workflow_elsewhere_named_is_forgotten_too(benches: Benches) -> None:
    bench = benches(where="supplier")
    locked = bench.reply(bench.command("lock", {"slotNumber": 1, "card": CARD, "sessionId": "S-1"}))
    assert locked["ok"]
    refused = bench.reply(bench.command("lock", {"slotNumber": 1, "card": OTHER, "sessionId": "S-2"}))
    assert not refused["ok"]
    wrong = bench.reply(bench.command("lock", {"slotNumber": 1, "card": apart(THIRD), "sessionId": "S-3"}))
    assert found_in(json.dumps([locked, refused, wrong]).encode(), CARDS) == []
    assert bench.reply(bench.command("unlock", {"slotNumber": 1}))["ok"]
    bench.settled()
    bench.stop()
    with closing(Journal(bench.folder / "state" / "journal.db", read_only=True)) as journal:
        answers = journal._db.execute("SELECT id, fact, replies, answer FROM commands").fetchall()
    assert len(answers) == 4
    assert not found_in(b"".join(str(each).encode() for row in answers for each in row), CARDS)
    assert forgotten(bench, 29) == {"journal.db": [CARD, OTHER]}
    assert forgotten(bench, 31) == {}


def test_the_spellings_are_found() -> None:
    for text in (
        CARD,
        CARD.lower(),
        apart(CARD),
        "%30%34%41%31%42%32%43%33%44%34%45%35%46%36",
        "04%3Aa1%3AB2%3AC3%3AD4%3AE5%3AF6",
    ):
        assert found_in(f"x{text}y".encode(), CARDS) == [CARD]
    assert found_in(bytes.fromhex(CARD), CARDS) == [CARD]
    assert found_in(b"..E5F6", CARDS) == []
    assert len(set(spellings(CARD))) > 8
