"""Where whoever asks for something waits for its answer: asked in any thread, answered by main."""

import queue
import uuid
from typing import Any

from agent.answers import Problem
from agent.effects import Answer
from agent.facts import Fact
from agent.happenings import Happen

ANSWER_S = 20.0
"""How long somebody waits: a bolt may need several attempts."""


class Desk:
    """Hands facts to main and answers back to those who wait; answers to others are dropped."""

    def __init__(self, happen: Happen) -> None:
        self._happen = happen
        self._waiting: dict[str, queue.SimpleQueue[Answer]] = {}

    def ask(self, kind: type[Fact], *, timeout_s: float = ANSWER_S, **values: Any) -> Answer:
        """Let this happen and wait for what comes of it; after `timeout_s` the answer is a problem. Any thread."""
        name = str(uuid.uuid4())
        answers = self._waiting[name] = queue.SimpleQueue()
        try:
            self._happen(kind, id=name, **values)
            return answers.get(timeout=timeout_s)
        except queue.Empty:
            detail = f"There was no answer within {timeout_s:g} s; it may still be done: look at status."
            return Answer(to=name, problem=Problem(status=504, title="No Answer", detail=detail))
        finally:
            del self._waiting[name]

    def answered(self, answer: Answer) -> None:
        """What came of something; main calls this once it is committed."""
        answers = self._waiting.get(answer.to)
        if answers is not None:
            answers.put(answer)
