"""Lanes: acts in any order, under any answers."""

import random
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.lanes_story import NOW, PAY_WAIT_S
from support.owing import act, renamed

from agent.effects import ActName
from agent.lanes import Lanes
from agent.owed import Owed, beside


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
