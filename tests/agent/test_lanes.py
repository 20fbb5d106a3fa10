"""Lanes: order, backoff and stepping aside, in virtual time."""

import pytest
from support.lanes_story import END, PAY, START, Story
from support.owing import act, flicker, light_on, longest

from agent.effects import STATION_LANE, ActName
from agent.lanes import Lanes
from agent.owed import Moments, Owed, wait_s


@pytest.fixture
def story() -> Story:
    return Story()


class TestOrder:
    def test_an_act_leaves_only_after_the_one_before_it_is_done(self, story: Story) -> None:
        story.add(act(ActName.LOCK, "lock"), act(ActName.UNLOCK, "unlock"))
        assert story.go() == "lock"
        assert story.go() == ""
        story.done("lock")
        assert story.go() == "unlock"

    def test_lanes_leave_beside_each_other(self, story: Story) -> None:
        story.add(act(ActName.END, "a", session="A"), act(ActName.PAY, "a2", session="A"))
        story.add(act(ActName.END, "b", session="B"), act(ActName.SUPPORT, "c", lane=STATION_LANE))
        assert [story.go() for _ in range(4)] == ["a", "b", "c", ""]

    def test_one_that_failed_holds_up_its_own_lane_only(self, story: Story) -> None:
        story.add(act(ActName.END, "a", session="A"), act(ActName.PAY, "a2", session="A"))
        story.go()
        story.fail("a")
        story.add(act(ActName.END, "b", session="B"))
        assert [story.go(), story.go()] == ["b", ""]
        assert story.wait() == 2.0
        assert story.go() == "a"

    def test_what_settles_something_blocks_its_lane_until_it_is_removed(self, story: Story) -> None:
        start, _ = story.add(START, END)
        story.go()
        story.lanes.settle(start, "409 Conflict")
        assert (start.idle, start.has_left, start.refusal) == (False, True, "409 Conflict")
        assert story.go() == ""
        assert story.lanes.due(story.now) is None
        story.lanes.remove(start)
        assert story.go() == "end"

    def test_what_has_been_ready_longest_leaves_first(self, story: Story) -> None:
        story.add(act(ActName.END, "a", session="A"))
        story.go()
        story.fail("a")
        story.now += 10.0
        story.add(act(ActName.END, "b", session="B"))
        assert [story.go(), story.go()] == ["b", "a"]

    def test_a_key_that_is_owed_already_is_the_same_act(self, story: Story) -> None:
        story.add(END, END)
        assert [owed.id for owed in story.lanes.dropped] == [2]
        assert (len(story.lanes), story.go()) == (1, "end")
        story.done("end")
        assert (len(story.lanes), story.go()) == (0, "")

    def test_it_knows_what_is_owed(self, story: Story) -> None:
        end, pay = story.add(END, PAY)
        assert list(story.lanes) == [end, pay]
        assert end in story.lanes
        story.lanes.remove(end)
        assert end not in story.lanes
        assert story.lanes.find("end") is None


class TestBackoff:
    @pytest.mark.parametrize(
        ("attempts", "bound"), [(1, 2.0), (2, 4.0), (5, 32.0), (6, 60.0), (7, 60.0), (10**6, 60.0)]
    )
    def test_it_is_a_random_wait_between_nothing_and_two_to_the_attempts_up_to_a_minute(
        self, attempts: int, bound: float
    ) -> None:
        asked = []

        def uniform(low: float, high: float) -> float:
            asked.append((low, high))
            return high / 4

        assert wait_s(attempts, None, uniform) == bound / 4
        assert asked == [(0.0, bound)]

    @pytest.mark.parametrize(("asked", "waits"), [(0.5, 2.0), (30.0, 30.0), (600.0, 600.0), (86400.0, 600.0)])
    def test_the_supplier_may_ask_for_more_up_to_ten_minutes(self, asked: float, waits: float) -> None:
        assert wait_s(1, asked, longest) == waits

    def test_it_grows_with_every_attempt_of_one_act(self, story: Story) -> None:
        story.add(END)
        waits = []
        for _ in range(8):
            assert story.go() == "end"
            story.fail("end")
            assert story.go() == ""
            waits.append(story.wait())
        assert waits == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]

    def test_whether_it_has_left_stays_true(self, story: Story) -> None:
        (end,) = story.add(END)
        seen = [end.has_left]
        for left in (False, True, False):
            story.go()
            assert end.has_left
            story.fail("end", left=left)
            seen.append(end.has_left)
            story.wait()
        assert seen == [False, False, True, True]

    def test_nothing_owed_needs_no_time(self, story: Story) -> None:
        assert story.lanes.due(story.now) is None
        story.add(END)
        assert story.lanes.due(story.now) == 0.0
        story.go()
        assert story.lanes.due(story.now) is None


