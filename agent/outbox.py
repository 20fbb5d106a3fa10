"""What is owed to the supplier leaves from here, on a small pool of threads that also carries the questions, first.

Acts come from the journal, so whatever was owed before a restart is owed after it. Outcomes that decide something go
back as facts; the others are only marked, and the marks ride with the journal's next commit.
"""

import logging
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agent.answers import Delivered, Outcome, Refused, Rejected, Undelivered
from agent.clock import boottime
from agent.effects import Act, ActName, Effects
from agent.exchanges import Exchanges, Supplier
from agent.facts import AcquireAnswered, ActiveAnswered, AnswerUnusable, CallSettled, FaultCleared, FaultRaised
from agent.happenings import Happen
from agent.jobs import GIVEN_UP, Job, Probe, Question, carried_out, explain, retry_after
from agent.journal.rows import OwedRow
from agent.lanes import SETTLES, Lanes
from agent.owed import Owed, wait_s
from agent.plan import Plan, planned
from agent.threads import Turn

log = logging.getLogger(__name__)

ACTS_MAX = 2_000
"""How many acts may be owed before the station starts nothing any more; ends go on, and nothing is ever shed."""
REJECTED = "StationRejected"


class Outbox:
    """Lanes and questions behind one lock; `work` is one step of one pool thread, `exchanges` what it carries out."""

    def __init__(
        self,
        supplier: Supplier,
        happen: Happen,
        *,
        pay_wait_s: float,
        fewer: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = boottime,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.exchanges = Exchanges(supplier, clock)
        self._happen = happen
        self._fewer = fewer
        self._clock = clock
        self._uniform = uniform
        self._lanes = Lanes(pay_wait_s, uniform)
        self._questions: list[Question] = []
        self._under_way: dict[Turn, Job] = {}
        self._marks: list[int] = []
        self._marked: float | None = None
        self._accepted: bool | None = None
        self._probe_wanted = False
        self._stopping = False
        self._changed = threading.Condition(threading.RLock())

    def restore(self, rows: list[OwedRow]) -> None:
        """Take over what the journal says is owed; nobody knows what of it has left."""
        with self._changed:
            for row in rows:
                if row.aside is None:
                    self._lanes.add(Owed(id=row.id, act=row.act, since=row.since, left=True))
            self._collect_dropped()
            self._changed.notify()

    @contextmanager
    def held(self) -> Iterator[None]:
        """While main plans, commits and adopts, nothing new leaves."""
        with self._changed:
            yield

    def current(self, act: Act) -> Act:
        """The act as it reads now: its session may have been renamed since its outcome was put into a fact."""
        with self._changed:
            owed = self._lanes.find(act.key)
            return owed.act if owed else act

    def plan(self, effects: Effects, new_id: Callable[[], int], wall: float) -> Plan:
        """What these effects come to now (`wall`: Unix seconds). Changes nothing. Call it held."""
        return planned(self._lanes, effects, new_id, wall)

    def adopt(self, plan: Plan) -> None:
        """Let the plan's acts leave. Call it held, after the commit."""
        for renamed in plan.renamed:
            self._lanes.rename(renamed)
        for owed in plan.removed:
            self._lanes.remove(owed)
        for row in plan.rows:
            self._lanes.add(Owed(id=row.id, act=row.act, since=row.since))
        self._questions += [Question(ask) for ask in plan.asks]
        self._collect_dropped()
        if plan.rows or plan.asks or plan.removed or plan.renamed:
            self._changed.notify()

    def owed(self) -> tuple[int, float | None]:
        """How many acts are owed, and since when the oldest is (Unix seconds)."""
        with self._changed:
            return len(self._lanes), self._lanes.oldest

    def acts(self) -> list[tuple[str, float]]:
        """Lane and moment (Unix seconds) of each act that is owed. Any thread, and main never waits for it.

        Nor does it wait for main, which holds the lanes while it writes to a disk that may hang.
        """
        return [(owed.act.lane, owed.since) for owed in self._lanes]

    def marks(self) -> list[int]:
        """Rows delivered or dropped since the last call."""
        with self._changed:
            marks, self._marks, self._marked = self._marks, [], None
            return marks

    @property
    def marked(self) -> float | None:
        """Since when marks wait for a commit (CLOCK_BOOTTIME seconds); None if there are none."""
        with self._changed:
            return self._marked

    def probe(self) -> None:
        """Have the supplier tried, for nothing has been sent to it for a while. Any thread."""
        with self._changed:
            self._probe_wanted = True
            self._changed.notify()

    def stop(self) -> None:
        """Wake every pool thread and let it end; what is in flight is repeated after the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def run(self, turn: Turn) -> None:
        """A pool thread's life."""
        while self.work(turn):
            pass

    def work(self, turn: Turn) -> bool:
        """Wait for one exchange and carry it out. False: stopping, or the turn is over."""
        job = self._take(turn)
        if job is None:
            return False
        turn.heart.work()
        outcome = carried_out(self.exchanges, job)
        turn.heart.rest()
        with self._changed:
            if turn.over:
                log.warning("an exchange that hung has ended after all; it was repeated, and this outcome is not used")
                return False
            del self._under_way[turn]
            self._done(job, outcome)
        return True

    def give_up(self, turn: Turn) -> None:
        """The thread of this turn hangs: it takes nothing any more, and what it carried is repeated. Any thread."""
        with self._changed:
            turn.over = True
            job = self._under_way.pop(turn, None)
            if job is not None:
                self._done(job, GIVEN_UP)
            self._changed.notify()

    def _take(self, turn: Turn) -> Job | None:
        with self._changed:
            while not self._stopping and not turn.over:
                job = self._next()
                if job is not None:
                    self._under_way[turn] = job
                    if self._wait_s() is not None:  # there is more to do, now or later: for one of those that wait
                        self._changed.notify()
                    return job
                self._changed.wait(self._wait_s())
            self._changed.notify()  # this one was woken for nothing
            return None

    def _done(self, job: Job, outcome: Outcome) -> None:
        match job:
            case Question():
                self._answered(job, outcome)
            case Owed():
                self._delivered(job, outcome)
            case Probe():
                self._fewer()

    def _next(self) -> Job | None:
        now = self._clock()
        self._questions = [question for question in self._questions if question.busy or question.ask.until > now]
        for question in self._questions:
            if not question.busy and question.not_before <= now:
                question.busy = True
                question.attempts += 1
                return question
        owed = self._lanes.next(now)
        self._collect_dropped()
        if owed is None and self._probe_wanted:
            self._probe_wanted = False
            return Probe()
        return owed

    def _wait_s(self) -> float | None:
        now = self._clock()
        waits = [max(0.0, q.not_before - now) for q in self._questions if not q.busy]
        due = self._lanes.due(now)
        if due is not None:
            waits.append(due)
        return min(waits, default=None)

    def _answered(self, question: Question, outcome: Outcome) -> None:
        question.busy = False
        self._note(outcome)
        if isinstance(outcome, Delivered | Refused):
            self._questions.remove(question)
            session = outcome.active if isinstance(outcome, Delivered) else None
            problem = outcome.problem if isinstance(outcome, Refused) else None
            self._happen(ActiveAnswered, visit=question.ask.visit, session=session, problem=problem)
            return
        question.told = self._tell(outcome, told=question.told)
        question.not_before = self._clock() + wait_s(question.attempts, retry_after(outcome), self._uniform)

    def _delivered(self, owed: Owed, outcome: Outcome) -> None:
        self._note(outcome)
        if owed not in self._lanes:
            log.info("supplier answered %s, which is owed no more", owed.act.name)
        elif isinstance(outcome, Undelivered | Rejected):
            owed.told = self._tell(outcome, told=owed.told)
            self._retry(owed, outcome)
        elif owed.act.name in SETTLES:
            self._settle(owed, outcome)
        else:
            if isinstance(outcome, Refused):
                log.warning("supplier refused %s: %s; dropped", owed.act.name, explain(outcome.problem))
            self._lanes.drop(owed)
        self._collect_dropped()

    def _retry(self, owed: Owed, outcome: Undelivered | Rejected) -> None:
        left = not isinstance(outcome, Undelivered) or outcome.connected
        reason = outcome.reason if isinstance(outcome, Undelivered) else explain(outcome.problem)
        self._lanes.failed(owed, self._clock(), left=left, retry_after_s=retry_after(outcome))
        log.info("supplier has not done %s yet: %s (attempt %d)", owed.act.name, reason, owed.attempts)

    def _settle(self, owed: Owed, outcome: Delivered | Refused) -> None:
        problem = outcome.problem if isinstance(outcome, Refused) else None
        if problem:
            level = logging.INFO if problem.says_no_slots else logging.WARNING
            log.log(level, "supplier refused %s: %s", owed.act.name, explain(problem))
        repeated = owed.left
        self._lanes.settle(owed, explain(problem) if problem else "")
        if owed.act.name is ActName.ACQUIRE:
            grant = outcome.grant if isinstance(outcome, Delivered) else None
            self._happen(AcquireAnswered, act=owed.act, grant=grant, problem=problem)
        else:
            self._happen(CallSettled, act=owed.act, problem=problem, repeated=repeated)

    def _note(self, outcome: Outcome) -> None:
        """A rejected station is out of order until the supplier accepts a call again."""
        if isinstance(outcome, Rejected):
            if self._accepted is not False:
                detail = f"The supplier rejects this station: {explain(outcome.problem)}. Check its token and its id."
                self._happen(FaultRaised, code=REJECTED, title="Station Rejected", detail=detail)
            self._accepted = False
        elif isinstance(outcome, Delivered | Refused):
            if not self._accepted:
                self._happen(FaultCleared, code=REJECTED)
            self._accepted = True

    def _tell(self, outcome: Outcome, *, told: bool) -> bool:
        if isinstance(outcome, Undelivered) and outcome.malformed and not told:
            self._happen(AnswerUnusable, problem=outcome.malformed)
            return True
        return told

    def _collect_dropped(self) -> None:
        if self._lanes.dropped:
            self._marks += [owed.id for owed in self._lanes.dropped]
            self._lanes.dropped.clear()
            self._fewer()
            self._marked = self._marked if self._marked is not None else self._clock()
