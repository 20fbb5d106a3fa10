"""What hangs is told, replaced if it can be, and else the station is started again."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.mqtt import eventually

from agent import watchdog
from agent.clock import At
from agent.heartbeats import Heart, Hearts
from agent.threads import Turn, Worker
from agent.watchdog import MAIN, Replaceable, Watchdog
from agent.watchdog.bites import Bites
from agent.watchdog.feeding import Feeding
from agent.watchdog.stacks import log_stacks, where

PATIENCE_S = 30.0


class Hanging:
    """A worker of which every thread hangs until it is let go."""

    def __init__(self, name: str, hearts: Hearts) -> None:
        self.let_go = threading.Event()
        self.begun = threading.Semaphore(0)
        self.given_up: list[Turn] = []
        self.worker = Worker(name, self._run, hearts)

    def start(self) -> None:
        self.worker.start()
        assert self.begun.acquire(timeout=5.0)

    def _run(self, turn: Turn) -> None:
        turn.heart.work()
        self.begun.release()
        self.let_go.wait(30.0)


class Reader:
    """A reader's watch that says what the test wants."""

    def __init__(self) -> None:
        self.failing = 0.0
        self.hung = 0

    def hangs(self) -> None:
        self.hung += 1

    def failing_s(self) -> float:
        return self.failing


