"""The outbox: what one fact adds to it, takes back, renames, and what a restart brings back."""

import threading

import pytest
from support.outbox_bench import ACQUIRE, ASK, DONE, DOWN, END, GONE, LOCK, LOST, PAY, START, UNLOCK, Bench
from support.owing import WALL, act, flicker, light_on, renamed

from agent.answers import Outcome
from agent.effects import STATION_LANE, Act, ActName, Undo
from agent.facts import CallSettled
from agent.journal.rows import OwedRow
from agent.plan import NOT_REFUSED


@pytest.fixture
def bench() -> Bench:
    return Bench()


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
        bench.plan(owed=(PAY,), struck=("lock",), forgotten=("end",), renamed=(renamed("S1", "S9"),), asks=(ASK,))
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
