"""Commands by name: what is wrong with an asking is told, what is right becomes a fact."""

from collections.abc import Sequence
from typing import Any

import pytest

from agent.answers import Problem
from agent.commands import Commands
from agent.desk import Desk
from agent.effects import Answer, Aside
from agent.facts import ClearFaultAsked, DropAsked, EndAsked, Fact, RetryAsked, UnlockAsked
from agent.journal import JournalUnreadable


class Main:
    """Remembers what was asked, and answers."""

    def __init__(self, problem: Problem | None = None) -> None:
        self.asked: list[tuple[type[Fact], dict[str, Any]]] = []
        self.problem = problem
        self.desk = Desk(self.happen)
        self.commands = Commands(self.desk, self.aside)

    def happen(self, kind: type[Fact], **values: Any) -> None:
        to = values.pop("id")
        self.asked.append((kind, values))
        self.desk.answered(Answer(to=to, result={"done": 1}, problem=self.problem))

    def aside(self) -> Sequence[Aside]:
        if self.problem:
            raise JournalUnreadable("it is gone")
        return ()


@pytest.mark.parametrize(
    ("name", "args", "kind", "values"),
    [
        ("unlock", {"slotNumber": 2}, UnlockAsked, {"slot": 2, "force": False}),
        ("unlock", {"slotNumber": 2, "force": True}, UnlockAsked, {"slot": 2, "force": True}),
        ("end", {"sessionId": "S-1"}, EndAsked, {"session": "S-1"}),
        ("clear-fault", {"code": "X"}, ClearFaultAsked, {"code": "X", "slot": 0}),
        ("clear-fault", {"code": "X", "slotNumber": 1}, ClearFaultAsked, {"code": "X", "slot": 1}),
        ("owed-retry", {"id": "act-1"}, RetryAsked, {"name": "act-1"}),
        ("owed-drop", {"id": "act-1"}, DropAsked, {"name": "act-1"}),
    ],
)
def test_what_is_asked_becomes_a_fact(name: str, args: object, kind: type[Fact], values: dict[str, Any]) -> None:
    main = Main()
    assert main.commands.carry_out(name, args) == {"ok": True, "result": {"done": 1}}
    assert main.asked == [(kind, values)]


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("reboot", {}),
        ("", {}),
        ("unlock", {}),
        ("unlock", []),
        ("unlock", {"slotNumber": "1"}),
        ("unlock", {"slotNumber": 0}),
        ("unlock", {"slotNumber": 1, "forced": True}),
        ("end", {"sessionId": ""}),
        ("end", {"sessionId": "x" * 201}),
    ],
)
def test_what_cannot_be_understood_is_refused(name: str, args: object) -> None:
    main = Main()
    answer = main.commands.carry_out(name, args)
    assert (answer["ok"], answer["problem"]["status"]) == (False, 400)
    assert main.asked == []


def test_a_problem_is_told() -> None:
    main = Main(Problem(status=409, title="In Use", detail="use end"))
    assert main.commands.carry_out("unlock", {"slotNumber": 1}) == {
        "ok": False,
        "problem": {"status": 409, "title": "In Use", "detail": "use end"},
    }


def test_the_list_is_read() -> None:
    assert Main().commands.carry_out("owed-list", {}) == {"ok": True, "result": {"owed": []}}


def test_a_list_that_cannot_be_read_is_a_problem() -> None:
    answer = Main(Problem(status=1)).commands.carry_out("owed-list", {})
    assert answer["problem"]["detail"] == "it is gone"
