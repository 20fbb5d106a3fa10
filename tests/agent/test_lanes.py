"""Lanes: order, backoff and stepping aside, in virtual time."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.owing import act, flicker, light_on, longest, renamed

from agent.effects import STATION_LANE, Act, ActName
from agent.lanes import Lanes
from agent.owed import Moments, Owed, beside, wait_s

PAY_WAIT_S = 3.0
NOW = 1000.0


class Story:
    """Lanes under one clock: `add` owes, `go` lets one leave, `fail` and `done` answer it."""

    def __init__(self, uniform: Callable[[float, float], float] = longest) -> None:
        self.lanes = Lanes(PAY_WAIT_S, uniform)
        self.now = NOW
        self.count = 0

    def add(self, *acts: Act) -> list[Owed]:
        owed = []
        for one in acts:
            self.count += 1
            owed.append(Owed(id=self.count, act=one))
            self.lanes.add(owed[-1])
        return owed

    def go(self) -> str:
        """The key of what leaves now; empty if nothing may."""
        owed = self.lanes.next(self.now)
        return owed.act.key if owed else ""

    def owed(self, key: str) -> Owed:
        found = self.lanes.find(key)
        assert found
        return found

    def fail(self, key: str, *, left: bool = True, retry_after_s: float | None = None) -> None:
        self.lanes.failed(self.owed(key), self.now, left=left, retry_after_s=retry_after_s)

    def done(self, key: str) -> None:
        self.lanes.drop(self.owed(key))

    def wait(self) -> float | None:
        """Pass the time that the lanes say there is nothing to do in; gives its length."""
        due = self.lanes.due(self.now)
        self.now += due or 0.0
        return due


@pytest.fixture
def story() -> Story:
    return Story()


START, END, PAY, UNLOCK = (act(name, name) for name in (ActName.START, ActName.END, ActName.PAY, ActName.UNLOCK))


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


class LanesModel(RuleBasedStateMachine):
    """Owed, tried, failed, answered and settled in any order: nothing is lost, doubled, or out of its order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.count = 0
        self.owed: dict[str, Owed] = {}
        self.strict: dict[str, list[str]] = {}
        self.under_way: dict[str, Owed] = {}
        self.settled: dict[str, Owed] = {}
        self.delivered: list[str] = []
        self.first_tried: dict[str, float] = {}

    @initialize(seed=st.integers(0, 1000))
    def begin(self, seed: int) -> None:
        self.lanes = Lanes(PAY_WAIT_S, random.Random(seed).uniform)

    @rule(
        name=st.sampled_from(list(ActName)),
        session=st.sampled_from("AB"),
        light=st.sampled_from("12"),
        duration=st.sampled_from([None, 1000, 30000]),
    )
    def owe(self, name: ActName, session: str, light: str, duration: int | None) -> None:
        self.count += 1
        key = f"{self.count}-{name}"
        body = {"duration": duration} if duration and name is ActName.LEDS else {}
        values: dict[str, Any] = {"light": light, "body": body} if name is ActName.LEDS else {}
        owed = Owed(id=self.count, act=act(name, key, session=session, **values))
        self.owed[key] = owed
        if name is not ActName.LEDS:
            self.strict.setdefault(session, []).append(key)
        self.lanes.add(owed)

    @rule()
    def leave(self) -> None:
        owed = self.lanes.next(self.now)
        if owed is None:
            due = self.lanes.due(self.now)
            assert due is None or due > 0, "a worker would spin"
            return
        key = owed.act.key
        assert self.owed[key] is owed
        assert key not in self.under_way
        assert key not in self.delivered
        self.under_way[key] = owed
        self.first_tried.setdefault(key, self.now)
        lights = [one.act.light for one in self.under_way.values() if one.is_light]
        assert len(lights) == len(set(lights))
        if not owed.is_light:
            for before in self.strict[owed.act.session]:
                if before == key:
                    break
                waited = self.now - self.first_tried.get(before, self.now) >= PAY_WAIT_S
                stepped_aside = before.endswith("pay") and waited and before not in self.settled
                assert stepped_aside or self.owed[before].lane == beside(self.owed[before].act)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), left=st.booleans(), retry_after=st.sampled_from([None, 5.0, 900.0]))
    def fail(self, data: st.DataObject, left: bool, retry_after: float | None) -> None:
        owed = self.under_way.pop(data.draw(st.sampled_from(sorted(self.under_way))))
        self.lanes.failed(owed, self.now, left=left, retry_after_s=retry_after)
        assert owed.not_before - self.now <= 600.001
        if owed.is_light:
            assert owed not in self.lanes or owed.lane == beside(owed.act)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.under_way)))
        owed = self.under_way.pop(key)
        if owed.act.name in (ActName.ACQUIRE, ActName.START, ActName.END, ActName.PAY):
            self.lanes.settle(owed, "")
            self.settled[key] = owed
        else:
            self.lanes.drop(owed)
            self.delivered.append(key)
            if not owed.is_light:
                self.strict[owed.act.session].remove(key)

    @precondition(lambda self: self.settled)
    @rule(data=st.data())
    def take_in(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.settled)))
        owed = self.settled.pop(key)
        self.lanes.remove(owed)
        self.delivered.append(key)
        self.strict[owed.act.session].remove(key)

    @rule(old=st.sampled_from("AB"), new=st.sampled_from("CD"))
    def rename_there_and_back(self, old: str, new: str) -> None:
        order = [owed.act.key for owed in self.lanes if owed.act.session == old]
        self.lanes.rename(renamed(old, new))
        self.lanes.rename(renamed(new, old))
        assert [owed.act.key for owed in self.lanes if owed.act.session == old] == order

    @rule(seconds=st.sampled_from([0.1, 1.0, 3.0, 20.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        if not hasattr(self, "lanes"):
            return
        inside = {owed.act.key for owed in self.lanes}
        dropped = [owed.act.key for owed in self.lanes.dropped]
        assert len(dropped) == len(set(dropped))
        gone = set(dropped) | set(self.delivered)
        assert inside | gone == set(self.owed)
        assert not inside & gone
        assert all(self.owed[key].is_light for key in set(dropped) - set(self.delivered))
        standing = [owed for lane in self.lanes._lanes.values() for owed in lane]
        assert sorted(owed.act.key for owed in standing) == sorted(inside)
        assert all(owed in self.lanes._lanes[owed.lane] for owed in standing)

    @invariant()
    def time_never_runs_backwards(self) -> None:
        if hasattr(self, "lanes"):
            due = self.lanes.due(self.now)
            assert due is None or due >= 0

    def teardown(self) -> None:
        """Left alone with a supplier that answers, everything arrives."""
        if not hasattr(self, "lanes"):
            return
        for key in list(self.under_way):
            self.lanes.failed(self.under_way.pop(key), self.now, left=True, retry_after_s=None)
        for settled in self.settled.values():
            self.lanes.remove(settled)
        for _ in range(10 * len(self.owed) + 10):
            owed = self.lanes.next(self.now)
            if owed is None:
                due = self.lanes.due(self.now)
                if due is None:
                    break
                self.now += due
            else:
                self.lanes.drop(owed)
        assert len(self.lanes) == 0


TestLanesModel = LanesModel.TestCase
TestLanesModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


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
