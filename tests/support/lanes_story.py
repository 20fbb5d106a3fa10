"""Lanes under one clock."""

from collections.abc import Callable

from support.owing import act, longest

from agent.effects import Act, ActName
from agent.lanes import Lanes
from agent.owed import Owed

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


START, END, PAY, UNLOCK = (act(name, name) for name in (ActName.START, ActName.END, ActName.PAY, ActName.UNLOCK))
