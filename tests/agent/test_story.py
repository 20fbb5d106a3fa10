"""What happened, in readable lines."""

from support.story import CARD, NO_SLOTS, OTHER, Story

from agent.effects import Aside, Effects, Message
from agent.facts import ClearFaultAsked, DropAsked, EndAsked, Fact, RetryAsked, UnlockAsked
from agent.state import Station
from agent.story import told

MASKED = f"..{CARD[-4:]}"


class Told(Story):
    """A story that is also told."""

    def __init__(self, slots: int = 2) -> None:
        super().__init__(slots)
        self.lines: list[str] = []

    def happens(self, kind: type[Fact], **values: object) -> Effects:
        before = self.station
        effects = super().happens(kind, **values)
        fact = kind(at=self.at(), id="f", **values)
        self.lines += told(fact, before, self.station, effects)
        return effects

    def news(self) -> list[str]:
        lines, self.lines = self.lines, []
        return lines


def test_a_session() -> None:
    story = Told()
    story.rest()
    assert story.news() == [f"card {MASKED} tapped"]
    story.none_active()
    story.granted(1, "S-1")
    assert f"slot 1 is starting for card {MASKED}, session S-1" in story.news()
    story.locks()
    assert f"slot 1 is charging for card {MASKED}, session S-1" in story.news()
    story.settles("start")
    assert "event session-started" in story.news()
    story.lift()
    assert story.news() == [f"card {MASKED} left"]
    story.passes(5)
    story.tap()
    story.named("S-1", 1)
    assert f"slot 1 is ending for card {MASKED}, session S-1" in story.news()
    story.settles("end")
    story.settles("pay")
    story.opens()
    told = story.news()
    assert "slot 1 is free" in told
    assert "event session-ended" in told


def test_no_card_is_ever_told_in_clear() -> None:
    story = Told(slots=1)
    story.charges()
    story.tap(OTHER)
    story.none_active(OTHER)
    story.not_granted(NO_SLOTS, OTHER)
    story.two_cards()
    lines = story.news()
    assert lines[-1] == "two cards at once; neither is taken"
    assert not any(CARD in line or OTHER in line for line in lines)


def test_a_tap_that_is_only_acknowledged_says_so() -> None:
    story = Told()
    story.rest()
    story.lift()
    story.rest()
    assert story.news() == [f"card {MASKED} tapped", f"card {MASKED} left", f"card {MASKED} tapped; acknowledged"]


def test_refusals_faults_and_problems() -> None:
    story = Told()
    story.fault("ReaderFailure")
    assert any(line.startswith("fault ReaderFailure raised: ") for line in story.news())
    story.tap()
    story.none_active()
    assert f"card {MASKED} turned away: out-of-order" in story.news()
    story.mends("ReaderFailure")
    lines = story.news()
    assert "fault ReaderFailure cleared" in lines
    assert "event back-in-service" in lines
    story.inbox("com.example.strange.v1")
    lines = story.news()
    assert lines[0] == "inbox: com.example.strange.v1"
    assert any(line.startswith("could not be handled: Unsupported Event: ") for line in lines)


def test_a_bolt_without_a_sensor_is_believed_aloud() -> None:
    story = Told()
    story.tap()
    story.none_active()
    story.granted(1, "S-1")
    story.locks(sensor=False)
    assert "slot 1 has no sensor; its move is believed" in story.news()


def test_a_restart_counts_its_sessions() -> None:
    story = Told()
    story.restarts()
    assert "started; no session under way" in story.news()
    story.charges()
    story.restarts()
    assert "started; 1 session under way" in story.news()
    story.charges("S-2", 2, OTHER)
    story.restarts()
    assert "started; 2 sessions under way" in story.news()


def test_a_restart_tells_what_is_over_from_what_goes_on() -> None:
    story = Told()
    story.charges()
    story.tap()
    story.named("S-1", 1)
    story.passes(5)
    story.opens()
    story.restarts()
    assert "started; no session under way, 1 over and still owed" in story.news()


def test_a_slot_that_is_new_is_no_news() -> None:
    story = Told()
    assert list(told(story_fact(story), Station(slots={}), story.station, Effects())) == []


def story_fact(story: Story) -> Fact:
    return Fact(at=story.at(), id="f")


def test_what_somebody_on_site_asks_for() -> None:
    story = Told()
    story.happens(UnlockAsked, slot=1)
    story.happens(UnlockAsked, slot=9, force=True)
    story.happens(EndAsked, session="S-9")
    story.happens(ClearFaultAsked, code="LockFailed")
    row = Aside(table="messages", id=3, since=0.0, reason="", message=Message(topic="t", payload=b""))
    story.happens(RetryAsked, name="message-3", rows=(row,))
    story.happens(DropAsked, name="act-1")
    assert [line.removeprefix("somebody on site asks to ") for line in story.news()] == [
        "unlock slot 1",
        "unlock slot 9 by force",
        "end session S-9",
        "clear LockFailed",
        "send again message-3",
        "drop act-1",
    ]
