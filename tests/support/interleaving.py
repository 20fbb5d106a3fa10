"""Everything that can happen to a station, in any order, for hypothesis to draw from."""

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from support.story import CARD, NO_SLOTS, OTHER, Owed, Story

from agent.answers import ActiveSession, Grant, Problem
from agent.effects import ActName
from agent.facts import AcquireAnswered, ActiveAnswered, CallSettled, ClearFaultAsked, EndAsked, UnlockAsked
from agent.state import Phase

CARDS = [CARD, OTHER, "AABBCCDD"]
cards = st.sampled_from(CARDS)
slots = st.sampled_from([1, 2])
CODES = ["ReaderFailure", "StorageFailure", "X", "LightsFailure"]


class Interleaving(RuleBasedStateMachine):
    """Everything that can happen to a station with two slots, in any order."""

    @initialize(hold=st.booleans())
    def opens_for_business(self, *, hold: bool) -> None:
        self.story = Story(unpaid_release="hold" if hold else "release", triggers=hold, offline_start="known-cards")
        self.made = 0
        self.looked_at = 0
        self.accepted: dict[tuple[str, str], set[str]] = {}
        self.may_end: set[str] = set()
        self.ended: set[str] = set()

    def fresh(self) -> str:
        """A session id that the supplier has not used before."""
        self.made += 1
        return f"S-{self.made}"

    # The driver.

    @rule(card=cards, known=st.booleans())
    def tap(self, card: str, *, known: bool) -> None:
        self.story.tap(card, known=known)

    @rule(card=cards)
    def starts_without_the_supplier(self, card: str) -> None:
        self.story.tap(card, known=True)
        self.story.passes(3)

    @rule(card=cards)
    def comes_back(self, card: str) -> None:
        self.story.passes(4)
        self.story.rest(card)

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 3.0, 3.1, 31.0]))
    def time_passes(self, seconds: float) -> None:
        self.story.passes(seconds)

    # The supplier.

    @precondition(lambda self: self.story.asks)
    @rule(data=st.data(), answer=st.sampled_from(["none", "own", "new", "known", "other card", "elsewhere", "refused"]))
    def question_answered(self, data: st.DataObject, answer: str) -> None:
        story = self.story
        ask = story.asks.pop(data.draw(st.integers(0, len(story.asks) - 1)))
        known = list(story.station.sessions.values())
        session = None
        match answer:
            case "own" if own := story.station.session_of(ask.card):
                session = ActiveSession(id=own.id, card=ask.card, slot=own.slot)
            case "known" if known:
                other = data.draw(st.sampled_from(known))
                session = ActiveSession(id=other.id, card=ask.card, slot=data.draw(slots))
            case "new" | "other card" | "elsewhere":
                card = "99999999" if answer == "other card" else ask.card
                slot = 9 if answer == "elsewhere" else data.draw(slots)
                session = ActiveSession(id=self.fresh(), card=card, slot=slot)
                self.may_end.add(session.id)
        problem = Problem(status=403) if answer == "refused" else None
        story.happens(ActiveAnswered, visit=ask.visit, session=session, problem=problem)

    @precondition(lambda self: self.story.heads())
    @rule(data=st.data(), status=st.sampled_from([204, 204, 204, 402, 404, 409, 422]), named=st.booleans())
    def act_answered(self, data: st.DataObject, status: int, *, named: bool) -> None:
        owed = data.draw(st.sampled_from(self.story.heads()))
        if owed.act.name is ActName.ACQUIRE:
            self.acquire_answered(owed, data.draw(st.sampled_from([1, 2, 2, 1, 9])), status, named=named)
        else:
            self.settles(owed, status)

    def acquire_answered(self, owed: Owed, slot: int, status: int, *, named: bool) -> None:
        """A slot, with or without a session id, or a refusal."""
        grant = Grant(slot=slot, session=self.fresh() if named else "") if status == 204 else None
        problem = None if grant else NO_SLOTS if named else Problem(status=status)
        if problem:
            self.denied(owed)
        self.story.happens(AcquireAnswered, act=owed.act, grant=grant, problem=problem)

    def denied(self, owed: Owed) -> None:
        """A session that began without the supplier ends without it too."""
        self.may_end |= {each.id for each in self.story.station.sessions.values() if each.acquire == owed.act.key}

    def settles(self, owed: Owed, status: int) -> None:
        """A start, end or pay has its outcome."""
        act = owed.act
        if status == 204:
            self.accepted.setdefault((act.session, act.name), set()).add(act.key)
        if act.name is ActName.START:
            self.may_end.add(act.session)
        repeated, owed.left = owed.left, True
        self.story.happens(
            CallSettled, act=act, problem=Problem(status=status) if status >= 400 else None, repeated=repeated
        )

    @precondition(lambda self: self.story.owed)
    @rule(data=st.data())
    def act_leaves(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.story.owed)).left = True

    # What mostly happens.

    @rule(card=cards, slot=slots)
    def session_starts(self, card: str, slot: int) -> None:
        story = self.story
        story.passes(10)
        free = story.phase(slot) is Phase.FREE and story.station.usable(story.slot(slot)) and story.station.in_service
        at_work = [*story.station.sessions.values(), *story.station.visits.values()]
        if free and card not in {each.card for each in at_work} and not story.heads():
            story.vehicle(slot, there=True)
            story.locked_in(self.fresh(), slot, card)

    @rule(steps=st.integers(1, 6))
    def goes_well(self, steps: int) -> None:
        story = self.story
        for _ in range(steps):
            if story.asks:
                ask = story.asks.pop(0)
                own = story.station.session_of(ask.card)
                session = ActiveSession(id=own.id, card=ask.card, slot=own.slot) if own else None
                story.happens(ActiveAnswered, visit=ask.visit, session=session)
            for owed in story.heads()[:1]:
                if owed.act.name is ActName.ACQUIRE:
                    free = [slot.number for slot in story.station.slots.values() if slot.phase is Phase.FREE]
                    self.acquire_answered(owed, free[0] if free else 9, 204, named=True)
                else:
                    self.settles(owed, 204)
            for number, bolt in story.face().bolts.items():
                story.lock_settles(number, locked=bolt.wanted == "locked")

    @rule()
    def all_is_mended(self) -> None:
        for fault in list(self.story.station.faults.values()):
            self.story.mends(fault.code, fault.slot)

    # The station's parts, and its operator's.

    @rule(slot=slots, locked=st.sampled_from([True, False, None]))
    def lock_settles(self, slot: int, *, locked: bool | None) -> None:
        self.story.lock_settles(slot, locked=locked)

    @rule(slot=slots, locked=st.booleans())
    def bolt_moves(self, slot: int, *, locked: bool) -> None:
        self.story.bolt_moves(slot, locked=locked)

    @rule(slot=slots, there=st.booleans())
    def vehicle_moves(self, slot: int, *, there: bool) -> None:
        self.story.vehicle(slot, there=there)

    @rule(closed=st.booleans())
    def release_switched(self, *, closed: bool) -> None:
        self.story.releases(closed=closed)

    @precondition(lambda self: self.story.station.faults)
    @rule(data=st.data())
    def fault_cleared(self, data: st.DataObject) -> None:
        fault = data.draw(st.sampled_from(list(self.story.station.faults.values())))
        self.story.happens(ClearFaultAsked, code=fault.code, slot=fault.slot)

    @rule(code=st.sampled_from(CODES), slot=st.sampled_from([0, 1]), comes=st.booleans())
    def fault(self, code: str, slot: int, *, comes: bool) -> None:
        if comes:
            self.story.fault(code, slot, warning=code == "LightsFailure")
        else:
            self.story.mends(code, slot)

    @rule(after=st.sampled_from([0.5, 2.0, 40.0]), reboot=st.booleans(), killed=st.booleans())
    def restarts(self, after: float, *, reboot: bool, killed: bool) -> None:
        self.story.restarts(after=after, reboot=reboot, killed=killed)

    @rule(slot=slots, force=st.booleans())
    def unlock_asked(self, slot: int, *, force: bool) -> None:
        self.story.happens(UnlockAsked, slot=slot, force=force)

    @precondition(lambda self: self.story.station.sessions)
    @rule(data=st.data())
    def end_asked(self, data: st.DataObject) -> None:
        self.story.happens(EndAsked, session=data.draw(st.sampled_from(list(self.story.station.sessions))))

    @rule(seconds=st.sampled_from([-1.8e9, -86400.0, 3600.0, 1.0e8]))
    def wall_clock_jumps(self, seconds: float) -> None:
        self.story.wall = max(0.0, self.story.wall + seconds)

    # What must be true.

    @invariant()
    def everything_happens_once(self) -> None:
        assert all(len(keys) == 1 for keys in self.accepted.values()), "done twice at the supplier"
        for event in self.story.log[self.looked_at :]:
            if event.name == "session-ended":
                name = event.data["id"]
                assert name not in self.ended, "a session ended twice"
                assert name in self.may_end, "a session ended before it started"
                self.ended.add(name)
        self.looked_at = len(self.story.log)

    def teardown(self) -> None:
        """Everything is answered, every card comes back: nothing is left of anybody."""
        if not hasattr(self, "story"):
            return
        story = self.story
        for _ in range(40):
            self.everything_is_answered()
            self.everything_happens_once()
            if not (story.station.sessions or story.station.visits or story.heads()):
                break
            for card in CARDS:
                if story.station.session_of(card):
                    story.tap(card)
        assert story.station.sessions == {}
        assert story.station.visits == {}
        assert story.heads() == []
        assert {slot.phase for slot in story.station.slots.values()} == {Phase.FREE}

    def everything_is_answered(self) -> None:
        """The supplier has none active and no slots and does the rest; the bolts go where they belong."""
        story = self.story
        while story.asks:
            story.happens(ActiveAnswered, visit=story.asks.pop().visit)
        for owed in story.heads():
            if owed.act.name is ActName.ACQUIRE:
                self.denied(owed)
                story.happens(AcquireAnswered, act=owed.act, problem=NO_SLOTS)
            else:
                self.settles(owed, 204)
        for number, bolt in story.face().bolts.items():
            story.lock_settles(number, locked=bolt.wanted == "locked")
        story.passes(10)
