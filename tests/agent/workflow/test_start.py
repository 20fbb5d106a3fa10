"""Starting: what acquire says, what the lock does, and giving back (contract sections 3 and 6)."""

import pytest
from support.story import CARD, NO_SLOTS, OTHER, Story, told

from agent.answers import Problem
from agent.effects import ActName
from agent.facts import LockSettled
from agent.state import Phase


def asked_for_a_slot() -> Story:
    """A tap whose acquire is owed."""
    story = Story()
    story.tap()
    story.none_active()
    story.forget()
    return story


def test_the_acquire_is_written_down_with_its_key_before_it_leaves() -> None:
    story = Story()
    story.tap()
    durable = [story.last.durable]
    story.none_active()
    durable.append(story.last.durable)
    assert durable == [False, True]
    [act] = story.last.owed
    assert (act.name, act.card, act.key == story.station.visits[1].key) == (ActName.ACQUIRE, CARD, True)


def test_the_bolt_moves_once_and_the_lock_is_told_after_it_is_confirmed() -> None:
    story = asked_for_a_slot()
    before = story.slot().move
    story.granted(1, "S-1")
    assert story.slot().move == before + 1
    assert story.face().bolts[1].wanted == "locked"
    assert story.owing() == ["leds 1 on blue"]
    story.locks()
    assert story.owing() == ["leds 1 on blue", "lock 1", "start S-1"]
    assert len({owed.act.lane for owed in story.owed}) == 1


def test_a_lock_without_a_sensor_is_believed() -> None:
    story = asked_for_a_slot()
    story.granted(1, "S-1")
    story.locks(sensor=False)
    assert story.phase() is Phase.CHARGING


def test_an_older_move_says_nothing() -> None:
    story = asked_for_a_slot()
    story.granted(1, "S-1")
    story.happens(LockSettled, slot=1, move=story.slot().move - 1, locked=True)
    assert story.phase() is Phase.STARTING


@pytest.mark.parametrize(
    ("problem", "acts", "events"),
    [
        (NO_SLOTS, ["leds main flicker red"], []),
        (Problem(status=400, detail=" No charging slots available\n"), ["leds main flicker red"], []),
        (Problem(status=409, detail="No charging slots available"), [], ["refused card-refused"]),
        (Problem(status=400, detail="No such card"), [], ["refused card-refused"]),
        (Problem(status=402), [], ["refused card-refused"]),
        (Problem(status=403), [], ["refused card-refused"]),
    ],
)
def test_acquire_refused(problem: Problem, acts: list[str], events: list[str]) -> None:
    story = asked_for_a_slot()
    story.not_granted(problem)
    assert (story.acts(), story.events()) == (acts, events)
    assert story.station.visits == {}
    assert story.owing() == acts


def test_acquire_without_an_answer_is_turned_away_and_what_it_gets_is_given_back() -> None:
    story = asked_for_a_slot()
    story.leave("acquire", "")
    story.passes(3)
    assert story.events() == ["refused supplier-unreachable"]
    assert story.owing() == [f"acquire {CARD}"]
    story.passes(600)
    story.granted(1, "S-1")
    assert story.acts() == ["end S-1"]
    assert story.phase() is Phase.FREE
    story.settles("end")
    assert story.station.sessions == {}
    assert story.events() == []


def test_an_acquire_that_never_left_is_struck() -> None:
    story = asked_for_a_slot()
    story.passes(3)
    assert story.owing() == []


def test_a_late_refusal_is_nothing() -> None:
    story = asked_for_a_slot()
    story.leave("acquire", "")
    story.passes(3)
    story.forget()
    story.not_granted(NO_SLOTS)
    assert (story.acts(), story.events(), story.owing()) == ([], [], [])


def test_the_wait_is_one_for_all_questions_of_a_tap() -> None:
    story = Story()
    story.tap()
    story.passes(2)
    story.none_active()
    story.passes(0.9)
    assert story.events() == []
    story.passes(0.1)
    assert story.events() == ["refused supplier-unreachable"]


# A grant without a session id.


def test_a_grant_without_a_session_asks_get_for_it() -> None:
    story = asked_for_a_slot()
    story.granted(2)
    story.named("S-5", 2)
    assert story.station.sessions["S-5"].slot == 2
    story.locks(2)
    assert story.acts() == ["leds 2 on blue", "lock 2", "start S-5"]


@pytest.mark.parametrize("answer", ["none", "refused", "another slot", "another card"])
def test_a_grant_that_nobody_names_gets_the_stations_own_id(answer: str) -> None:
    story = asked_for_a_slot()
    story.granted(1)
    match answer:
        case "none":
            story.none_active()
        case "refused":
            story.question_refused(403)
        case "another card":
            story.named("S-5", 1, says=OTHER)
        case _:
            story.named("S-5", 2)
    [session] = story.station.sessions.values()
    assert len(session.id) == 36
    assert story.phase() is Phase.STARTING