class TestLights:
    def test_its_call_is_tried_once_in_its_place_and_then_beside(self, story: Story) -> None:
        story.add(light_on("blue"), act(ActName.LOCK, "lock"))
        assert [story.go(), story.go()] == ["blue", ""]
        story.fail("blue")
        assert [story.go(), story.go()] == ["lock", ""]
        story.wait()
        assert story.go() == "blue"

    def test_a_later_call_for_the_same_light_overtakes_one_that_failed(self, story: Story) -> None:
        blue, _ = story.add(light_on("blue"), light_on("other", light="2", lane="x"))
        story.go(), story.go()
        story.fail("blue")
        story.fail("other")
        story.add(flicker("white"))
        assert story.lanes.dropped == [blue]
        assert story.go() == "white"
        assert story.lanes.find("other")

    def test_one_that_fails_when_a_later_one_is_owed_already_is_overtaken(self, story: Story) -> None:
        blue, _ = story.add(light_on("blue"), flicker("white"))
        story.go()
        story.fail("blue")
        assert story.lanes.dropped == [blue]
        assert story.go() == "white"

    def test_one_whose_turn_comes_after_a_later_one_left_is_overtaken(self, story: Story) -> None:
        """Its lane was slower: what it tells is over, and it would be the supplier's last word."""
        support = act(ActName.SUPPORT, "support", lane=STATION_LANE)
        story.add(support, light_on("red", lane=STATION_LANE), act(ActName.LOCK, "lock", lane=STATION_LANE))
        story.go()
        story.add(light_on("blue"))
        assert story.go() == "blue"
        story.done("blue")
        story.done("support")
        assert [story.go(), story.go()] == ["lock", ""]
        assert story.lanes.find("red") is None

    def test_two_calls_for_one_light_are_never_under_way_at_once(self, story: Story) -> None:
        """The one sent first could be the one that arrives last, and stay."""
        story.add(light_on("blue"))
        story.go()
        story.fail("blue")
        story.wait()
        assert story.go() == "blue"
        story.add(flicker("white"), act(ActName.LOCK, "lock"))
        assert story.go() == ""
        assert story.lanes.due(story.now) is None
        story.fail("blue")
        assert story.go() == "white"

    def test_its_own_duration_overtakes_it(self, story: Story) -> None:
        (white,) = story.add(flicker("white", duration=3000))
        story.go()
        story.fail("white", retry_after_s=600.0)
        assert story.wait() == 3.0
        assert story.go() == ""
        assert story.lanes.dropped == [white]
        assert story.lanes.due(story.now) is None

    def test_one_that_waits_for_its_first_try_is_not_overtaken_by_time(self, story: Story) -> None:
        story.add(END, flicker("white", duration=3000))
        story.now += 100.0
        assert story.go() == "end"
        story.done("end")
        assert story.go() == "white"


class TestManyLanes:
    @pytest.mark.parametrize("count", [10, 1000])
    def test_an_exchange_looks_at_few_acts_however_many_lanes_there_are(
        self, story: Story, monkeypatch: pytest.MonkeyPatch, count: int
    ) -> None:
        story.add(*(act(ActName.END, f"k{number}", session=f"S{number}") for number in range(count)))
        looked: list[Owed] = []
        is_head = Lanes._is_head
        monkeypatch.setattr(Lanes, "_is_head", lambda lanes, owed: bool(looked.append(owed) or is_head(lanes, owed)))
        for number in range(10):
            assert story.go() == f"k{number}"
            story.done(f"k{number}")
        assert len(looked) <= 20

    def test_lights_that_were_held_up_leave_one_after_the_other(self, story: Story) -> None:
        story.add(*(light_on(f"l{number}", session=f"S{number}") for number in range(4)))
        for number in range(4):
            assert [story.go(), story.go()] == [f"l{number}", ""]
            story.done(f"l{number}")
        assert story.go() == ""


class TestMoments:
    def test_each_waits_for_the_moment_that_it_was_given_last(self) -> None:
        first, second = (Owed(id=number, act=END) for number in (1, 2))
        moments = Moments(lambda _: True)
        moments.put(5.0, first)
        moments.put(5.0, second)
        moments.put(7.0, first)
        assert moments.first() == 5.0
        assert [moments.pop(6.0), moments.pop(6.0), moments.first()] == [second, None, 7.0]
        assert [moments.pop(7.0), moments.first()] == [first, None]

    def test_what_does_not_hold_waits_no_longer(self) -> None:
        wanted = {1}
        moments = Moments(lambda owed: owed.id in wanted)
        for number in (1, 2, 3):
            moments.put(float(-number), Owed(id=number, act=END))
        assert moments.first() == -1.0
        wanted.clear()
        assert (moments.first(), moments.pop(0.0)) == (None, None)
