"""An outbox under a clock of the test's own, and acts for it to carry."""

from collections.abc import Callable
from typing import Any

from support.owing import CARD, WALL, HandClock, act, longest

from agent.answers import Delivered, Outcome, Problem, Refused, Rejected, Undelivered
from agent.effects import Act, ActName, Ask, Effects
from agent.facts import Fact
from agent.heartbeats import Heart
from agent.outbox import Outbox
from agent.plan import Plan
from agent.threads import Turn

DONE = Delivered(status=200)
DOWN = Undelivered(reason="connection refused", connected=False)
LOST = Undelivered(reason="connection reset")
GONE = Refused(problem=Problem(status=404, title="Not Found", detail="no such session"))
UNWELCOME = Rejected(problem=Problem(status=401, title="Unauthorized"))
BAD_ANSWER = Problem(status=502, title="Malformed Answer")
MALFORMED = Undelivered(reason="no JSON", malformed=BAD_ANSWER)
PAY_WAIT_S = 3.0


class Script:
    """A supplier that answers as it was told, else 200; `calls` is what reached it, in order."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Outcome]] = {}
        self.calls: list[str] = []
        self.repeated: list[bool] = []
        self.urls: list[str] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def say(self, key: str, *outcomes: Outcome) -> None:
        self.answers.setdefault(key, []).extend(outcomes)

    def ask(self, card: str) -> Outcome:
        return self._answer(f"?{card}")

    def deliver(self, act: Act, *, repeated: bool) -> Outcome:
        self.repeated.append(repeated)
        self.urls.append(act.session)
        return self._answer(act.key)

    def _answer(self, key: str) -> Outcome:
        self.calls.append(key)
        self.meanwhile()
        answers = self.answers.get(key)
        return answers.pop(0) if answers else DONE


class Idle(Exception):
    """A worker would sleep for so many seconds."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds


class Bench:
    """An outbox under a clock of the test's own, stepped by hand; `heard` are the facts it made, without their ids."""

    def __init__(self) -> None:
        self.supplier = Script()
        self.clock = HandClock()
        self.heard: list[tuple[type[Fact], dict[str, Any]]] = []
        self.outbox = Outbox(self.supplier, self.happen, pay_wait_s=PAY_WAIT_S, clock=self.clock, uniform=longest)
        self.outbox._changed.wait = self.sleep  # type: ignore[method-assign]
        self.turn = Turn(Heart("supplier-1"))
        self.id = 0
        self.plans: list[Plan] = []

    def happen(self, kind: type[Fact], **values: Any) -> None:
        self.heard.append((kind, values))

    def sleep(self, timeout: float | None = None) -> bool:
        raise Idle(timeout)

    def new_id(self) -> int:
        self.id += 1
        return self.id

    def plan(self, **effects: Any) -> Plan:
        with self.outbox.held():
            return self.outbox.plan(Effects(**effects), self.new_id, WALL)

    def take(self, **effects: Any) -> Plan:
        """What main does with one fact's effects."""
        plan = self.plan(**effects)
        with self.outbox.held():
            self.outbox.adopt(plan)
        return plan

    def owe(self, *acts: Act) -> Plan:
        return self.take(owed=acts)

    def go(self) -> list[str]:
        """Let everything leave that may leave now; gives the keys."""
        before = len(self.supplier.calls)
        while self.step() is None:
            pass
        return self.supplier.calls[before:]

    def step(self) -> Idle | None:
        try:
            assert self.outbox.work(self.turn)
        except Idle as idle:
            return idle
        return None

    def sleeps(self) -> float | None:
        idle = self.step()
        assert idle, "something left"
        return idle.seconds

    def facts(self, kind: type[Fact]) -> list[dict[str, Any]]:
        return [values for heard, values in self.heard if heard is kind]


LOCK, START, END, PAY, UNLOCK = (
    act(name, name) for name in (ActName.LOCK, ActName.START, ActName.END, ActName.PAY, ActName.UNLOCK)
)
ACQUIRE = act(ActName.ACQUIRE, "acquire", session="", lane=f"card:{CARD}", card=CARD)
ASK = Ask(visit=7, card=CARD, until=1003.0)
