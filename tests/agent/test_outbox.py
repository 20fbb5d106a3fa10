"""The outbox: what leaves, what comes back as a fact, and what is owed no more."""

import logging
from dataclasses import replace

import pytest
from support.outbox_bench import (
    ACQUIRE,
    ASK,
    BAD_ANSWER,
    DONE,
    DOWN,
    END,
    GONE,
    LOCK,
    LOST,
    MALFORMED,
    PAY,
    START,
    UNLOCK,
    UNWELCOME,
    Bench,
)
from support.owing import CARD, act, light_on

from agent.answers import ActiveSession, Delivered, Grant, Outcome, Problem, Refused, Undelivered
from agent.effects import STATION_LANE, Act, ActName, Ask
from agent.facts import AcquireAnswered, ActiveAnswered, AnswerUnusable, CallSettled, FaultCleared, FaultRaised


@pytest.fixture
def bench() -> Bench:
    return Bench()


class TestWatchers:
    def test_they_are_told_what_was_called_what_came_of_it_and_how_long_it_took(self, bench: Bench) -> None:
        told: list[tuple[str, Outcome, float]] = []
        bench.outbox.exchanges.watch(lambda *call: told.append(call))
        bench.supplier.say(f"?{CARD}", DOWN)
        bench.supplier.meanwhile = lambda: bench.clock.pass_(0.5)
        bench.take(asks=(ASK,), owed=(END,))
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
    def test_they_go_first(self, bench: Bench) -> None:
        bench.take(owed=(END,), asks=(ASK,))
        assert bench.go() == [f"?{CARD}", "end"]

    def test_an_answer_carries_the_visit(self, bench: Bench) -> None:
        active = ActiveSession(id="S1", card=CARD, slot=1)
        bench.supplier.say(f"?{CARD}", Delivered(status=200, active=active), Delivered(status=404), GONE)
        for visit in (7, 8, 9):
            bench.take(asks=(replace(ASK, visit=visit),))
            bench.go()
        assert bench.facts(ActiveAnswered) == [
            {"visit": 7, "session": active, "problem": None},
            {"visit": 8, "session": None, "problem": None},
            {"visit": 9, "session": None, "problem": GONE.problem},
        ]

    def test_one_without_an_answer_is_asked_again_until_nobody_waits(self, bench: Bench) -> None:
        bench.supplier.say(f"?{CARD}", LOST, LOST, LOST)
        bench.take(asks=(ASK,))
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
        bench.take(asks=(ASK,))
        assert bench.go() == []

    def test_an_answer_that_comes_late_is_told_once(self, bench: Bench) -> None:
        def late() -> None:
            bench.clock.pass_(10.0)
            assert bench.sleeps() is None  # another worker looks for something to do

        bench.supplier.meanwhile = late
        bench.take(asks=(ASK,))
        assert bench.go() == [f"?{CARD}"]
        assert len(bench.facts(ActiveAnswered)) == 1

    def test_one_under_way_is_not_asked_by_another_worker(self, bench: Bench) -> None:
        bench.supplier.meanwhile = bench.sleeps
        bench.take(asks=(ASK,))
        assert bench.go() == [f"?{CARD}"]

    def test_the_supplier_may_ask_to_be_left_alone(self, bench: Bench) -> None:
        bench.supplier.say(f"?{CARD}", Undelivered(reason="429", retry_after_s=30.0))
        bench.take(asks=(replace(ASK, until=1100.0),))
        bench.go()
        assert bench.sleeps() == 30.0

    def test_a_malformed_answer_is_told_once(self, bench: Bench) -> None:
        bench.supplier.say(f"?{CARD}", MALFORMED, MALFORMED)
        bench.take(asks=(replace(ASK, until=1100.0),))
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
