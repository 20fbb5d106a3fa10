"""What is counted while it happens: each tap has one outcome, each session its start, end and duration."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test
from support.interleaving import Interleaving
from support.story import CARD, NO_SLOTS, OTHER, Story

from agent.answers import Delivered, Outcome, Problem, Refused, Rejected, Undelivered
from agent.effects import Effects
from agent.facts import CardTapped, EndAsked, Fact, LightsAsked, LockAsked, UnlockAsked
from agent.metrics.catalogue import (
    CALL_S,
    CALLS,
    DURATION,
    ENDED,
    FAULTS_RAISED,
    SETTLED,
    STARTED,
    TAPS,
    TO_LIGHT,
    TO_LOCK,
    TO_UNLOCK,
    Labels,
    Metric,
)
from agent.metrics.observer import Observer
from agent.metrics.spread import Spread
from agent.state import Station
from hardware.looks import DARK, Colour, Look, Rhythm


class Watched(Story):
    """A story with an observer that looks on."""

    def __init__(self, **rules: Any) -> None:
        super().__init__(**rules)
        self.observer = Observer(self.station)
        self.watcher = self.observer.took

    def found(self, metric: Metric) -> Mapping[Labels, float | Spread]:
        return next(found.values for found in self.observer.found() if found.metric is metric)

    def counted(self, metric: Metric) -> dict[Labels, float]:
        """What is not zero."""
        return {
            labels: value for labels, value in self.found(metric).items() if not isinstance(value, Spread) and value
        }

    def spread(self, metric: Metric, *labels: str) -> tuple[int, float]:
        """How many values came, and their sum."""
        spread = self.found(metric)[labels]
        assert isinstance(spread, Spread)
        return spread.counts[-1], round(spread.sum, 3)

    def taps(self) -> dict[str, float]:
        return {f"{outcome} {reason}".strip(): count for (outcome, reason), count in self.counted(TAPS).items()}


@pytest.fixture
def story() -> Watched:
    return Watched()


class TestTaps:
    def test_a_start_and_an_end_count_when_the_bolt_is_where_it_belongs(self, story: Watched) -> None:
        story.closing()
        assert story.taps() == {}, "its driver is waiting"
        story.locks()
        assert story.taps() == {"started": 1}
        story.passes(60)
        story.tap()
        story.named("S-1", 1)
        story.settles("start")
        story.settles("end")
        story.settles("pay")
        assert story.taps() == {"started": 1}
        story.opens()
        assert story.taps() == {"started": 1, "ended": 1}

    def test_a_tap_that_changes_nothing_is_acknowledged(self, story: Watched) -> None:
        story.closing()
        story.tap()
        story.tap()
        assert story.taps() == {"acknowledged": 2}

    def test_two_cards_are_refused(self, story: Watched) -> None:
        story.two_cards()
        assert story.taps() == {"refused two-cards": 1}

    def test_no_slots_is_a_reason_though_no_event_says_it(self, story: Watched) -> None:
        story.tap()
        story.none_active()
        story.not_granted(NO_SLOTS)
        assert story.taps() == {"refused no-slots": 1}

    def test_a_refused_card_counts_under_its_reason(self, story: Watched) -> None:
        story.tap()
        story.none_active()
        story.not_granted(Problem(status=403))
        assert story.taps() == {"refused card-refused": 1}

    def test_a_wait_that_is_over_counts_under_its_reason(self, story: Watched) -> None:
        story.tap()
        story.passes(4)
        assert story.taps() == {"refused supplier-unreachable": 1}

    def test_a_lock_that_does_not_confirm_counts_once(self, story: Watched) -> None:
        story.closing()
        story.opens()
        assert story.taps() == {"refused lock-failed": 1}

    def test_a_bolt_that_does_not_open_is_a_refusal_for_its_driver(self, story: Watched) -> None:
        story.charges()
        story.tap()
        story.named("S-1", 1)
        story.settles("end")
        story.settles("pay")
        story.locks()
        assert story.taps() == {"started": 1, "refused unlock-failed": 1}
        story.passes(10)
        story.tap()
        story.opens()
        assert story.taps() == {"started": 1, "refused unlock-failed": 1, "ended": 1}

    def test_a_driver_who_has_gone_when_the_machine_comes_back_is_abandoned(self, story: Watched) -> None:
        story.closing()
        story.restarts(reboot=True, after=5)
        assert story.taps() == {"refused undone": 1}
        story = Watched()
        story.charges()
        story.tap()
        story.named("S-1", 1)
        story.restarts(reboot=True)
        assert story.taps() == {"started": 1, "abandoned": 1}

    def test_a_workflow_elsewhere_starts_and_ends_too(self) -> None:
        story = Watched(remote=True)
        story.tap()
        story.happens(LockAsked, slot=1, card=CARD, session="R-1")
        story.locks()
        assert story.counted(STARTED) == {(): 1}
        story.passes(60)
        story.tap()
        story.happens(UnlockAsked, slot=1)
        story.opens()
        assert story.taps() == {"started": 1, "ended": 1}
        assert story.counted(ENDED) == {("command", "none"): 1}
        assert story.spread(DURATION) == (1, 60.0)

    def test_a_workflow_elsewhere_may_answer_by_a_light_alone(self) -> None:
        story = Watched(remote=True)
        story.tap()
        story.happens(LightsAsked, target="main", action="on", colour="red", duration_s=3.0)
        assert story.taps() == {"told": 1}

    def test_a_tap_from_afar_is_one(self) -> None:
        story = Watched(remote_cards=True)
        story.inbox("card-scanned.v1", {"card": CARD})
        story.none_active()
        story.granted(1, "S-1")
        story.locks()
        assert story.taps() == {"started": 1}

    def test_an_end_that_somebody_else_asks_for_is_no_tap(self, story: Watched) -> None:
        story.charges()
        story.happens(EndAsked, session="S-1")
        story.settles("end")
        story.settles("pay")
        story.opens()
        assert story.taps() == {"started": 1}
        assert story.counted(ENDED) == {("command", "paid"): 1}


class TestSessions:
    def test_a_session_starts_when_its_start_is_delivered_and_ends_with_how_it_was_paid(self, story: Watched) -> None:
        story.locked_in()
        assert story.counted(STARTED) == {}
        story.settles("start")
        assert story.counted(STARTED) == {(): 1}
        story.passes(1800)
        story.ends()
        assert story.counted(ENDED) == {("card", "paid"): 1}
        assert story.spread(DURATION) == (1, 1800.0)

    def test_a_payment_that_is_owed_is_settled_later(self, story: Watched) -> None:
        story.charges()
        story.tap()
        story.named("S-1", 1)
        story.settles("end")
        story.passes(4)
        story.opens()
        assert story.counted(ENDED) == {("card", "owed"): 1}
        story.settles("pay")
        assert story.counted(SETTLED) == {("paid",): 1}

    def test_a_stay_over_a_reboot_is_measured_by_the_wall_clock(self, story: Watched) -> None:
        story.charges()
        story.restarts(reboot=True, after=400)
        story.ends()
        assert story.spread(DURATION) == (1, 4000.0)

    def test_a_clock_that_was_set_back_meanwhile_does_not_make_a_stay_negative(self, story: Watched) -> None:
        story.charges()
        story.restarts(reboot=True)
        story.wall = 1.0
        story.ends()
        assert story.spread(DURATION) == (1, 0.0)

    def test_a_slot_that_was_given_back_was_no_stay(self, story: Watched) -> None:
        story.closing()
        story.opens()
        story.passes(1)
        story.opens()
        assert story.spread(DURATION) == (0, 0.0)


class TestTimes:
    def test_from_the_tap_to_the_lock_and_to_the_open_bolt(self, story: Watched) -> None:
        story.closing()
        story.passes(1.5)
        story.locks()
        assert story.spread(TO_LOCK) == (1, 1.5)
        story.settles("start")
        story.passes(60)
        story.tap()
        story.named("S-1", 1)
        story.settles("end")
        story.settles("pay")
        story.passes(0.7)
        story.opens()
        assert story.spread(TO_UNLOCK) == (1, 0.7)

    @pytest.mark.parametrize("strip_first", [True, False])
    def test_from_the_tap_to_the_white_light_whoever_tells_first(self, story: Watched, *, strip_first: bool) -> None:
        white = Look((Colour.WHITE,), Rhythm.STEADY, story.now)
        said = [lambda: story.observer.shown({"main": white}, story.now + 0.03), story.rest]
        for tell in said if strip_first else reversed(said):
            tell()
        assert story.spread(TO_LIGHT) == (1, 0.03)
        story.observer.shown({"main": white, "1": Look((Colour.BLUE,))}, story.now + 9)
        assert story.spread(TO_LIGHT) == (1, 0.03), "each tap has one light"

    @pytest.mark.parametrize(
        "look",
        [
            DARK,
            Look((Colour.WHITE,), Rhythm.BREATHING, 1000.0),
            Look((Colour.RED,), Rhythm.STEADY, 1000.0),
            Look((Colour.WHITE,), Rhythm.STEADY, 999.0),
        ],
    )
    def test_no_other_light_counts(self, story: Watched, look: Look) -> None:
        story.rest()
        story.observer.shown({"main": look}, 1001.0)
        assert story.spread(TO_LIGHT) == (0, 0.0)


class TestCalls:
    @pytest.mark.parametrize(
        ("outcome", "word"),
        [
            (Delivered(status=204), "done"),
            (Refused(problem=Problem(status=422)), "refused"),
            (Refused(problem=NO_SLOTS), "no-slots"),
            (Rejected(problem=Problem(status=401)), "rejected"),
            (Undelivered(reason="too late"), "unanswered"),
            (Undelivered(reason="odd", malformed=Problem(status=502)), "unusable"),
            (Undelivered(reason="no route", connected=False), "unreachable"),
        ],
    )
    def test_each_is_counted_by_what_came_of_it(self, story: Watched, outcome: Outcome, word: str) -> None:
        story.observer.called("pay", outcome, 0.25)
        assert story.counted(CALLS) == {("pay", word): 1}
        assert story.spread(CALL_S, "pay") == (1, 0.25)
        assert set(story.counted(CALLS)) <= set(story.found(CALLS)), "there from the start"


class TestFaults:
    def test_a_fault_counts_each_time_it_is_raised(self, story: Watched) -> None:
        story.fault("LockFailed", 2)
        story.fault("LockFailed", 2)
        story.mends("LockFailed", 2)
        story.fault("LockFailed", 2)
        story.fault("LowDisk", warning=True)
        assert story.counted(FAULTS_RAISED) == {
            ("LockFailed", "slot", "2", "out-of-order", "station"): 2,
            ("LowDisk", "station", "", "warning", "station"): 1,
        }

    def test_the_inbox_cannot_make_series_without_end(self, story: Watched) -> None:
        for number in range(60):
            story.inbox("faulted.v1", {"error": {"code": f"E{number}"}})
        codes = [labels[0] for labels in story.counted(FAULTS_RAISED)]
        assert codes == [*(f"E{number}" for number in range(16)), "other"]
        assert story.counted(FAULTS_RAISED)["other", "station", "", "out-of-order", "inbox"] == 44

    @pytest.mark.parametrize(
        "code", [CARD, CARD.lower(), f"card {OTHER} stuck", "04:a1:b2:c3:d4:e5:f6", "x" * 99, "a\nb"]
    )
    def test_a_code_that_may_name_a_card_or_breaks_the_text_is_not_told(self, story: Watched, code: str) -> None:
        story.inbox("faulted.v1", {"error": {"code": code}})
        assert story.counted(FAULTS_RAISED) == {("other", "station", "", "out-of-order", "inbox"): 1}


class ObservedInterleaving(Interleaving):
    """As everything else that can happen to a station, and somebody counts taps."""

    @initialize(hold=st.booleans())
    def opens_for_business(self, *, hold: bool) -> None:
        super().opens_for_business(hold=hold)
        self.begin(self.story.station)

    def begin(self, station: Station) -> None:
        self.observer = Observer(station)
        self.tapped = sum(visit.driver for visit in station.visits.values())
        self.asked: set[int] = set()
        self.story.watcher = self.took

    def took(self, fact: Fact, before: Station, after: Station, effects: Effects) -> None:
        self.tapped += isinstance(fact, CardTapped)
        if isinstance(fact, EndAsked):
            self.asked.update(number for number, visit in after.visits.items() if visit.tap == fact.id)
        self.observer.took(fact, before, after, effects)

    @rule(after=st.sampled_from([0.5, 2.0, 40.0]), reboot=st.booleans(), killed=st.booleans())
    def restarts(self, after: float, *, reboot: bool, killed: bool) -> None:
        """Counters begin anew, with the taps that the journal kept."""
        self.begin(self.story._committed[0] if killed else self.story.station)
        super().restarts(after=after, reboot=reboot, killed=killed)

    @invariant()
    def each_tap_has_one_outcome_or_a_driver_who_waits(self) -> None:
        taps = next(found.values for found in self.observer.found() if found.metric is TAPS)
        visits = self.story.station.visits
        waiting = sum(visit.driver for number, visit in visits.items() if number not in self.asked)
        assert sum(value for value in taps.values() if not isinstance(value, Spread)) + waiting == self.tapped


def test_each_tap_of_any_story_has_one_outcome() -> None:
    run_state_machine_as_test(
        ObservedInterleaving,
        settings=settings(
            derandomize=True,
            database=None,
            deadline=None,
            max_examples=60,
            stateful_step_count=40,
            suppress_health_check=list(HealthCheck),
        ),
    )
