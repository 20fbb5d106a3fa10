"""Lanes: payments and lights that step aside, sessions that change their name or began without the supplier."""

from dataclasses import replace

import pytest
from support.lanes_story import END, PAY, PAY_WAIT_S, START, UNLOCK, Story
from support.owing import act, light_on, renamed

from agent.effects import STATION_LANE, ActName


@pytest.fixture
def story() -> Story:
    return Story()


class TestPay:
    def test_without_an_answer_it_holds_up_nothing_for_longer_than_a_driver_waits(self, story: Story) -> None:
        story.add(PAY, UNLOCK)
        story.go()
        story.fail("pay", retry_after_s=30.0)
        assert story.go() == ""
        assert story.wait() == PAY_WAIT_S
        assert story.go() == "unlock"
        story.done("unlock")
        assert story.wait() == 30.0 - PAY_WAIT_S
        assert story.go() == "pay"

    def test_tried_again_it_waits_no_longer(self, story: Story) -> None:
        story.add(PAY, UNLOCK)
        story.go()
        story.fail("pay")
        assert story.wait() == 2.0
        assert story.go() == "pay"
        story.fail("pay")
        assert story.wait() == PAY_WAIT_S - 2.0
        assert story.go() == "unlock"

    def test_also_while_it_is_under_way(self, story: Story) -> None:
        (pay, _) = story.add(PAY, UNLOCK)
        story.go()
        assert story.wait() == PAY_WAIT_S
        assert story.go() == "unlock"
        story.lanes.settle(pay, "")
        story.lanes.remove(pay)
        story.done("unlock")
        assert len(story.lanes) == 0

    def test_answered_it_blocks_until_the_answer_is_taken_in(self, story: Story) -> None:
        pay, _ = story.add(PAY, UNLOCK)
        story.go()
        story.lanes.settle(pay, "")
        story.now += 100.0
        assert story.go() == ""
        assert story.lanes.due(story.now) is None

    def test_the_wait_counts_from_its_first_try(self, story: Story) -> None:
        story.add(END, PAY, UNLOCK)
        story.go()
        story.now += 100.0
        assert story.go() == ""
        story.done("end")
        assert [story.go(), story.go()] == ["pay", ""]

    def test_nothing_else_steps_aside(self, story: Story) -> None:
        story.add(END, PAY)
        story.go()
        story.now += 100.0
        assert story.go() == ""


