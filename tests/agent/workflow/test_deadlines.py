"""What becomes due, and what does not with it."""

from support.story import CARD, OTHER, Story

from agent.facts import DeadlinePassed
from agent.workflow import next_deadline


def test_nothing_to_do_is_never_due() -> None:
    story = Story()
    assert next_deadline(story.station, story.boot) is None
    story.charges()
    assert next_deadline(story.station, story.boot) is None


def test_the_driver_who_came_later_waits_longer() -> None:
    story = Story()
    story.tap()
    story.passes(2)
    story.tap(OTHER)
    assert next_deadline(story.station, story.boot) == story.now + 1
    story.passes(1)
    assert [visit.card for visit in story.station.visits.values()] == [OTHER]
    story.passes(2)
    assert story.events() == ["refused supplier-unreachable"] * 2


def test_a_young_lock_failure_and_other_old_faults_stay() -> None:
    story = Story()
    story.fault("X")
    story.passes(4000)
    story.fault("LockFailed", 1)
    assert next_deadline(story.station, story.boot) == story.now + 3600
    story.tap()
    story.passes(3)
    assert list(story.station.faults) == ["X/0", "LockFailed/1"]
    story.passes(3600)
    assert list(story.station.faults) == ["X/0"]


def test_a_wake_up_too_early_changes_nothing() -> None:
    story = Story()
    story.tap()
    before = story.station
    story.happens(DeadlinePassed)
    assert story.station == before
    assert [ask.card for ask in story.asks] == [CARD]


def test_a_bolt_on_its_way_has_no_deadline() -> None:
    story = Story()
    story.closing()
    assert next_deadline(story.station, story.boot) is None
