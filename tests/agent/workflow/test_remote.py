"""A workflow elsewhere decides: the station tells taps and faults, obeys, and keeps nobody in when it is silent."""

from support.story import CARD, OTHER, Story

from agent.effects import Effects
from agent.facts import EndAsked, LightsAsked, LockAsked, UnlockAsked
from agent.state import Phase


def station() -> Story:
    return Story(remote=True)


def lock(story: Story, slot: int = 1, card: str = CARD, session: str = "S-1") -> Effects:
    return story.happens(LockAsked, slot=slot, card=card, session=session)


def charging() -> Story:
    """A session that the workflow elsewhere began an hour ago."""
    story = station()
    story.tap()
    lock(story)
    story.locks()
    story.passes(3600)
    story.forget()
    return story


def status(effects: Effects) -> int | None:
    (answer,) = effects.answers
    return answer.problem.status if answer.problem else None


def test_a_tap_is_told_and_nothing_else_is_done() -> None:
    story = station()
    story.tap()
    assert story.events() == ["card-scanned"]
    assert (story.acts(), story.asks) == ([], [])


def test_lock_locks_for_its_card_and_says_what_the_sensor_saw() -> None:
    story = station()
    story.tap()
    assert lock(story).answers == ()
    assert story.phase() is Phase.STARTING
    story.locks()
    assert status(story.last) is None
    assert story.last.answers[0].result == {"slotNumber": 1, "seen": "locked"}
    assert story.light("1") == "blue steady"
    assert story.acts() == []
    assert story.station.visits == {}


def test_a_lock_that_does_not_confirm_is_answered_and_opens() -> None:
    story = station()
    story.tap()
    lock(story)
    story.lock_settles(1, locked=False)
    assert status(story.last) == 409
    story.opens()
    assert story.phase() is Phase.FREE
    assert story.station.sessions == {}
    assert story.acts() == []


def test_the_same_lock_again_is_answered_and_moves_nothing() -> None:
    story = charging()
    move = story.slot().move
    assert status(lock(story)) is None
    assert story.slot().move == move


def test_a_slot_that_is_not_free_or_not_here_is_refused() -> None:
    story = charging()
    assert status(lock(story, card=OTHER, session="S-2")) == 409
    assert status(lock(story, slot=2)) == 409
    assert status(lock(story, slot=9)) == 404
    story.fault("X", 2)
    assert status(lock(story, slot=2, card=OTHER, session="S-2")) == 409


def test_unlock_opens_and_tells_no_end_of_its_own() -> None:
    story = charging()
    story.happens(UnlockAsked, slot=1)
    story.opens()
    assert story.phase() is Phase.FREE
    assert (story.acts(), story.events()) == ([], [])
    assert story.station.sessions == {}


def test_an_unlock_in_time_answers_a_tap() -> None:
    story = charging()
    story.tap()
    story.passes(2.9)
    story.happens(UnlockAsked, slot=1)
    story.opens()
    assert story.events() == ["card-scanned"]
    assert story.station.visits == {}


def test_silence_opens_the_slot_of_the_card_that_tapped_and_nobody_elses() -> None:
    story = charging()
    lock(story, 2, OTHER, "S-2")
    story.locks(2)
    story.passes(60)
    story.tap()
    story.passes(2.9)
    assert story.phase(1) is Phase.CHARGING
    story.passes(0.2)
    story.opens(1)
    assert [story.phase(1), story.phase(2)] == [Phase.FREE, Phase.CHARGING]
    assert story.events() == ["card-scanned", "session-ended owed card"]
    assert story.acts() == []
    assert list(story.station.sessions) == ["S-2"]


def test_a_card_that_stands_nowhere_is_turned_away_by_silence() -> None:
    story = station()
    story.tap()
    story.passes(3)
    assert story.events() == ["card-scanned", "refused supplier-unreachable"]
    assert story.light() == "red two-blinks"


def test_what_the_main_light_says_is_an_answer_too() -> None:
    story = station()
    story.tap()
    story.happens(LightsAsked, target="main", action="flicker", colour="red", duration_s=3.0)
    assert story.light() in ("white steady", "red flicker")
    story.passes(3)
    assert story.events() == ["card-scanned"]


def test_faults_are_told_and_handled_elsewhere() -> None:
    story = charging()
    story.fault("X", 1)
    assert story.events() == ["faulted"]
    assert story.acts() == []
    assert story.light("1") == "red steady"
    assert story.last.durable
    story.mends("X", 1)
    assert story.events() == []


def test_a_session_stays_over_restarts_and_kills() -> None:
    story = charging()
    story.restarts(after=60, reboot=True, killed=True)
    story.locks()
    assert story.phase() is Phase.CHARGING
    story.tap()
    story.passes(3)
    story.opens()
    assert story.phase() is Phase.FREE


def test_a_lock_that_a_kill_cut_short_is_undone_without_a_call() -> None:
    story = station()
    story.tap()
    lock(story)
    story.restarts(after=60, killed=True)
    story.opens()
    assert story.phase() is Phase.FREE
    assert story.acts() == []
    assert story.station.sessions == {}


def test_on_site_a_session_can_be_ended_and_is_owed() -> None:
    story = charging()
    story.happens(EndAsked, session="S-1")
    story.opens()
    assert story.events() == ["session-ended owed command"]


def test_a_vehicle_that_is_gone_ends_it_too() -> None:
    story = charging()
    story.vehicle(there=False)
    story.happens(UnlockAsked, slot=1, force=True)
    story.opens()
    story.passes(60)
    story.opens()
    assert story.events() == ["session-ended owed station"]


def test_cards_from_the_inbox_are_not_taken() -> None:
    story = Story(remote=True, remote_cards=True)
    story.inbox("card-scanned.v1", {"card": CARD})
    assert story.events() == []
    assert story.problems[0].title == "Unsupported Event"
