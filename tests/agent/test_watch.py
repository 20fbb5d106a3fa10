"""What the parts report becomes facts; a failing reader is told and brought back."""

import logging
import threading
from itertools import pairwise
from typing import Any

import pytest
from support.owing import CARD, HandClock, longest

from agent.clock import At
from agent.facts import (
    BoltMoved,
    CardRemoved,
    CardTapped,
    Fact,
    FaultCleared,
    FaultRaised,
    LockSettled,
    SeveralCardsSeen,
)
from agent.watch import REVIVE_MAX_S, BoltWatch, ReaderWatch, lights_watch
from hardware.parts import NoCard, OneCard, Position, ReaderFailure, SeveralCards, Sighting

POLL_S = 0.05
ATTEMPT_S = 0.3
"""The longest that reviving and polling may take (hardware/parts.py)."""


class ScriptedReader:
    """Sees `field`; while `dead` it does not answer, while `deaf` it is revived and then does not."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.field: Sighting = NoCard()
        self.dead = False
        self.deaf = False
        self.poll_takes_s = 0.0
        self.revived_at: list[float] = []

    def poll(self) -> Sighting:
        self.clock.pass_(self.poll_takes_s)
        if self.dead or self.deaf:
            raise ReaderFailure("The reader does not answer; check its wires.")
        return self.field

    def revive(self) -> None:
        self.revived_at.append(self.clock())
        if self.dead:
            self.clock.pass_(ATTEMPT_S)
            raise ReaderFailure("The reader does not answer after a reset; check its wires.")

    def close(self) -> None:
        """Nothing to give back."""


class Bench:
    """A watched reader on a clock of the test's own."""

    def __init__(self, jitter: Any = longest) -> None:
        self.clock = HandClock()
        self.reader = ScriptedReader(self.clock)
        self.work_s = 0.0
        self.heard: list[tuple[float, type[Fact], dict[str, Any]]] = []
        moment = lambda seconds: At("boot-1", seconds, 0.0)  # noqa: E731  as short as it is used
        self.watch = ReaderWatch(self.reader, self.happen, moment, poll_s=POLL_S, clock=self.clock, uniform=jitter)

    def happen(self, kind: type[Fact], **values: Any) -> None:
        self.heard.append((self.clock(), kind, values))
        self.clock.pass_(self.work_s)

    def pass_(self, seconds: float) -> None:
        """Step as often as the watch asks for, for so long."""
        end = self.clock() + seconds
        while self.clock() < end:
            self.clock.pass_(self.watch.step())

    def kinds(self) -> list[type[Fact]]:
        return [kind for _, kind, _ in self.heard]

    def faults(self) -> list[tuple[float, type[Fact], dict[str, Any]]]:
        return [heard for heard in self.heard if heard[1] in (FaultRaised, FaultCleared)]


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.pass_(1.0)
    assert [(kind, values) for _, kind, values in made.heard] == [(FaultCleared, {"code": "ReaderFailure"})]
    made.heard.clear()
    return made


class TestCards:
    def test_one_tap_while_it_rests_and_its_removal_with_the_last_moment_it_was_seen(self, bench: Bench) -> None:
        bench.reader.field = OneCard(CARD)
        tapped = bench.clock()
        bench.pass_(2.0)
        left = bench.clock()
        bench.reader.field = NoCard()
        bench.pass_(2.0)
        (tap, removal) = bench.heard
        assert tap == (tapped, CardTapped, {"card": CARD})
        assert removal[1:] == (CardRemoved, {"card": CARD, "at": At("boot-1", removal[2]["at"].boottime, 0.0)})
        assert left - 2 * POLL_S <= removal[2]["at"].boottime <= left
        assert removal[0] >= left + 0.4

    def test_several_cards(self, bench: Bench) -> None:
        bench.reader.field = SeveralCards(frozenset({"04A1B2C3", "04A1B2C4"}))
        bench.pass_(1.0)
        assert bench.kinds() == [SeveralCardsSeen]

    def test_it_polls_at_its_interval_however_long_it_works_on_what_it_saw(self) -> None:
        bench = Bench()
        assert bench.watch.step() == pytest.approx(POLL_S)

        bench.work_s = 0.02
        bench.reader.field = OneCard(CARD)
        assert bench.watch.step() == pytest.approx(POLL_S - 0.02)
        bench.reader.poll_takes_s = 0.01
        assert bench.watch.step() == pytest.approx(POLL_S - 0.01), "the look itself is part of the interval"
        bench.reader.poll_takes_s = 0.0
        bench.work_s = 1.0
        bench.reader.field = NoCard()
        while (wait := bench.watch.step()) > 0:
            bench.clock.pass_(wait)
        assert wait == 0.0


