"""Restarts in every phase (contract section 6, "Power or process gone")."""

from dataclasses import replace

import pytest
from support.story import CARD, OTHER, Story

from agent.facts import JournalLost, UnlockAsked
from agent.state import Phase

REBOOT = pytest.mark.parametrize("reboot", [False, True])


@REBOOT
def test_a_running_session_is_drawn_as_it_was(reboot: bool) -> None:
    story = Story()
    story.charges()
    move = story.slot().move
    story.restarts(reboot=reboot)
    assert (story.phase(), story.slot().move, story.light("1")) == (Phase.CHARGING, move, "blue steady")
    assert story.face().bolts[1].wanted == "locked"
    assert (story.acts(), story.events()) == ([], [])
    story.lock_settles(1, locked=not reboot)
    assert story.phase() is Phase.CHARGING


@REBOOT
def test_a_confirmed_start_is_only_delivered(reboot: bool) -> None:
    story = Story()
    story.locked_in()
    story.restarts(after=3600, reboot=reboot)
    assert story.phase() is Phase.CHARGING
    story.forget()
    story.settles("start")
    assert story.events() == ["session-started"]


def test_a_start_not_confirmed_is_finished_for_a_fresh_driver() -> None:
    story = Story()
    story.closing()
    story.restarts(after=29.9)
    assert (story.phase(), story.light("1")) == (Phase.STARTING, "blue steady")
    story.forget()
    story.locks()
    assert story.acts() == ["lock 1", "start S-1"]
    assert story.station.visits == {}


@pytest.mark.parametrize(("after", "reboot"), [(30.0, False), (1.0, True)])
def test_a_start_not_confirmed_is_undone_for_a_driver_who_has_gone(after: float, reboot: bool) -> None:
    story = Story()
    story.closing()
    story.forget()
    story.restarts(after=after, reboot=reboot)
    assert story.acts() == ["end S-1", "leds 1 off"]
    assert story.events() == ["refused undone"]
    assert story.face().bolts[1].wanted == "unlocked"
    story.opens()
    story.settles("end")
    assert (story.phase(), story.station.sessions, story.station.visits) == (Phase.FREE, {}, {})


@REBOOT
def test_a_lock_that_was_confirmed_is_a_session_whatever_comes(reboot: bool) -> None:
    story = Story()
    story.closing()
    story.locks()
    assert story.last.durable
    assert not story.last.again, "a power cut must not undo it"
    story.restarts(after=3600.0, reboot=reboot, killed=True)
    assert (story.phase(), story.owing()) == (Phase.CHARGING, ["leds 1 on blue", "lock 1", "start S-1"])


def test_a_start_that_was_delivered_is_told_once_more_if_a_power_cut_takes_it_back() -> None:
    story = Story()
    story.closing()
    story.locks()
    confirmed, owed = story.station, [replace(each) for each in story.owed]
    story.settles("start")
    assert story.last.durable
    assert story.last.again
    (told,) = story.last.events
    story.station, story.owed = confirmed, owed
    story.restarts(reboot=True)
    story.settles("start")
    assert story.last.events == (told,)


@REBOOT
def test_an_end_is_always_finished(reboot: bool) -> None:
    story = Story()
    story.charges()
    story.tap()
    story.named("S-1", 1)
    story.forget()
    story.restarts(after=5, reboot=reboot)
    assert (story.phase(), story.face().bolts[1].wanted) == (Phase.OPENING, "unlocked")
    story.opens()
    assert story.events() == ["session-ended owed card"]
    story.settles("end")
    story.settles("pay", repeated=True, status=409)
    assert story.events() == ["session-settled paid"]
    assert story.station.visits == {}


def test_a_quick_restart_still_waits_for_the_answers() -> None:
    story = Story()
    story.charges()
    story.tap()
    story.named("S-1", 1)
    story.restarts(after=1)
    assert story.phase() is Phase.ENDING
    story.settles("end")
    story.settles("pay")
    story.opens()
    story.forget()
    story.passes(1)
    story.tap()
    assert story.asks == []


@REBOOT
def test_an_opening_bolt_is_drawn_open(reboot: bool) -> None:
    story = Story()
    story.charges()
    story.tap()
    story.passes(3)
    story.restarts(reboot=reboot)
    assert story.face().bolts[1].wanted == "unlocked"
    story.opens()
    assert story.phase() is Phase.FREE
    assert story.station.visits == {}


@REBOOT
def test_a_driver_who_still_had_no_slot_is_turned_away(reboot: bool) -> None:
    story = Story()
    story.tap()
    story.restarts(reboot=reboot)
    assert story.events() == ["refused undone"]
    assert story.station.visits == {}


@REBOOT
def test_an_acquire_of_a_dead_process_is_repeated_and_given_back(reboot: bool) -> None:
    story = Story()
    story.tap()
    story.none_active()
    story.restarts(reboot=reboot)
    assert story.owing() == [f"acquire {CARD}"]
    story.forget()
    story.granted(1, "S-1")
    assert story.acts() == ["end S-1"]
    story.settles("end")
    assert story.station.sessions == {}


@REBOOT
def test_a_spare_slot_survives_the_process_and_is_given_back(reboot: bool) -> None:
    story = Story()
    story.charges("S-8", 1, OTHER)
    story.tap()
    story.none_active()
    story.granted(1, "S-1")
    story.forget()
    story.restarts(reboot=reboot)
    assert story.acts() == ["end S-1"]
    story.granted(2, "S-2")
    assert story.acts() == ["end S-2"]


