"""What an operator may ask of a running agent: names and arguments become facts, answers become JSON.

On site over the control socket, from afar over MQTT.

The shape of an answer is that of contract section 4: `{"ok", "result"|"problem"}`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from agent.answers import Problem
from agent.desk import Desk
from agent.effects import Answer, Aside
from agent.facts import (
    AvailabilityAsked,
    ClearFaultAsked,
    DiagnosticsAsked,
    DropAsked,
    EndAsked,
    Fact,
    LightsAsked,
    LockAsked,
    PingAsked,
    RestartAsked,
    RetryAsked,
    UnlockAsked,
)
from agent.journal import JournalError
from agent.journal.aside import aside_report

LONGEST_REASON = 200
"""Characters of what is wrong with arguments."""

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


class Lights(msgspec.Struct, forbid_unknown_fields=True):
    """Have a light show something for at most 60 s; `duration` in milliseconds."""

    target: Annotated[str, Meta(pattern="^(main|[1-9][0-9]{0,9})$")] | SlotNumber
    action: Literal["on", "off", "flicker"]
    color: Literal["blue", "white", "red", ""] = ""
    duration: Annotated[int, Meta(ge=1, le=60_000)] = 60_000

    def asking(self) -> "Asking":
        """Raises CommandRefused."""
        if self.action != "off" and not self.color:
            raise CommandRefused(f"lights: {self.action} needs a color: blue, white or red.")
        values = {"action": self.action, "colour": self.color, "duration_s": self.duration / 1000}
        return LightsAsked, {"target": str(self.target), **values}


class Availability(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Take a slot, or the whole station, out of service, or put it back."""

    available: bool
    slot_number: SlotNumber = 0


class Lock(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Give a slot to a card; only where a workflow elsewhere decides."""

    slot_number: SlotNumber
    card: Annotated[str, Meta(pattern="^([0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{20})$")]
    session_id: Annotated[str, Meta(pattern=r"^(?!\.\.?$)[!-~]{1,128}$")]


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """No arguments."""


class Owed(msgspec.Struct, forbid_unknown_fields=True):
    """One thing that was set aside."""

    id: Text


Asking = tuple[type[Fact], dict[str, Any]]
COMMANDS: Mapping[str, tuple[type[msgspec.Struct], Callable[[Any], Asking]]] = {
    "unlock": (Unlock, lambda args: (UnlockAsked, {"slot": args.slot_number, "force": args.force})),
    "end": (End, lambda args: (EndAsked, {"session": args.session_id})),
    "clear-fault": (ClearFault, lambda args: (ClearFaultAsked, {"code": args.code, "slot": args.slot_number})),
    "ping": (Nothing, lambda _: (PingAsked, {})),
    "lights": (Lights, Lights.asking),
    "availability": (
        Availability,
        lambda args: (AvailabilityAsked, {"slot": args.slot_number, "available": args.available}),
    ),
    "lock": (
        Lock,
        lambda args: (LockAsked, {"slot": args.slot_number, "card": args.card, "session": args.session_id}),
    ),
    "restart": (Nothing, lambda _: (RestartAsked, {})),
    "diagnostics": (Nothing, lambda _: (DiagnosticsAsked, {})),
    "owed-retry": (Owed, lambda args: (RetryAsked, {"name": args.id})),
    "owed-drop": (Owed, lambda args: (DropAsked, {"name": args.id})),
}
REMOTE = ("ping", "unlock", "end", "lights", "availability", "clear-fault", "restart", "diagnostics")
"""What may be asked for over MQTT (contract section 4)."""
ON_SITE = ("unlock", "end", "clear-fault", "availability", "lights", "owed-retry", "owed-drop")
"""What may be asked for over the control socket."""
BY_A_WORKFLOW = (*REMOTE, "lock")
"""What may be asked for over MQTT where a workflow elsewhere decides (contract section 8)."""
OWED_LIST = "owed-list"


class CommandRefused(ValueError):
    """What was asked for cannot be understood; the message says what would be right."""

    @property
    def problem(self) -> Problem:
        """The same for a reply."""
        return Problem(status=400, title="Wrong Arguments", detail=str(self))


def read_command(name: str, args: object, *, among: Collection[str]) -> Asking:
    """The fact that a command asks for, and its values. Raises CommandRefused."""
    if name not in among:
        raise CommandRefused(f"There is no command {name[:40]!r}; known here are {', '.join(among)}.")
    shape, asking = COMMANDS[name]
    try:
        return asking(msgspec.convert(args, shape))
    except msgspec.ValidationError as error:
        raise CommandRefused(f"{name}: {str(error)[:LONGEST_REASON]}.") from error  # it names what nobody asked for


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
        try:
            kind, values = read_command(name, args, among=ON_SITE)
        except CommandRefused as error:
            return problem_answer(error.problem)
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