def test_a_grant_without_a_name_in_time_is_turned_away_and_given_back_once_it_has_one() -> None:
    story = asked_for_a_slot()
    story.granted(1)
    story.passes(3)
    assert story.events() == ["refused supplier-unreachable"]
    story.restarts(reboot=True)
    story.named("S-5", 1)
    assert story.acts() == ["end S-5"]
    assert story.station.visits == {}


@pytest.mark.parametrize("answer", ["none", "a session that is live here"])
def test_a_grant_without_a_name_for_nobody_leaves_nothing_behind(answer: str) -> None:
    story = asked_for_a_slot()
    story.leave("acquire", "")
    story.passes(3)
    story.granted(1)
    story.passes(10)
    if answer == "none":
        story.forget()
        story.none_active()
        assert story.acts() == []
    else:
        ghost = story.asks.pop()
        story.starts("S-2", 1)
        story.forget()
        story.asks.append(ghost)
        story.named("S-2", 1)
        assert story.acts() == []
        assert story.phase() is Phase.CHARGING
    assert story.station.visits == {}


# A slot that cannot be used.


def busy(story: Story) -> None:
    story.charges("S-8", 1, OTHER)


def faulty(story: Story) -> None:
    story.inbox("faulted.v1", {"error": {"code": "X", "slotNumber": 1}})


@pytest.mark.parametrize("make", [busy, faulty, None])
def test_an_unusable_slot_asks_once_more_then_gives_the_first_back(make: object) -> None:
    story = Story()
    if callable(make):
        make(story)
    story.tap()
    story.none_active()
    first = story.find("acquire", "").act.key
    story.forget()
    story.granted(1 if make else 9, "S-1")
    assert story.acts() == [f"acquire {CARD}"]
    assert story.find("acquire", "").act.key != first
    story.granted(2, "S-2")
    assert story.acts() == ["end S-1", "leds 2 on blue"]
    story.settles("end", "S-1")
    story.locks(2)
    assert story.phase(2) is Phase.CHARGING


@pytest.mark.parametrize("second", ["unusable", "the same", "refused"])
def test_unusable_again_gives_both_back(second: str) -> None:
    story = Story()
    busy(story)
    story.tap()
    story.none_active()
    story.forget()
    story.granted(1, "S-1")
    match second:
        case "unusable":
            story.granted(9, "S-2")
        case "the same":
            story.granted(1, "S-1")
        case _:
            story.not_granted(NO_SLOTS)
    assert story.events() == ["refused slot-unusable"]
    assert [act for act in story.owing() if act.startswith("end")] == (
        ["end S-1", "end S-2"] if second == "unusable" else ["end S-1"]
    )
    for owed in list(story.owed):
        story.settles("end", owed.act.session)
    assert list(story.station.sessions) == ["S-8"]


def test_two_grants_without_a_name_are_two_sessions() -> None:
    story = Story()
    busy(story)
    story.tap()
    story.none_active()
    story.granted(1)
    story.none_active()
    story.granted(2)
    story.none_active()
    assert story.phase(2) is Phase.STARTING
    assert len(story.station.sessions) == 3


def test_no_answer_to_the_second_acquire_gives_the_first_back() -> None:
    story = Story()
    busy(story)
    story.tap()
    story.none_active()
    story.granted(1, "S-1")
    story.leave("acquire", "")
    story.passes(3)
    assert story.events() == ["refused supplier-unreachable"]
    story.granted(2, "S-2")
    assert [act for act in story.owing() if act.startswith("end")] == ["end S-1", "end S-2"]


def test_no_slot_usable_does_not_ask_for_one() -> None:
    story = Story(slots=1)
    faulty(story)
    story.forget()
    story.tap()
    story.none_active()
    assert (story.acts(), story.events()) == ([], ["refused out-of-order"])


def test_all_slots_busy_asks() -> None:
    story = Story(slots=1)
    busy(story)
    story.tap()
    story.none_active()
    assert story.acts() == [f"acquire {CARD}"]


@pytest.mark.parametrize(("code", "reason"), [("ReaderFailure", "out-of-order"), ("StorageFailure", "storage")])
def test_a_station_out_of_order_starts_nothing(code: str, reason: str) -> None:
    story = Story()
    story.fault(code)
    story.forget()
    story.tap()
    story.none_active()
    assert (story.acts(), story.events()) == ([], [f"refused {reason}"])


def test_a_fault_while_acquire_is_under_way_gives_back_what_it_got() -> None:
    story = asked_for_a_slot()
    story.fault()
    story.forget()
    story.granted(1, "S-1")
    assert (story.acts(), story.events()) == (["end S-1"], ["refused out-of-order"])


# The lock does not confirm, or a fault comes before it did.


def test_a_lock_that_does_not_confirm_gives_back_end_and_light() -> None:
    story = asked_for_a_slot()
    story.granted(1, "S-1")
    story.leave("leds")
    story.forget()
    story.lock_settles(1, locked=False)
    assert story.acts() == ["end S-1", "leds 1 off"]
    assert story.events() == ["refused lock-failed"]
    assert story.phase() is Phase.OPENING
    story.opens()
    assert story.phase() is Phase.FREE
    assert story.last.durable
    story.settles("end")
    assert story.station.sessions == {}
    assert (story.acts(), story.events()) == ([], [])


