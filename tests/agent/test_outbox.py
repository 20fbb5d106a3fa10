"""The outbox: what leaves, what comes back as a fact, and what is owed no more."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from support.owing import CARD, WALL, HandClock, act, flicker, light_on, longest, renamed

from agent.answers import ActiveSession, Delivered, Grant, Outcome, Problem, Refused, Rejected, Undelivered
from agent.effects import STATION_LANE, Act, ActName, Ask, Effects, Undo
from agent.facts import AcquireAnswered, ActiveAnswered, AnswerUnusable, CallSettled, Fact, FaultCleared, FaultRaised
from agent.heartbeats import Heart
from agent.journal.rows import OwedRow
from agent.outbox import Outbox
from agent.plan import NOT_REFUSED, Plan
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


@pytest.fixture
def bench() -> Bench:
    return Bench()


LOCK, START, END, PAY, UNLOCK = (
    act(name, name) for name in (ActName.LOCK, ActName.START, ActName.END, ActName.PAY, ActName.UNLOCK)
)
ACQUIRE = act(ActName.ACQUIRE, "acquire", session="", lane=f"card:{CARD}", card=CARD)


class TestWatchers:
    def test_they_are_told_what_was_called_what_came_of_it_and_how_long_it_took(self, bench: Bench) -> None:
        told: list[tuple[str, Outcome, float]] = []
        bench.outbox.exchanges.watch(lambda *call: told.append(call))
        bench.supplier.say(f"?{CARD}", DOWN)
        bench.supplier.meanwhile = lambda: bench.clock.pass_(0.5)
        bench.take(asks=(TestQuestions.ASK,), owed=(END,))
        bench.step()
        bench.step()
        assert told == [("ask", DOWN, 0.5), ("end", DONE, 0.5)]

    def test_an_error_of_the_suppliers_own_is_an_exchange_too(
        self, bench: Bench, caplog: pytest.LogCaptureFixture
    ) -> None:
        told: list[Outcome] = []
        bench.outbox.exchanges.watch(lambda _name, outcome, _seconds: told.append(outcome))
        bench.supplier.meanwhile = lambda: 1 // 0
        bench.owe(END)
        bench.step()
        assert [type(outcome) for outcome in told] == [Undelivered]
        assert "broke off" in caplog.text


class TestQuestions:
    ASK = Ask(visit=7, card=CARD, until=1003.0)

    def test_they_go_first(self, bench: Bench) -> None:
        bench.take(owed=(END,), asks=(self.ASK,))
        assert bench.go() == [f"?{CARD}", "end"]

    def test_an_answer_carries_the_visit(self, bench: Bench) -> None:
        active = ActiveSession(id="S1", card=CARD, slot=1)
        bench.supplier.say(f"?{CARD}", Delivered(status=200, active=active), Delivered(status=404), GONE)
        for visit in (7, 8, 9):
            bench.take(asks=(replace(self.ASK, visit=visit),))
            bench.go()
        assert bench.facts(ActiveAnswered) == [
            {"visit": 7, "session": active, "problem": None},
            {"visit": 8, "session": None, "problem": None},
            {"visit": 9, "session": None, "problem": GONE.problem},
        ]

    def test_one_without_an_answer_is_asked_again_until_nobody_waits(self, bench: Bench) -> None:
        bench.supplier.say(f"?{CARD}", LOST, LOST, LOST)
        bench.take(asks=(self.ASK,))
        assert bench.go() == [f"?{CARD}"]
        assert bench.sleeps() == 2.0
        bench.clock.pass_(2.0)
        assert bench.go() == [f"?{CARD}"]
        bench.clock.pass_(1.0)
        assert bench.go() == []
        assert bench.sleeps() is None
        assert bench.facts(ActiveAnswered) == []

    def test_one_that_is_too_late_to_ask_is_not_asked(self, bench: Bench) -> None:
        bench.clock.pass_(3.0)
        bench.take(asks=(self.ASK,))
        assert bench.go() == []

    def test_an_answer_that_comes_late_is_told_once(self, bench: Bench) -> None:
        def late() -> None:
            bench.clock.pass_(10.0)
            assert bench.sleeps() is None  # another worker looks for something to do

        bench.supplier.meanwhile = late
        bench.take(asks=(self.ASK,))
        assert bench.go() == [f"?{CARD}"]
        assert len(bench.facts(ActiveAnswered)) == 1

    def test_one_under_way_is_not_asked_by_another_worker(self, bench: Bench) -> None:
        bench.supplier.meanwhile = bench.sleeps
        bench.take(asks=(self.ASK,))
        assert bench.go() == [f"?{CARD}"]

    def test_the_supplier_may_ask_to_be_left_alone(self, bench: Bench) -> None:
        bench.supplier.say(f"?{CARD}", Undelivered(reason="429", retry_after_s=30.0))
        bench.take(asks=(replace(self.ASK, until=1100.0),))
        bench.go()
        assert bench.sleeps() == 30.0

    def test_a_malformed_answer_is_told_once(self, bench: Bench) -> None:
        bench.supplier.say(f"?{CARD}", MALFORMED, MALFORMED)
        bench.take(asks=(replace(self.ASK, until=1100.0),))
        bench.go()
        bench.clock.pass_(60.0)
        bench.go()
        assert bench.facts(AnswerUnusable) == [{"problem": BAD_ANSWER}]


class TestOutcomes:
    def test_an_acquire_answers_with_its_grant(self, bench: Bench) -> None:
        grant = Grant(slot=2, session="S1")
        bench.supplier.say("acquire", Delivered(status=201, grant=grant))
        bench.owe(ACQUIRE)
        bench.go()
        assert bench.facts(AcquireAnswered) == [{"act": ACQUIRE, "grant": grant, "problem": None}]

    def test_a_refused_acquire_answers_with_the_problem(self, bench: Bench) -> None:
        bench.supplier.say("acquire", GONE)
        bench.owe(ACQUIRE)
        bench.go()
        assert bench.facts(AcquireAnswered) == [{"act": ACQUIRE, "grant": None, "problem": GONE.problem}]

    @pytest.mark.parametrize("one", [START, END, PAY])
    def test_what_decides_something_comes_back_and_waits_for_main(self, bench: Bench, one: Act) -> None:
        bench.supplier.say(one.key, GONE)
        bench.owe(one, UNLOCK)
        assert bench.go() == [one.key]
        assert bench.facts(CallSettled) == [{"act": one, "problem": GONE.problem, "repeated": False}]
        assert bench.outbox.marks() == []
        plan = bench.take(settled=(one.key,))
        assert plan.gone == (1,)
        assert bench.go() == ["unlock"]

    @pytest.mark.parametrize("outcome", [DONE, GONE])
    def test_what_decides_nothing_is_only_marked(self, bench: Bench, outcome: Outcome) -> None:
        for one in (LOCK, UNLOCK, act(ActName.SUPPORT, "support", lane=STATION_LANE), light_on("blue")):
            bench.supplier.say(one.key, outcome)
            bench.owe(one)
        assert bench.outbox.marked is None
        bench.go()
        bench.clock.pass_(1.0)
        assert not [heard for heard in bench.heard if heard[0] is not FaultCleared]
        assert bench.outbox.marked == 1000.0
        assert sorted(bench.outbox.marks()) == [1, 2, 3, 4]
        assert (bench.outbox.marked, bench.outbox.marks()) == (None, [])

    def test_marks_count_from_the_first_of_them(self, bench: Bench) -> None:
        bench.owe(LOCK)
        bench.go()
        bench.clock.pass_(2.0)
        bench.owe(UNLOCK)
        bench.go()
        assert bench.outbox.marked == 1000.0

    def test_what_is_delivered_while_it_stops_is_marked(self, bench: Bench) -> None:
        bench.supplier.meanwhile = bench.outbox.stop
        bench.owe(LOCK)
        assert bench.outbox.work(bench.turn)
        assert bench.outbox.marks() == [1]
        assert not bench.outbox.work(bench.turn)

    def test_what_nobody_answered_is_repeated_under_its_key_and_says_so(self, bench: Bench) -> None:
        bench.supplier.say("end", DOWN, LOST, Undelivered(reason="503", retry_after_s=40.0))
        bench.owe(END)
        for wait in (2.0, 4.0, 40.0):
            bench.go()
            assert bench.sleeps() == wait
            bench.clock.pass_(wait)
        bench.go()
        assert bench.supplier.calls == ["end"] * 4
        assert bench.supplier.repeated == [False, False, True, True]
        assert bench.facts(CallSettled) == [{"act": END, "problem": None, "repeated": True}]

    def test_a_first_try_is_no_repeat_even_when_no_connection_was_made_before(self, bench: Bench) -> None:
        bench.supplier.say("pay", DOWN)
        bench.owe(PAY)
        bench.go()
        bench.clock.pass_(60.0)
        bench.go()
        assert bench.facts(CallSettled) == [{"act": PAY, "problem": None, "repeated": False}]

    def test_a_malformed_answer_is_told_once_for_each_act(self, bench: Bench) -> None:
        bench.supplier.say("end", MALFORMED, MALFORMED)
        bench.supplier.say("other", MALFORMED)
        bench.owe(END)
        bench.go()
        bench.clock.pass_(60.0)
        bench.owe(act(ActName.END, "other", session="S2"))
        bench.go()
        assert bench.facts(AnswerUnusable) == [{"problem": BAD_ANSWER}] * 2

    def test_an_error_of_the_suppliers_side_of_the_house_leaves_the_act_owed(
        self, bench: Bench, caplog: pytest.LogCaptureFixture
    ) -> None:
        def break_off() -> None:
            bench.supplier.meanwhile = lambda: None
            raise ValueError("no session in this act")

        bench.supplier.meanwhile = break_off
        bench.owe(END)
        assert bench.go() == ["end"]
        assert "broke off" in caplog.text
        bench.clock.pass_(60.0)
        assert bench.go() == ["end"]
        assert len(bench.facts(CallSettled)) == 1


class TestRejected:
    def test_it_is_raised_once_and_clears_with_the_next_accepted_call(
        self, bench: Bench, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        bench.supplier.say("end", UNWELCOME, UNWELCOME)
        bench.owe(END)
        bench.go()
        bench.clock.pass_(60.0)
        bench.go()
        (raised,) = bench.facts(FaultRaised)
        assert raised["code"] == "StationRejected"
        assert "401 Unauthorized" in raised["detail"]
        assert bench.facts(FaultCleared) == []
        bench.clock.pass_(60.0)
        bench.go()
        assert bench.facts(FaultCleared) == [{"code": "StationRejected"}]
        assert bench.facts(CallSettled) == [{"act": END, "problem": None, "repeated": True}]
        assert "attempt 2" in caplog.text

    def test_a_refusal_is_an_accepted_call_and_a_lost_answer_is_none(self, bench: Bench) -> None:
        bench.supplier.say("?X", UNWELCOME, LOST, Refused(problem=Problem(status=403)))
        bench.take(asks=(Ask(visit=1, card="X", until=2000.0),))
        cleared = []
        for _ in range(3):
            bench.go()
            cleared.append(len(bench.facts(FaultCleared)))
            bench.clock.pass_(60.0)
        assert cleared == [0, 0, 1]

    def test_it_can_be_raised_again(self, bench: Bench) -> None:
        bench.supplier.say("a", UNWELCOME, DONE)
        bench.supplier.say("b", UNWELCOME)
        bench.owe(act(ActName.LOCK, "a"), act(ActName.LOCK, "b"))
        bench.go()
        bench.clock.pass_(60.0)
        bench.go()
        assert [kind for kind, _ in bench.heard] == [FaultRaised, FaultCleared, FaultRaised]

    def test_one_kept_from_before_the_start_clears_with_the_first_accepted_call(self, bench: Bench) -> None:
        bench.owe(LOCK, UNLOCK)
        bench.go()
        assert bench.facts(FaultCleared) == [{"code": "StationRejected"}]


class TestTakingBack:
    def test_an_act_that_has_not_left_is_struck(self, bench: Bench) -> None:
        bench.owe(END, ACQUIRE)
        plan = bench.take(struck=("acquire", "unheard-of"))
        assert plan.gone == (2,)
        assert bench.go() == ["end"]

    def test_one_that_never_got_a_connection_has_not_left(self, bench: Bench) -> None:
        bench.supplier.say("acquire", DOWN)
        bench.owe(ACQUIRE)
        bench.go()
        assert bench.take(struck=("acquire",)).gone == (1,)
        bench.clock.pass_(60.0)
        assert bench.go() == []

    def test_one_that_may_have_left_stays(self, bench: Bench) -> None:
        bench.supplier.say("acquire", LOST, DOWN)
        bench.owe(ACQUIRE)
        for _ in range(2):
            bench.go()
            assert bench.take(struck=("acquire",)).gone == ()
            bench.clock.pass_(60.0)
        assert bench.go() == ["acquire"]

    def test_one_under_way_has_left(self, bench: Bench) -> None:
        plans = []
        bench.supplier.say("acquire", DOWN)
        bench.supplier.meanwhile = lambda: plans.append(bench.plan(struck=("acquire",)))
        bench.owe(ACQUIRE)
        bench.step()
        assert [plan.gone for plan in plans] == [()]

    def test_one_that_is_answered_has_left(self, bench: Bench) -> None:
        bench.owe(ACQUIRE)
        bench.go()
        assert bench.plan(struck=("acquire",)).gone == ()

    def test_an_undo_strikes_both_if_the_act_has_not_left(self, bench: Bench) -> None:
        bench.owe(LOCK)
        plan = bench.take(owed=(END,), undone=(Undo(key="lock", act=UNLOCK),))
        assert plan.gone == (1,)
        assert [row.act.key for row in plan.rows] == ["end"]
        assert bench.go() == ["end"]

    def test_an_undo_comes_before_what_other_lanes_owe_of_the_same_fact(self, bench: Bench) -> None:
        """A slot given back is dark, and red only then: the order in which its light is told of."""
        bench.owe(LOCK)
        bench.go()
        red = light_on("red", lane=STATION_LANE)
        plan = bench.take(owed=(END, red), undone=(Undo(key="lock", act=UNLOCK),))
        assert [row.act.key for row in plan.rows] == ["end", "unlock", "red"]

    @pytest.mark.parametrize("outcome", [DONE, LOST])
    def test_an_undo_is_owed_behind_the_act_if_it_may_have_left(self, bench: Bench, outcome: Outcome) -> None:
        bench.supplier.say("lock", outcome)
        bench.owe(LOCK)
        bench.go()
        plan = bench.take(owed=(END,), undone=(Undo(key="lock", act=UNLOCK),))
        assert plan.gone == ()
        assert [row.act.key for row in plan.rows] == ["end", "unlock"]
        bench.supplier.say("end", GONE)
        bench.clock.pass_(60.0)
        bench.go()
        bench.take(settled=("end",))
        bench.go()
        assert bench.supplier.calls[-2:] == ["end", "unlock"]

    def test_forgotten_acts_go_in_any_case(self, bench: Bench) -> None:
        bench.supplier.say("pay", LOST)
        bench.owe(PAY)
        bench.go()
        assert bench.take(forgotten=("pay",)).gone == (1,)
        bench.clock.pass_(60.0)
        assert bench.go() == []

    @pytest.mark.parametrize("outcome", [DONE, GONE, LOST])
    @pytest.mark.parametrize("one", [PAY, UNLOCK])
    def test_the_answer_to_an_act_forgotten_meanwhile_changes_nothing(
        self, bench: Bench, one: Act, outcome: Outcome
    ) -> None:
        bench.supplier.say(one.key, outcome)
        bench.supplier.meanwhile = lambda: bench.take(forgotten=(one.key,))
        bench.owe(one)
        assert bench.go() == [one.key]
        assert bench.facts(CallSettled) == []
        assert bench.outbox.marks() == []
        assert bench.sleeps() is None

    def test_what_is_set_aside_waits_for_an_operator_with_its_reason(self, bench: Bench) -> None:
        bench.supplier.say("end", GONE)
        bench.owe(END, PAY, UNLOCK)
        bench.go()
        plan = bench.take(aside=("end", "pay"))
        assert plan.aside == ((1, "404 Not Found no such session"), (2, NOT_REFUSED))
        assert plan.gone == ()
        assert bench.go() == ["unlock"]

    def test_a_key_named_twice_counts_once(self, bench: Bench) -> None:
        bench.owe(END, PAY)
        plan = bench.take(
            settled=("end", "end"),
            struck=("end", "pay"),
            forgotten=("end", "pay"),
            aside=("pay", "pay"),
            undone=(Undo(key="end", act=UNLOCK), Undo(key="end", act=UNLOCK)),
        )
        assert (plan.gone, plan.aside, plan.rows) == ((1,), ((2, NOT_REFUSED),), ())
        assert bench.go() == []


class TestOwing:
    def test_rows_are_made_in_order_with_ids_of_their_own(self, bench: Bench) -> None:
        plan = bench.owe(END, PAY)
        assert plan.rows == (OwedRow(id=1, act=END, since=WALL), OwedRow(id=2, act=PAY, since=WALL))

    def test_an_act_owed_already_under_its_key_is_owed_once(self, bench: Bench) -> None:
        bench.owe(END)
        plan = bench.take(owed=(END, PAY, PAY))
        assert [row.act.key for row in plan.rows] == ["pay"]
        assert bench.go() == ["end"]

    def test_an_act_may_follow_one_that_goes_under_the_same_key(self, bench: Bench) -> None:
        bench.owe(END)
        bench.go()
        plan = bench.take(owed=(END,), settled=("end",))
        assert (plan.gone, [row.id for row in plan.rows]) == ((1,), [2])
        assert bench.go() == ["end"]

    def test_a_plan_that_is_not_adopted_has_changed_nothing(self, bench: Bench) -> None:
        """The commit between the two may fail."""
        bench.owe(LOCK, END)
        bench.plan(
            owed=(PAY,), struck=("lock",), forgotten=("end",), renamed=(renamed("S1", "S9"),), asks=(TestQuestions.ASK,)
        )
        assert bench.go() == ["lock", "end"]
        assert bench.supplier.urls == ["S1", "S1"]

    def test_nothing_leaves_while_main_holds_it(self, bench: Bench) -> None:
        bench.owe(END)
        with bench.outbox.held():
            worker = threading.Thread(target=bench.step)
            worker.start()
            worker.join(0.05)
            assert worker.is_alive()
            assert bench.supplier.calls == []
        worker.join(5.0)
        assert bench.supplier.calls == ["end"]

    def test_whoever_wants_to_know_what_is_owed_does_not_wait_for_main(self, bench: Bench) -> None:
        """Main holds the lanes while it writes, and the disk may hang."""
        bench.owe(END)
        found: list[tuple[str, float]] = []
        with bench.outbox.held():
            reader = threading.Thread(target=lambda: found.extend(bench.outbox.acts()))
            reader.start()
            reader.join(5.0)
            assert found == [(END.lane, WALL)]

    def test_a_light_overtaken_by_a_later_one_is_marked(self, bench: Bench) -> None:
        bench.supplier.say("blue", LOST)
        bench.owe(light_on("blue"))
        bench.go()
        bench.owe(flicker("white"))
        assert bench.outbox.marks() == [1]

    def test_a_light_overtaken_by_time_is_marked(self, bench: Bench) -> None:
        bench.supplier.say("white", LOST)
        bench.owe(flicker("white", duration=1000))
        bench.go()
        bench.clock.pass_(1.0)
        assert bench.go() == []
        assert bench.outbox.marks() == [1]


class TestRenaming:
    def test_what_is_owed_goes_to_the_supplier_under_the_new_id(self, bench: Bench) -> None:
        bench.owe(START, END)
        plan = bench.take(renamed=(renamed("S1", "S9"),), owed=(act(ActName.PAY, "pay", session="S9"),))
        assert [(row.id, row.act.session, row.act.lane, row.act.key) for row in plan.rewritten] == [
            (1, "S9", "session:S9", "start"),
            (2, "S9", "session:S9", "end"),
        ]
        assert bench.go() == ["start"]
        bench.take(settled=("start",))
        assert bench.go() == ["end"]
        bench.take(settled=("end",))
        assert bench.go() == ["pay"]
        assert bench.supplier.urls == ["S9"] * 3

    def test_the_outcome_of_what_was_under_way_carries_the_new_id(self, bench: Bench) -> None:
        bench.supplier.meanwhile = lambda: bench.take(renamed=(renamed("S1", "S9"),))
        bench.owe(START)
        bench.go()
        assert bench.supplier.urls == ["S1"]
        assert bench.facts(CallSettled)[0]["act"].session == "S9"

    def test_an_outcome_that_waits_for_main_can_be_brought_up_to_date(self, bench: Bench) -> None:
        bench.owe(START)
        bench.go()
        (settled,) = bench.facts(CallSettled)
        bench.take(renamed=(renamed("S1", "S9"),))
        assert settled["act"].session == "S1"
        assert bench.outbox.current(settled["act"]).session == "S9"
        bench.take(settled=("start",))
        assert bench.outbox.current(settled["act"]) == settled["act"]


class TestRestoring:
    def rows(self) -> list[OwedRow]:
        return [
            OwedRow(id=3, act=END, since=WALL),
            OwedRow(id=4, act=PAY, since=WALL, aside="402"),
            OwedRow(id=5, act=UNLOCK, since=WALL),
        ]

    def test_what_was_owed_is_owed_and_counts_as_left(self, bench: Bench) -> None:
        bench.outbox.restore(self.rows())
        assert bench.plan(struck=("end",), undone=(Undo(key="unlock", act=LOCK),)).gone == ()
        bench.go()
        assert bench.supplier.repeated == [True]
        assert bench.facts(CallSettled) == [{"act": END, "problem": None, "repeated": True}]
        bench.take(settled=("end",))
        assert bench.go() == ["unlock"]

    def test_a_key_kept_twice_is_owed_once_and_the_other_row_goes(self, bench: Bench) -> None:
        bench.outbox.restore([OwedRow(id=3, act=END, since=WALL), OwedRow(id=4, act=END, since=WALL)])
        assert bench.outbox.marks() == [4]
        assert bench.go() == ["end"]


class SlowSupplier:
    """Answers each key once its gate is opened; `at_once` counts the exchanges that were under way together."""

    def __init__(self, *slow: str) -> None:
        self.gates = {key: threading.Event() for key in slow}
        self.lock = threading.Lock()
        self.calls: list[str] = []
        self.under_way = 0
        self.at_once = 0

    def ask(self, card: str) -> Outcome:
        return self.exchange(f"?{card}")

    def deliver(self, act: Act, *, repeated: bool) -> Outcome:  # noqa: ARG002  the promise of a supplier
        return self.exchange(act.key)

    def exchange(self, key: str) -> Outcome:
        with self.lock:
            self.calls.append(key)
            self.under_way += 1
            self.at_once = max(self.at_once, self.under_way)
        if key in self.gates:
            assert self.gates[key].wait(10.0)
        with self.lock:
            self.under_way -= 1
        return DONE

    def left(self, *keys: str) -> bool:
        return until(lambda: [key for key in self.calls if key in keys] == list(keys))


def until(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether it becomes true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.002)
    return True


@contextmanager
def pool(outbox: Outbox, size: int) -> Iterator[list[threading.Thread]]:
    names = [f"supplier-{n}" for n in range(size)]
    workers = [threading.Thread(target=outbox.run, args=[Turn(Heart(name))], name=name) for name in names]
    for worker in workers:
        worker.start()
    try:
        yield workers
    finally:
        outbox.stop()
        for worker in workers:
            worker.join(5.0)
            assert not worker.is_alive()


def owe(outbox: Outbox, *acts: Act, **effects: Any) -> None:
    numbers = iter(range(1, 10_000))
    with outbox.held():
        outbox.adopt(outbox.plan(Effects(owed=acts, **effects), lambda: next(numbers), WALL))


def settler(outbox_of: Callable[[], Outbox]) -> Callable[..., None]:
    """A main that takes every outcome in at once."""

    def happen(kind: type[Fact], **values: Any) -> None:
        if kind in (CallSettled, AcquireAnswered):
            owe(outbox_of(), settled=(values["act"].key,))

    return happen


def running(supplier: SlowSupplier) -> Outbox:
    outbox = Outbox(supplier, settler(lambda: outbox), pay_wait_s=PAY_WAIT_S)
    return outbox


class TestThePool:
    def test_a_slow_supplier_for_one_driver_delays_no_other(self) -> None:
        supplier = SlowSupplier("a-end")
        outbox = running(supplier)
        with pool(outbox, 3):
            for session in "ab":
                owe(
                    outbox,
                    *(
                        act(name, f"{session}-{name}", session=session)
                        for name in (ActName.END, ActName.PAY, ActName.UNLOCK)
                    ),
                    asks=(Ask(visit=1, card=session, until=float("inf")),),
                )
            assert supplier.left("a-end")
            assert supplier.left("b-end", "b-pay", "b-unlock")
            assert {"?a", "?b"} < set(supplier.calls)
            assert "a-pay" not in supplier.calls
            supplier.gates["a-end"].set()
            assert supplier.left("a-end", "a-pay", "a-unlock")

    def test_many_sessions_share_few_workers_and_nothing_is_lost_doubled_or_out_of_order(self) -> None:
        supplier = SlowSupplier()
        outbox = running(supplier)
        names = (ActName.LOCK, ActName.START, ActName.END, ActName.PAY, ActName.UNLOCK)
        with pool(outbox, 4):
            for session in range(20):
                owe(outbox, *(act(name, f"{session}-{name}", session=str(session)) for name in names))
            assert until(lambda: len(supplier.calls) == 100 and supplier.under_way == 0)
        for session in range(20):
            mine = [key for key in supplier.calls if key.startswith(f"{session}-")]
            assert mine == [f"{session}-{name}" for name in names]
        assert supplier.at_once <= 4
        assert len(outbox.marks()) == 40

    def test_a_pay_under_way_for_longer_than_a_driver_waits_holds_up_nothing(self) -> None:
        supplier = SlowSupplier("pay")
        outbox = Outbox(supplier, settler(lambda: outbox), pay_wait_s=0.05)
        with pool(outbox, 2):
            owe(outbox, PAY, UNLOCK)
            assert supplier.left("pay", "unlock")
            supplier.gates["pay"].set()

    def test_what_one_answer_frees_wakes_another_worker(self) -> None:
        """One light's call waited for another's, and the lane of that one goes on too."""
        supplier = SlowSupplier("blue", "lock")
        outbox = running(supplier)
        with pool(outbox, 2):
            owe(outbox, light_on("blue"), LOCK, light_on("red", lane=STATION_LANE))
            assert supplier.left("blue")
            supplier.gates["blue"].set()
            assert supplier.left("blue", "lock", "red")
            supplier.gates["lock"].set()

    def test_it_stops_promptly_while_an_exchange_is_under_way(self) -> None:
        supplier = SlowSupplier("end")
        outbox = running(supplier)
        with pool(outbox, 3) as workers:
            owe(outbox, END, PAY)
            assert supplier.left("end")
            outbox.stop()
            assert until(lambda: sum(worker.is_alive() for worker in workers) == 1)
            supplier.gates["end"].set()
            assert until(lambda: not any(worker.is_alive() for worker in workers))
        assert supplier.calls == ["end"]

    def test_workers_with_nothing_to_do_sleep(self) -> None:
        supplier = SlowSupplier()
        outbox = running(supplier)
        seen = []
        real = outbox._next

        def counted() -> Any:
            seen.append(1)
            return real()

        outbox._next = counted  # type: ignore[method-assign]
        with pool(outbox, 3):
            owe(outbox, LOCK)
            assert supplier.left("lock")
            assert until(lambda: outbox.marked is not None)
            before = len(seen)
            threading.Event().wait(0.05)
            assert len(seen) <= before + 3


class TestHanging:
    """A thread that hangs is given up: what it carried leaves again, and what it brings later is not used."""

    def test_an_act_leaves_again_over_a_new_connection_and_the_late_outcome_is_not_used(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        supplier = SlowSupplier("end")
        happened: list[tuple[type[Fact], dict[str, Any]]] = []
        outbox = Outbox(
            supplier, lambda kind, **values: happened.append((kind, values)), pay_wait_s=3.0, uniform=lambda *_: 0.0
        )
        turn, fresh = Turn(Heart("supplier-1")), Turn(Heart("supplier-1"))
        hanging = threading.Thread(target=outbox.run, args=[turn])
        hanging.start()
        owe(outbox, END)
        assert supplier.left("end")
        assert turn.heart.last[1], "it is at work"
        gate = supplier.gates.pop("end")
        outbox.give_up(turn)
        assert outbox.work(fresh)
        settled = [values for kind, values in happened if kind is CallSettled]
        assert [(each["act"].key, each["repeated"]) for each in settled] == [("end", True)]
        gate.set()
        hanging.join(5.0)
        assert not hanging.is_alive()
        assert [kind for kind, _ in happened].count(CallSettled) == 1
        assert "it was repeated, and this outcome is not used" in caplog.text
        assert supplier.calls == ["end", "end"]

    def test_a_question_is_asked_again(self) -> None:
        supplier = SlowSupplier("?04")
        happened: list[type[Fact]] = []
        outbox = Outbox(supplier, lambda kind, **_: happened.append(kind), pay_wait_s=3.0, uniform=lambda *_: 0.0)
        turn = Turn(Heart("supplier-1"))
        hanging = threading.Thread(target=outbox.run, args=[turn])
        hanging.start()
        owe(outbox, asks=(Ask(visit=1, card="04", until=float("inf")),))
        assert supplier.left("?04")
        gate = supplier.gates.pop("?04")
        outbox.give_up(turn)
        assert outbox.work(Turn(Heart("supplier-1")))
        gate.set()
        hanging.join(5.0)
        assert not hanging.is_alive()
        assert happened.count(ActiveAnswered) == 1

    def test_one_that_only_waits_takes_nothing_any_more(self, bench: Bench) -> None:
        bench.outbox.give_up(bench.turn)
        bench.owe(END)
        assert not bench.outbox.work(bench.turn)
        assert bench.outbox.work(Turn(Heart("supplier-1")))
