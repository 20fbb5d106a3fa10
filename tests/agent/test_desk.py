"""Who asks is answered; who has gone is not missed."""

import threading
from typing import Any

from agent.answers import Problem
from agent.desk import Desk
from agent.effects import Answer
from agent.facts import EndAsked, Fact, UnlockAsked


class Main:
    """Answers every fact in the thread that brings it, if it is told to."""

    def __init__(self, *, answers: bool = True) -> None:
        self.desk = Desk(self.happen)
        self.answers = answers
        self.facts: list[tuple[type[Fact], dict[str, Any]]] = []

    def happen(self, kind: type[Fact], **values: Any) -> None:
        self.facts.append((kind, values))
        if self.answers:
            self.desk.answered(Answer(to=values["id"], result={"slot": values.get("slot")}))


def test_an_answer_goes_to_who_asked() -> None:
    main = Main()
    answer = main.desk.ask(UnlockAsked, slot=2)
    assert (answer.result, answer.problem) == ({"slot": 2}, None)
    assert [kind for kind, _ in main.facts] == [UnlockAsked]


def test_nobody_waits_for_ever() -> None:
    main = Main(answers=False)
    answer = main.desk.ask(EndAsked, timeout_s=0.0, session="S-1")
    assert answer.problem
    assert answer.problem.status == 504


def test_an_answer_that_comes_too_late_is_dropped() -> None:
    main = Main(answers=False)
    main.desk.ask(EndAsked, timeout_s=0.0, session="S-1")
    main.desk.answered(Answer(to=main.facts[0][1]["id"], problem=Problem(status=404)))
    main.desk.answered(Answer(to="nobody"))


def test_several_ask_at_once() -> None:
    main = Main(answers=False)
    got: dict[int, Any] = {}

    def ask(slot: int) -> None:
        got[slot] = main.desk.ask(UnlockAsked, slot=slot).result

    threads = [threading.Thread(target=ask, args=[slot]) for slot in (1, 2)]
    for thread in threads:
        thread.start()
    while len(main.facts) < len(threads):
        threads[0].join(0.01)
    for _, values in reversed(main.facts):
        main.desk.answered(Answer(to=values["id"], result={"slot": values["slot"]}))
    for thread in threads:
        thread.join(5)
    assert got == {1: {"slot": 1}, 2: {"slot": 2}}