def test_what_has_not_left_is_struck_together_with_its_undo() -> None:
    story = asked_for_a_slot()
    story.granted(1, "S-1")
    story.forget()
    story.lock_settles(1, locked=False)
    assert story.acts() == ["end S-1"]
    assert story.owing() == ["end S-1"]


@pytest.mark.parametrize(("code", "slot"), [("ReaderFailure", 0), ("StorageFailure", 0), ("X", 1)])
def test_a_fault_before_the_lock_is_confirmed_undoes_the_start(code: str, slot: int) -> None:
    story = asked_for_a_slot()
    story.granted(1, "S-1")
    story.leave("leds")
    story.forget()
    story.fault(code, slot)
    assert story.acts()[-2:] == ["end S-1", "leds 1 off"]
    assert story.events()[-1] == "refused undone"
    story.opens()
    assert story.phase() is Phase.FREE


def test_a_fault_of_another_slot_or_a_warning_undoes_nothing() -> None:
    story = asked_for_a_slot()
    story.granted(1, "S-1")
    story.fault("X", 2)
    story.fault("LightsFailure", warning=True)
    assert story.phase() is Phase.STARTING


def test_a_fault_after_the_lock_is_confirmed_leaves_the_session() -> None:
    story = asked_for_a_slot()
    story.granted(1, "S-1")
    story.locks()
    story.fault()
    story.settles("start")
    assert story.phase() is Phase.CHARGING


def test_an_undone_slot_that_does_not_open_stays_its_cards() -> None:
    story = asked_for_a_slot()
    story.granted(1, "S-1")
    story.fault()
    story.lock_settles(1, locked=True)
    story.settles("end")
    story.passes(10)
    story.forget()
    story.tap()
    assert story.asks == []
    story.opens()
    assert story.phase() is Phase.FREE
    assert story.station.sessions == {}
    assert story.acts() == ["leds 1 off"]
    assert story.events() == []


# The supplier refuses the start.


def test_a_start_refused_to_a_fresh_driver_opens_the_slot() -> None:
    story = Story()
    story.locked_in()
    story.leave("lock")
    story.leave("leds")
    story.forget()
    story.passes(29)
    story.settles("start", status=409)
    assert story.acts() == ["end S-1", "unlock 1", "leds 1 off"]
    assert story.events() == ["refused start-refused"]
    story.opens()
    story.settles("end")
    assert (story.acts(), story.events()) == ([], [])
    assert story.station.sessions == {}


def test_a_start_refused_later_stays_locked_and_red_until_the_card_taps() -> None:
    story = Story()
    story.locked_in()
    story.passes(30)
    story.forget()
    story.settles("start", status=409)
    assert (story.acts(), story.events()) == (["end S-1"], [])
    assert (story.phase(), story.light("1")) == (Phase.HELD, "red steady")
    assert story.face().bolts[1].wanted == "locked"
    story.settles("end")
    story.tap()
    assert story.asks == []
    story.opens()
    assert story.acts() == ["unlock 1", "leds 1 flicker white"]
    assert story.events() == ["session-ended none card"]
    assert story.station.sessions == {}


def test_a_start_refused_while_its_card_asks_lets_it_go() -> None:
    story = Story()
    story.locked_in()
    story.passes(60)
    story.forget()
    story.tap()
    story.settles("start", status=409)
    assert story.acts() == ["end S-1"]
    story.none_active()
    assert story.acts() == []
    assert story.phase() is Phase.ENDING
    story.settles("end")
    story.opens()
    assert story.events() == ["session-ended none card"]


def test_a_start_refused_after_the_end_takes_the_pay_back() -> None:
    story = Story()
    story.locked_in()
    story.passes(60)
    story.tap()
    story.none_active()
    story.forget()
    story.settles("start", status=422)
    assert story.owing() == ["end S-1"]
    story.settles("end", status=404)
    story.opens()
    assert story.events() == ["session-ended none card"]


def test_a_start_refused_after_the_vehicle_went_is_told_only_then() -> None:
    story = Story()
    story.locked_in()
    story.passes(60)
    story.tap()
    story.passes(3)
    story.opens()
    story.forget()
    story.settles("start", status=422)
    assert story.events() == ["session-ended none card"]
    assert "pay S-1" not in story.owing()


def test_an_end_before_the_start_was_delivered_is_told_after_it() -> None:
    story = Story()
    story.locked_in()
    story.passes(60)
    story.tap()
    story.passes(3)
    story.opens()
    assert story.events() == []
    story.settles("start")
    assert story.events() == ["session-started", "session-ended owed card"]
    story.settles("end")
    story.settles("pay")
    assert story.events() == ["session-settled paid"]


def test_keys_outlive_a_lost_journal() -> None:
    keys = []
    for facts_before in (0, 5):
        story = Story()
        for _ in range(facts_before):
            story.two_cards()
        story.locked_in()
        keys.append({told(owed.act): owed.act.key for owed in story.owed})
    assert keys[0] == keys[1]
