"""The one door to main, and the clocks that stamp what comes through it."""

import signal
import threading
import time
import uuid
from pathlib import Path

from support.owing import at

from agent.clock import At, Clock, boottime
from agent.facts import CardRemoved, CardTapped, Restarted
from agent.happenings import Facts


def test_a_fact_is_stamped_and_named() -> None:
    facts = Facts(Clock())
    facts.happen(CardTapped, card="04A1")
    facts.happen(CardTapped, card="04A1")
    first, second = facts.take(1.0), facts.take(1.0)
    assert isinstance(first, CardTapped)
    assert isinstance(second, CardTapped)
    assert first.card == "04A1"
    assert abs(boottime() - first.at.boottime) < 5.0
    assert abs(time.time() - first.at.wall) < 5.0
    assert uuid.UUID(first.id).version == 4
    assert first.id != second.id


def test_a_fact_may_bring_its_own_moment_and_id() -> None:
    facts = Facts(Clock())
    facts.happen(CardRemoved, card="04A1", at=at(3), id="mine")
    assert facts.take(1.0) == CardRemoved(card="04A1", at=at(3), id="mine")


def test_main_is_woken_without_a_fact() -> None:
    facts = Facts(Clock())
    waker = threading.Timer(0.01, facts.poke)
    waker.start()
    assert facts.take(None) is None
    waker.join()


def test_main_is_woken_once_however_often_it_is_poked() -> None:
    facts = Facts(Clock())
    for _ in range(3):
        facts.poke()
    facts.happen(CardTapped, card="04A1")
    assert facts.take(1.0) is None
    assert isinstance(facts.take(1.0), CardTapped)
    facts.poke()
    assert facts.take(None) is None, "what changes later wakes it again"


def test_main_waits_no_longer_than_it_asked() -> None:
    assert Facts(Clock()).take(0.01) is None


def test_a_signal_handler_may_use_the_door() -> None:
    facts = Facts(Clock())
    before = signal.signal(signal.SIGUSR1, lambda *_: facts.happen(Restarted))
    try:
        signal.raise_signal(signal.SIGUSR1)
        assert isinstance(facts.take(1.0), Restarted)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_moment_of_another_boot_is_endlessly_old() -> None:
    assert At("a", 10.0, 5.0).age_of(At("a", 4.0, 99.0)) == 6.0
    assert At("a", 10.0, 5.0).age_of(At("b", 4.0, 5.0)) == float("inf")


def test_the_clock_names_this_boot() -> None:
    assert Clock().now().boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
