"""The outbox: threads that carry for it, and one that hangs."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.outbox_bench import DONE, END, LOCK, PAY, PAY_WAIT_S, UNLOCK, Bench
from support.owing import WALL, act, light_on

from agent.answers import Outcome
from agent.effects import STATION_LANE, Act, ActName, Ask, Effects
from agent.facts import AcquireAnswered, ActiveAnswered, CallSettled, Fact
from agent.heartbeats import Heart
from agent.outbox import Outbox
from agent.threads import Turn


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

    def test_one_that_only_waits_takes_nothing_any_more(self) -> None:
        bench = Bench()
        bench.outbox.give_up(bench.turn)
        bench.owe(END)
        assert not bench.outbox.work(bench.turn)
        assert bench.outbox.work(Turn(Heart("supplier-1")))