class TestAFailingReader:
    def test_a_short_silence_is_mended_and_not_told(self, bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        bench.reader.dead = True
        bench.watch.step()
        bench.reader.dead = False
        bench.pass_(5.0)
        assert len(bench.reader.revived_at) == bench.watch.revivals == 1
        assert bench.heard == []
        assert "the reader answers again" in caplog.text

    def test_it_is_revived_at_once(self, bench: Bench) -> None:
        bench.reader.dead = True
        assert bench.watch.step() == 0.0
        bench.watch.step()
        assert len(bench.reader.revived_at) == 1

    @pytest.mark.parametrize("share", [0.5, 0.6, 0.75, 0.9, 1.0])
    def test_it_is_told_once_within_five_seconds(self, share: float) -> None:
        bench = Bench(lambda low, high: low + (high - low) * share)
        bench.pass_(1.0)
        bench.heard.clear()
        bench.reader.dead = True
        bench.reader.poll_takes_s = 0.1
        died = bench.clock()
        bench.pass_(120.0)
        ((when, kind, values),) = bench.heard
        assert kind is FaultRaised
        assert 2.0 <= when - died < 3.0
        assert values["code"] == "ReaderFailure"
        assert "check its wires" in values["detail"]

    def test_no_unlucky_wait_delays_telling_it(self) -> None:
        waits = iter([0.5, 0.5, 0.5])
        bench = Bench(lambda _low, _high: next(waits, 1.0))
        bench.pass_(1.0)
        bench.reader.deaf = True
        died = bench.clock()
        bench.pass_(10.0)
        assert bench.heard[-1][1] is FaultRaised
        assert bench.heard[-1][0] - died < 3.0

    @pytest.mark.parametrize("share", [0.0, 1.0])
    def test_it_is_tried_at_least_every_ten_seconds_and_never_in_a_rush(self, share: float) -> None:
        bench = Bench(lambda low, high: low + (high - low) * share)
        bench.reader.dead = True
        bench.pass_(120.0)
        tries = bench.reader.revived_at
        gaps = [later - earlier for earlier, later in pairwise(tries)]
        assert max(gaps) < 10.0
        assert min(gaps) > 0.25
        assert gaps[-5:] == pytest.approx([8.0 * (0.5 + share / 2) + ATTEMPT_S] * 5)

    def test_it_is_cleared_once_it_answers_again(self, bench: Bench) -> None:
        bench.reader.dead = True
        bench.pass_(20.0)
        bench.reader.dead = False
        back = bench.clock()
        bench.pass_(30.0)
        raised, cleared = bench.faults()
        assert (raised[1], cleared[1:]) == (FaultRaised, (FaultCleared, {"code": "ReaderFailure"}))
        assert cleared[0] - back < 10.0 + 1.0 + 2 * POLL_S

    def test_one_that_comes_back_deaf_is_still_failing(self, bench: Bench) -> None:
        bench.reader.deaf = True
        bench.pass_(30.0)
        assert bench.kinds() == [FaultRaised]

    def test_one_that_fails_again_and_again_between_good_polls_is_failing(self, bench: Bench) -> None:
        polls = 0
        end = bench.clock() + 20.0
        while bench.clock() < end:
            polls += 1
            bench.reader.deaf = polls % 3 == 0
            bench.clock.pass_(bench.watch.step())
        assert bench.kinds() == [FaultRaised]
        bench.reader.deaf = False
        bench.pass_(10.0)
        assert bench.kinds() == [FaultRaised, FaultCleared]

    def test_a_second_failure_has_its_own_grace(self, bench: Bench) -> None:
        for _ in range(2):
            bench.heard.clear()
            bench.reader.dead = True
            died = bench.clock()
            bench.pass_(10.0)
            assert 2.0 <= bench.heard[0][0] - died < 3.0
            first, second = [when for when in bench.reader.revived_at if when >= died][:2]
            assert second - first < 1.0
            bench.reader.dead = False
            bench.pass_(20.0)
            assert bench.kinds() == [FaultRaised, FaultCleared]

    def test_a_card_in_the_field_when_it_comes_back_is_no_tap_until_it_was_away(self, bench: Bench) -> None:
        bench.reader.dead = True
        bench.pass_(10.0)
        bench.reader.field = OneCard(CARD)
        bench.reader.dead = False
        bench.pass_(15.0)
        assert CardTapped not in bench.kinds()
        bench.reader.field = NoCard()
        bench.pass_(1.0)
        bench.reader.field = OneCard(CARD)
        bench.pass_(1.0)
        assert bench.kinds()[-2:] == [CardRemoved, CardTapped]

    def test_one_that_never_answered_is_told_too(self) -> None:
        bench = Bench()
        bench.reader.dead = True
        bench.pass_(10.0)
        assert bench.kinds() == [FaultRaised]


class TestBoltsAndLights:
    def test_bolts(self) -> None:
        heard: list[tuple[type[Fact], dict[str, Any]]] = []
        watch = BoltWatch(lambda kind, **values: heard.append((kind, values)))
        watch.settled(1, 7, Position.LOCKED)
        watch.settled(2, 8, Position.UNLOCKED)
        watch.settled(2, 9, None)
        watch.moved(1, Position.UNLOCKED)
        watch.moved(1, Position.LOCKED)
        assert heard == [
            (LockSettled, {"slot": 1, "move": 7, "locked": True}),
            (LockSettled, {"slot": 2, "move": 8, "locked": False}),
            (LockSettled, {"slot": 2, "move": 9, "locked": None}),
            (BoltMoved, {"slot": 1, "locked": False}),
            (BoltMoved, {"slot": 1, "locked": True}),
        ]

    def test_lights_that_fail_are_a_warning(self) -> None:
        heard: list[tuple[type[Fact], dict[str, Any]]] = []
        watch = lights_watch(lambda kind, **values: heard.append((kind, values)))
        watch("the strip took no frame")
        watch("")
        (raised, cleared) = heard
        assert raised[1]["detail"] == "Sessions go on without lights: the strip took no frame."
        assert (raised[0], raised[1]["code"], raised[1]["warning"]) == (FaultRaised, "LightsFailure", True)
        assert cleared == (FaultCleared, {"code": "LightsFailure"})


def test_a_poll_that_never_returns_is_a_failure_until_polls_return_again(bench: Bench) -> None:
    bench.pass_(5.0)
    begun, let_go = threading.Event(), threading.Event()

    def hang() -> Sighting:
        begun.set()
        assert let_go.wait(10.0)
        return OneCard(CARD)

    bench.reader.poll = hang  # type: ignore[method-assign]
    step = threading.Thread(target=bench.watch.step)
    step.start()
    assert begun.wait(5.0)
    assert bench.watch.failing_s() == 0.0
    bench.watch.hangs()
    bench.watch.hangs()
    assert [kind for kind in bench.kinds() if kind is FaultRaised] == [FaultRaised]
    assert bench.heard[-1][2]["detail"] == "a look at the field does not return"
    bench.clock.pass_(61.0)
    assert bench.watch.failing_s() == 61.0
    del bench.reader.poll
    bench.reader.field = OneCard(CARD)
    let_go.set()
    step.join(5.0)
    bench.pass_(3.0)
    assert bench.kinds()[-1] is FaultCleared
    assert CardTapped not in bench.kinds(), "a card that was there when it came back is no tap"
    assert bench.watch.failing_s() == 0.0


def test_a_reader_between_two_polls_does_not_hang(bench: Bench) -> None:
    bench.pass_(1.0)
    before = len(bench.heard)
    bench.watch.hangs()
    assert len(bench.heard) == before


def test_for_how_long_a_dead_reader_fails(bench: Bench) -> None:
    bench.pass_(1.0)
    bench.reader.dead = True
    bench.pass_(30.0)
    assert 25.0 < bench.watch.failing_s() < 30.0 + REVIVE_MAX_S