class Bench:
    """A watchdog under a clock of the test's own, and what it tells systemd."""

    def __init__(self, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.runtime = runtime
        self.told: list[str] = []
        monkeypatch.setattr("agent.watchdog.feeding.notify", self.note)
        self.hearts = Hearts(lambda: self.now)
        self.main = self.hearts.heart(MAIN)
        self.main_is_well = True
        self.reader = Reader()
        self.hanging = Hanging("lights", self.hearts)
        self.dog = self.make()

    def make(self, *, fed: bool = True) -> Watchdog:
        """A watchdog as a fresh process has it."""
        feeding = Feeding(PATIENCE_S, lambda: self.main.last[0], self._poke, self.now) if fed else None
        replaceable = [Replaceable(self.hanging.worker, 15.0, self.hanging.given_up.append)]
        bites = Bites(self.runtime, lambda: At("boot", self.now, 0.0))
        return Watchdog(self.hearts, self.reader, replaceable, bites, feeding, lambda: self.now)

    def note(self, line: str) -> None:
        self.told.append(line)

    def _poke(self) -> None:
        self.now += 0.001
        if self.main_is_well:
            self.main.work()
            self.main.rest()

    def pass_(self, seconds: float) -> None:
        """Let time pass, with a look at each of the watchdog's steps."""
        until = self.now + seconds
        while self.now < until:
            self.now += min(self.dog.step(), until - self.now)

    def fed(self) -> int:
        """How often systemd was told that all is well since the last call."""
        count = self.told.count("WATCHDOG=1")
        self.told = [line for line in self.told if line != "WATCHDOG=1"]
        return count


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench(tmp_path, monkeypatch)
    yield bench
    bench.hanging.let_go.set()


def said(caplog: pytest.LogCaptureFixture, level: int = logging.ERROR) -> list[str]:
    """What was logged from this level on, without the stacks."""
    lines = [record.message for record in caplog.records if record.levelno >= level]
    return [line for line in lines if not line.startswith("stack of ")]


def test_it_is_fed_while_main_takes_what_it_is_given(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.pass_(600.0)
    assert 80 <= bench.fed() <= 120
    assert bench.told == []
    assert said(caplog) == []


def test_a_main_that_takes_nothing_starves_it_and_tells_before_where_all_threads_are(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.pass_(20.0)
    assert bench.fed()
    bench.main_is_well = False
    bench.main.work()
    bench.now += 0.1
    bench.pass_(24.0)
    assert bench.fed() <= 2
    assert said(caplog) == []
    bench.pass_(8.0)
    assert bench.fed() == 0
    assert len(said(caplog)) == 1
    assert "main, or the journal under it, has not moved for 2" in caplog.text
    assert "stack of MainThread: " in caplog.text


def test_a_commit_on_a_card_that_stalls_for_twenty_seconds_is_survived(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.pass_(20.0)
    bench.main_is_well = False
    bench.main.work()
    bench.pass_(20.0)
    bench.fed()
    bench.main_is_well = True
    bench.main.rest()
    bench.pass_(10.0)
    assert bench.fed()
    assert said(caplog) == []


def test_a_main_that_goes_on_at_the_last_moment_says_so(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.main_is_well = False
    bench.main.work()
    bench.pass_(PATIENCE_S - 1)
    bench.main.rest()
    bench.main_is_well = True
    bench.pass_(4.0)
    assert bench.fed()
    assert [line.partition(" after ")[0] for line in said(caplog)][1:] == ["main goes on"]


def test_locks_that_hang_end_the_station_at_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.hearts.heart("locks").work()
    bench.pass_(8.0)
    assert "WATCHDOG=trigger" not in bench.told
    bench.pass_(6.0)
    assert bench.told[-1] == "WATCHDOG=trigger"
    assert said(caplog) == ["the locks have hung for 10 s: the station is ended without leave and started again"]
    bench.fed()
    bench.pass_(60.0)
    assert bench.fed() == 0, "a systemd that does not know trigger has to bite too"


def test_a_poll_that_does_not_return_is_a_failure_of_the_reader(bench: Bench) -> None:
    heart = bench.hearts.heart("reader")
    heart.work()
    bench.pass_(4.0)
    assert bench.reader.hung
    heart.rest()
    bench.reader.hung = 0
    bench.pass_(10.0)
    assert not bench.reader.hung


def test_a_reader_that_fails_for_a_minute_ends_the_station_once_an_hour(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.reader.failing = 59.0
    bench.pass_(10.0)
    assert bench.fed()
    assert not bench.told
    bench.reader.failing = 60.0
    bench.pass_(4.0)
    assert bench.told[-1] == "WATCHDOG=trigger"
    assert said(caplog) == ["the reader has failed for 60 s: the station is ended without leave and started again"]
    bench.fed()
    bench.told.clear()
    bench.dog = bench.make()
    bench.pass_(3500.0)
    assert bench.fed()
    assert not bench.told, "it bit an hour ago"
    bench.pass_(200.0)
    assert bench.told[-1] == "WATCHDOG=trigger"


@pytest.mark.parametrize("content", ["", "[]", '{"boot": 3}', json.dumps({"boot": "another", "boottime": 999.0})])
def test_what_says_nothing_about_this_boot_allows_a_bite(tmp_path: Path, content: str) -> None:
    (tmp_path / "bitten").write_text(content)
    assert Bites(tmp_path, lambda: At("boot", 1000.0, 0.0)).take()
    assert not Bites(tmp_path, lambda: At("boot", 4599.0, 0.0)).take()
    assert Bites(tmp_path, lambda: At("boot", 4601.0, 0.0)).take()


def test_a_bite_that_could_not_be_remembered_is_not_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bites = Bites(tmp_path / "nowhere", lambda: At("boot", 1000.0, 0.0))
    assert not bites.take()
    assert not bites.take()
    assert len(caplog.records) == 1


def test_a_thread_that_hangs_is_told_given_up_and_replaced_three_times(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.hanging.start()
    turns = []
    for number in (1, 2, 3):
        turns.append(bench.hanging.worker.turn)
        bench.pass_(18.0)
        assert bench.hanging.begun.acquire(timeout=5.0), "a fresh thread works"
        assert bench.hanging.given_up == turns
        (line,) = said(caplog)[number - 1 :]
        assert line.startswith("lights has hung for 16 s at ")
        assert line.endswith(f": abandoned, a fresh thread takes its place ({number} of 3)")
    assert bench.fed()
    assert not bench.told
    bench.pass_(20.0)
    assert bench.told[-1] == "WATCHDOG=trigger"
    assert "lights hangs again, after 3 fresh threads" in caplog.text
    assert len({thread.name for thread in threading.enumerate() if thread.name.startswith("lights")}) == 2


def test_in_the_hour_after_a_bite_what_hangs_is_told_once_and_the_station_goes_on(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    (bench.runtime / "bitten").write_text(json.dumps({"boot": "boot", "boottime": bench.now}))
    bench.hanging.start()
    bench.pass_(120.0)
    assert bench.fed()
    assert not bench.told
    assert [line for line in said(caplog) if "abandoned" not in line] == ["lights has hung for 16 s"]


def test_while_main_hangs_no_other_thread_is_blamed(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.hanging.start()
    bench.main_is_well = False
    bench.main.work()
    bench.pass_(24.0)
    assert bench.hanging.given_up == []
    assert said(caplog) == []


def test_any_other_thread_that_hangs_is_told_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    heart = bench.hearts.heart("broker")
    for _ in range(2):
        heart.work()
        bench.pass_(120.0)
        heart.rest()
        bench.pass_(4.0)
    assert [line[:19] for line in said(caplog)] == ["broker has hung for"] * 2


def test_a_process_that_stood_still_blames_nobody(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.hanging.start()
    bench.hearts.heart("reader").work()
    bench.dog.step()
    bench.now += 300.0
    bench.dog.step()
    assert bench.hanging.given_up == []
    assert not bench.reader.hung
    assert said(caplog) == []


def test_without_systemd_a_main_that_hangs_is_told(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.dog = bench.make(fed=False)
    bench.main.work()
    bench.pass_(90.0)
    assert [line[:23] for line in said(caplog)] == [f"{MAIN} has hung for"[:23]]
    assert bench.told == []


def test_stacks_name_each_thread_and_each_frame_on_a_line(caplog: pytest.LogCaptureFixture) -> None:
    let_go = threading.Event()

    def deep(wait: Callable[[], object]) -> None:
        wait()

    thread = threading.Thread(target=deep, args=[lambda: let_go.wait(10.0)], name="locks")
    thread.start()
    assert eventually(lambda: "in wait" in where(thread.ident))
    log_stacks()
    let_go.set()
    thread.join()
    mine = [record.message for record in caplog.records if record.message.startswith("stack of locks: ")]
    assert any(f"{__file__}:" in line and line.endswith(" in deep") for line in mine)
    assert all("\n" not in line for line in mine)
    assert all(record.levelno == logging.CRITICAL for record in caplog.records)
    assert where(thread.ident) == "nowhere: it has ended"


def test_a_heart_is_known_by_its_name() -> None:
    assert Heart("reader").name == "reader"
    assert watchdog.LOOK_S <= 2.0, "ReaderFailure comes within 5 s"
