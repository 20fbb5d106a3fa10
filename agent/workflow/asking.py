"""Whoever asked for something is told what came of it."""

from agent.answers import Problem
from agent.effects import Answer
from agent.workflow.turn import Turn

NOT_DONE = 409


def decline(turn: Turn, status: int, title: str, detail: str) -> None:
    """Answer that it was not done, and why."""
    turn.answer(Answer(to=turn.fact.id, problem=Problem(status=status, title=title, detail=detail)))


def tell_askers(turn: Turn, number: int, *, done: bool, why: str = "", title: str = "Not Opened") -> None:
    """Whoever asked for a slot to open, or to lock, is told whether it did, and what its sensor shows.

    If it did not, `why` and `title` say so.
    """
    slot = turn.station.slots[number]
    problem = None
    if not done:
        detail = why or f"Slot {number} did not open; its sensor shows {slot.shown}."
        problem = Problem(status=NOT_DONE, title=title, detail=detail)
    for asker in slot.askers:
        turn.answer(Answer(to=asker, result={"slotNumber": number, "seen": slot.shown}, problem=problem))
    if slot.askers:
        turn.slot(number, askers=())
