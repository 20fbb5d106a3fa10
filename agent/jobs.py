"""What a thread of the supplier's pool carries out: one exchange with the supplier."""

from dataclasses import dataclass

from agent.answers import Outcome, Problem, Undelivered
from agent.effects import Ask
from agent.exchanges import Exchanges
from agent.owed import Owed

GIVEN_UP = Undelivered(reason="the exchange hung, and was given up", connected=True)
"""The outcome of an exchange whose thread was abandoned: nobody knows it, so it is repeated under its key."""


@dataclass(slots=True, eq=False)
class Question:
    """An ask on its way."""

    ask: Ask
    attempts: int = 0
    not_before: float = 0.0
    told: bool = False
    busy: bool = False


class Probe:
    """Whether the supplier can be reached is to be found out, once there is nothing else to do."""


Job = Question | Owed | Probe


def carried_out(exchanges: Exchanges, job: Job) -> Outcome:
    """The outcome of one exchange; a probe's says nothing."""
    match job:
        case Question():
            return exchanges.ask(job.ask.card)
        case Owed():
            return exchanges.deliver(job.act, repeated=job.left)
        case Probe():
            exchanges.probe()
            return Undelivered(reason="a probe carries nothing")


def retry_after(outcome: Outcome) -> float | None:
    """The seconds that the supplier asked to wait, if it did."""
    return outcome.retry_after_s if isinstance(outcome, Undelivered) else None


def explain(problem: Problem) -> str:
    """A problem in one line."""
    return " ".join(str(part) for part in (problem.status, problem.title, problem.detail) if part)