class TestRename:
    def test_the_lane_moves_with_everything_in_it(self, story: Story) -> None:
        acquire = act(ActName.ACQUIRE, "acquire", session="", lane="session:S1")
        story.add(light_on("blue"), START, END, acquire)
        story.go()
        story.lanes.rename(renamed("S1", "S9"))
        acts = [owed.act for owed in story.lanes]
        assert {one.lane for one in acts} == {"session:S9"}
        assert [one.session for one in acts] == ["S9", "S9", "S9", ""]
        assert [one.key for one in acts] == ["blue", "start", "end", "acquire"]
        story.done("blue")
        assert [story.go(), story.go()] == ["start", ""]

    def test_what_it_would_read_changes_nothing(self, story: Story) -> None:
        story.add(START)
        assert story.lanes.renamed(renamed("S1", "S9")) == {
            "start": replace(START, session="S9", lane="session:S9", slot=1)
        }
        assert story.owed("start").act == START
        assert story.lanes.renamed(renamed("S2", "S9")) == {}

    def test_what_steps_aside_goes_on_beside(self, story: Story) -> None:
        story.add(light_on("blue"), PAY, UNLOCK)
        story.go()
        story.fail("blue", retry_after_s=50.0)
        story.go()
        story.wait()
        assert story.go() == "unlock"
        story.lanes.rename(renamed("S1", "S9"))
        assert [owed.lane for owed in story.lanes] == ["light:1", "pay:S9", "session:S9"]

    def test_other_lanes_whose_names_look_alike_stay(self, story: Story) -> None:
        story.add(
            act(ActName.END, "s", session="s"),
            act(ActName.END, "1", session="1"),
            light_on("light", light="1", session="1"),
            act(ActName.SUPPORT, "support", session="", lane=STATION_LANE),
        )
        story.lanes.rename(renamed("s", "new"))
        story.lanes.rename(renamed("1", "2"))
        lanes = {owed.act.key: owed.act.lane for owed in story.lanes}
        assert lanes == {"s": "session:new", "1": "session:2", "light": "session:2", "support": STATION_LANE}
        assert story.owed("light").act.light == "1"

    def test_a_lane_not_called_after_its_session_keeps_its_name(self, story: Story) -> None:
        story.add(act(ActName.END, "end", lane=STATION_LANE))
        story.lanes.rename(renamed("S1", "S9"))
        assert (story.owed("end").act.lane, story.owed("end").act.session) == (STATION_LANE, "S9")

    def test_into_a_lane_that_exists_it_keeps_the_order_in_which_things_became_owed(self, story: Story) -> None:
        story.add(act(ActName.START, "a1", session="A"), act(ActName.START, "b1", session="B"))
        story.add(act(ActName.END, "a2", session="A"), act(ActName.END, "b2", session="B"))
        assert [story.go(), story.go()] == ["a1", "b1"]
        story.lanes.rename(renamed("A", "B"))
        left = []
        for key in ("a1", "b1"):
            assert story.go() == ""
            story.done(key)
        while key := story.go():
            left.append(key)
            story.done(key)
        assert left == ["a2", "b2"]

    def test_what_is_under_way_in_both_goes_before_the_rest(self, story: Story) -> None:
        story.add(act(ActName.START, "b1", session="B"))
        story.go()
        story.fail("b1")
        story.add(act(ActName.START, "a1", session="A"))
        assert story.go() == "a1"
        story.lanes.rename(renamed("A", "B"))
        story.now += 100.0
        assert story.go() == ""
        story.done("a1")
        assert story.go() == "b1"


class TestBegun:
    """Sessions that began without the supplier stand behind their acquire."""

    BEGUN = act(ActName.ACQUIRE, "begun", session="", lane="card:A")
    BEHIND = act(ActName.START, "start", session="own", lane="card:A")
    LIVE = act(ActName.ACQUIRE, "live", session="", lane="card:B")

    def test_no_other_acquire_leaves_before_theirs_is_answered(self, story: Story) -> None:
        story.add(self.BEGUN, self.BEHIND, self.LIVE)
        assert [story.go(), story.go()] == ["begun", ""]
        story.done("begun")
        assert sorted([story.go(), story.go()]) == ["live", "start"]

    def test_a_live_one_makes_them_try_at_once(self, story: Story) -> None:
        story.add(self.BEGUN, self.BEHIND)
        story.go()
        story.fail("begun")
        assert story.go() == ""
        story.add(self.LIVE)
        assert story.go() == "begun"

    def test_but_not_before_the_time_that_the_supplier_named(self, story: Story) -> None:
        story.add(self.BEGUN, self.BEHIND)
        story.go()
        story.fail("begun", retry_after_s=50.0)
        story.add(self.LIVE)
        assert story.go() == ""
        story.now += 50.0
        assert story.go() == "begun"

    def test_an_acquire_with_nobody_behind_it_holds_up_nobody(self, story: Story) -> None:
        story.add(self.BEGUN, self.LIVE)
        assert [story.go(), story.go()] == ["begun", "live"]

    def test_a_light_gets_the_slot_that_the_supplier_named(self, story: Story) -> None:
        story.add(light_on("blue", light="1", session="own", lane="card:A"))
        story.lanes.rename(renamed("own", "S9", 2))
        assert (story.owed("blue").act.light, story.owed("blue").act.slot) == ("2", 2)
        assert story.go() == "blue"
        story.fail("blue")
