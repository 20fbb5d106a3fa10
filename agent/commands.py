"""What an operator may ask of a running agent: names and arguments become facts, answers become JSON.

The shape of an answer is that of contract section 4: `{"ok", "result"|"problem"}`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from agent.answers import Problem
from agent.desk import Desk
from agent.effects import Answer, Aside
from agent.facts import ClearFaultAsked, DropAsked, EndAsked, Fact, RetryAsked, UnlockAsked
from agent.journal import JournalError
from agent.journal.aside import aside_report

Text = Annotated[str, Meta(min_length=1, max_length=200)]
SlotNumber = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class Unlock(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Open a slot."""

    slot_number: SlotNumber
    force: bool = False


class End(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """End a session."""

    session_id: Text


class ClearFault(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Say that a fault is mended."""

    code: Text
    slot_number: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0


class Owed(msgspec.Struct, forbid_unknown_fields=True):
    """One thing that was set aside."""

    id: Text


Asking = tuple[type[Fact], dict[str, Any]]
COMMANDS: Mapping[str, tuple[type[msgspec.Struct], Callable[[Any], Asking]]] = {
    "unlock": (Unlock, lambda args: (UnlockAsked, {"slot": args.slot_number, "force": args.force})),
    "end": (End, lambda args: (EndAsked, {"session": args.session_id})),
    "clear-fault": (ClearFault, lambda args: (ClearFaultAsked, {"code": args.code, "slot": args.slot_number})),
    "owed-retry": (Owed, lambda args: (RetryAsked, {"name": args.id})),
    "owed-drop": (Owed, lambda args: (DropAsked, {"name": args.id})),
}
OWED_LIST = "owed-list"


class Commands:
    """Carries commands out, in the thread of whoever asks."""

    def __init__(self, desk: Desk, aside: Callable[[], Sequence[Aside]]) -> None:
        """`aside` reads what is set aside, in any thread; it may raise JournalError."""
        self._desk = desk
        self._aside = aside

    def carry_out(self, name: str, args: object) -> Mapping[str, Any]:
        """Do it and answer; whatever is wrong with the asking is a problem with status 400."""
        if name == OWED_LIST:
            return self._owed_list()
        if name not in COMMANDS:
            known = ", ".join([*COMMANDS, OWED_LIST])
            return problem_answer(Problem(status=400, title="Unknown Command", detail=f"Known here are {known}."))
        shape, asking = COMMANDS[name]
        try:
            kind, values = asking(msgspec.convert(args, shape))
        except msgspec.ValidationError as error:
            return problem_answer(Problem(status=400, title="Wrong Arguments", detail=f"{name}: {error}."))
        return answer_report(self._desk.ask(kind, **values))

    def _owed_list(self) -> Mapping[str, Any]:
        try:
            return {"ok": True, "result": {"owed": aside_report(self._aside())}}
        except JournalError as error:
            return problem_answer(Problem(status=500, title="Journal Unreadable", detail=str(error)))


def answer_report(answer: Answer) -> Mapping[str, Any]:
    """An answer as JSON; a failed move says what the sensor shows too."""
    if answer.problem is None:
        return {"ok": True, "result": dict(answer.result)}
    return problem_answer(answer.problem)


def problem_answer(problem: Problem) -> Mapping[str, Any]:
    """It was not done."""
    return {"ok": False, "problem": {"status": problem.status, "title": problem.title, "detail": problem.detail}}