@REBOOT
def test_a_slot_without_a_name_survives_the_process_and_is_given_back(reboot: bool) -> None:
    story = Story()
    story.tap()
    story.none_active()
    story.granted(1)
    story.forget()
    for _ in range(2):
        story.restarts(reboot=reboot)
    story.named("S-1", 1)
    assert story.acts() == ["end S-1"]
    assert story.station.visits == {}


def test_a_foreign_session_ends_over_a_restart_without_locking() -> None:
    story = Story()
    story.tap()
    story.named("S-7", 1)
    story.restarts(reboot=True)
    story.opens()
    assert "session-ended owed card" in story.events()


def test_an_answer_lost_with_the_process_is_only_taken_in_again() -> None:
    story = Story()
    story.charges()
    story.tap()
    story.named("S-1", 1)
    story.forget()
    story.settles("end")
    assert not story.last.durable
    story.restarts(after=5, killed=True)
    assert story.owing() == ["end S-1", "pay S-1"]
    story.opens()
    story.settles("end")
    story.settles("pay")
    assert story.events() == ["session-ended owed card", "session-settled paid"]


def test_a_grant_lost_with_the_process_is_given_back_when_it_comes_again() -> None:
    story = Story()
    story.tap()
    story.none_active()
    story.granted(1)
    story.restarts(killed=True)
    assert story.owing() == [f"acquire {CARD}"]
    story.forget()
    story.granted(1)
    story.named("S-1", 1)
    assert story.acts() == ["end S-1"]


def test_a_tap_killed_before_its_commit_never_happened() -> None:
    story = Story()
    story.tap()
    story.restarts(killed=True)
    assert (story.station.visits, story.events()) == ({}, [])


def test_visits_of_a_slot_that_is_gone_from_the_config_are_dropped() -> None:
    story = Story()
    story.closing("S-1", 2)
    story.station = type(story.station)(
        slots={1: story.slot(1)}, visits=story.station.visits, visit_count=story.station.visit_count
    )
    story.restarts()
    assert story.station.visits == {}


@REBOOT
def test_the_supplier_away_the_card_still_opens_after_a_restart(reboot: bool) -> None:
    story = Story()
    story.charges()
    story.restarts(reboot=reboot)
    story.passes(60)
    story.tap()
    story.passes(3)
    story.opens()
    assert story.events() == ["session-ended owed card"]


def test_a_bolt_that_was_let_go_before_that_was_written_down_is_not_locked_again() -> None:
    story = Story()
    story.charges()
    story.tap()
    story.named("S-1", 1)
    story.settles("end")
    story.settles("pay")
    assert story.phase() is Phase.OPENING
    story.bolts[1] = False
    story.restarts(after=0.5, killed=True)
    assert (story.phase(), story.face().bolts[1].wanted) == (Phase.ENDING, "unlocked")
    story.forget()
    story.settles("end")
    story.settles("pay", repeated=True, status=409)
    story.opens()
    assert story.events() == ["session-ended paid card"]
    assert (story.station.sessions, story.slot().forced, story.station.faults) == ({}, False, {})


def test_a_bolt_that_still_holds_waits_for_its_payment_as_long_as_the_driver() -> None:
    story = Story(unpaid_release="hold")
    story.charges()
    story.tap()
    story.named("S-1", 1)
    story.settles("end")
    story.restarts(after=0.5, killed=True)
    assert (story.phase(), story.face().bolts[1].wanted) == (Phase.ENDING, "locked")
    story.settles("end")
    story.settles("pay", status=402)
    assert story.phase() is Phase.HELD


@REBOOT
def test_support_is_not_called_again_within_ten_minutes_over_a_restart(reboot: bool) -> None:
    story = Story()
    story.fault("ReaderFailure")
    story.mends("ReaderFailure")
    story.restarts(after=60.0, reboot=reboot)
    story.forget()
    story.fault("ReaderFailure")
    assert story.acts() == ["leds main on red"]
    story.mends("ReaderFailure")
    story.restarts(after=600.0, reboot=reboot)
    story.forget()
    story.fault("ReaderFailure")
    assert "support ReaderFailure" in story.acts()


class TestLostJournal:
    def lost(self, seen: dict[int, bool]) -> Story:
        story = Story()
        slots = {number: replace(slot, phase=Phase.UNKNOWN) for number, slot in story.station.slots.items()}
        story.station = replace(story.station, slots=slots)
        story.happens(JournalLost, detail="It is damaged.", seen=seen)
        story.restarts()
        return story

    def test_only_what_is_seen_open_is_free(self) -> None:
        story = self.lost({1: True, 2: False})
        assert (story.phase(1), story.phase(2)) == (Phase.UNKNOWN, Phase.FREE)
        assert (story.face().bolts[1].wanted, story.light("1")) == (None, "red steady")
        assert story.station.in_service, "a warning"
        assert story.acts() == []

    def test_without_sensors_all_are_unknown_and_nothing_starts(self) -> None:
        story = self.lost({})
        story.tap()
        story.none_active()
        assert story.events()[-1] == "refused out-of-order"

    def test_the_card_that_get_names_opens_its_slot(self) -> None:
        story = self.lost({1: True, 2: False})
        story.tap()
        story.named("S-7", 1)
        story.settles("end", "S-7")
        story.settles("pay", "S-7")
        story.opens()
        assert story.phase() is Phase.FREE
        assert story.events()[-1] == "session-ended paid card"

    def test_a_bolt_that_is_seen_open_later_frees_its_slot(self) -> None:
        story = self.lost({1: True, 2: False})
        story.bolt_moves(1, locked=False)
        assert story.phase() is Phase.FREE

    def test_it_may_be_unlocked_on_site(self) -> None:
        story = self.lost({1: True})
        story.happens(UnlockAsked, slot=1)
        story.opens()
        assert story.phase() is Phase.FREE
