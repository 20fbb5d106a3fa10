"""The order in which acts leave: in order within a lane, lanes beside each other (contract section 3, "Order").

No threads and no clock of its own: whoever asks brings the time (CLOCK_BOOTTIME seconds). Backoff lives here, in
memory, and belongs to the head of its lane. No lane is looked through for what may leave: each says so when it changes.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from agent.effects import Act, ActName, Renamed
from agent.owed import Moments, Owed, beside, wait_s

SETTLES = frozenset({ActName.ACQUIRE, ActName.START, ActName.END, ActName.PAY})
"""Acts whose outcome decides something: their lane waits until main has taken it in."""


class Lanes:
    """Every lane with something owed in it. `dropped` collects what went without being settled, for the journal."""

    def __init__(self, pay_wait_s: float, uniform: Callable[[float, float], float]) -> None:
        self._lanes: dict[str, list[Owed]] = {}
        self._by_key: dict[str, Owed] = {}
        self._newest: dict[str, int] = {}
        self._left_last: dict[str, int] = {}
        self._ready = Moments(self._may_leave)
        self._patient = Moments(lambda owed: self._is_head(owed) and self._aside_at(owed) is not None)
        self._busy_lights: Counter[str] = Counter()
        self._begun: dict[str, Owed] = {}
        self._held_up: list[Owed] = []
        self._pay_wait_s = pay_wait_s
        self._uniform = uniform
        self.dropped: list[Owed] = []

    def __len__(self) -> int:
        return len(self._by_key)

    def __contains__(self, owed: Owed) -> bool:
        return self._by_key.get(owed.act.key) is owed

    def __iter__(self) -> Iterator[Owed]:
        """Over a copy, which the interpreter makes in one step: any thread may look."""
        return iter(list(self._by_key.values()))

    @property
    def oldest(self) -> float | None:
        """Since when the act is owed that became so first (Unix seconds)."""
        return next((owed.since for owed in self._by_key.values()), None)

    def find(self, key: str) -> Owed | None:
        """What is owed under this key."""
        return self._by_key.get(key)

    def add(self, owed: Owed) -> None:
        """One more act, behind the others of its lane; a later call for a light overtakes one that failed.

        An act under a key that is owed already is that same act: it is dropped.
        """
        if owed.act.key in self._by_key:
            self.dropped.append(owed)
            return
        if owed.act.name is ActName.ACQUIRE:
            self._hurry_begun()
        if owed.is_light:
            self._newest[owed.act.light] = owed.id
            for failed in list(self._lanes.get(beside(owed.act), ())):
                if failed.idle:
                    self.drop(failed)
        self._by_key[owed.act.key] = owed
        self._put(owed, owed.act.lane)

    def remove(self, owed: Owed) -> None:
        """It is owed no longer."""
        del self._by_key[owed.act.key]
        self._take_out(owed)
        if owed.busy and owed.is_light:
            self._free(owed.act.light)

    def drop(self, owed: Owed) -> None:
        """It is owed no longer, and nobody is told; whoever keeps the journal collects `dropped`."""
        self.remove(owed)
        self.dropped.append(owed)

    def renamed(self, renamed: Renamed) -> dict[str, Act]:
        """By key, what is owed in the lane of a renamed session as it reads now."""
        lanes = {owed.act.lane for owed in self if owed.act.session == renamed.old}
        moving = [owed for owed in self if owed.act.lane in lanes]
        return {owed.act.key: _renamed(owed.act, renamed) for owed in moving}

    def rename(self, renamed: Renamed) -> None:
        """A session got another id: its lane moves with everything in it."""
        for key, act in self.renamed(renamed).items():
            owed = self._by_key[key]
            stood_beside = owed.lane == beside(owed.act)
            self._take_out(owed)
            was, owed.act = owed.act, act
            if owed.is_light and owed.busy:
                self._busy_lights[act.light] += 1
                self._free(was.light)
            if owed.is_light:
                self._newest[act.light] = max(owed.id, self._newest.get(act.light, 0))
            self._put(owed, beside(act) if stood_beside else act.lane)

    def next(self, now: float) -> Owed | None:
        """The act that may leave now and has been ready longest; it is busy until `failed`, `settle` or `remove`."""
        self._step_aside(now)
        while (owed := self._ready.pop(now)) is not None:
            if self._overtaken(owed):
                self.drop(owed)
            elif self._is_held_up(owed):
                self._held_up.append(owed)
            else:
                self._leave(owed, now)
                return owed
        return None

    def due(self, now: float) -> float | None:
        """Seconds until something may leave or step aside; None if nothing waits for time alone."""
        moments = [moment for waiting in (self._ready, self._patient) if (moment := waiting.first()) is not None]
        return max(0.0, min(moments) - now) if moments else None

    def failed(self, owed: Owed, now: float, *, left: bool, retry_after_s: float | None) -> None:
        """Nobody knows whether it was done: again, later. A light's call steps aside and holds up nothing."""
        owed.busy = False
        owed.left = owed.left or left
        owed.told_to_wait = retry_after_s is not None
        owed.not_before = now + wait_s(owed.attempts, retry_after_s, self._uniform)
        if owed.is_light:
            self._free(owed.act.light)
            self._take_out(owed)
            self._put(owed, beside(owed.act))
            if owed.id < self._newest[owed.act.light]:
                self.drop(owed)
        self._look_at(owed.lane)

    def settle(self, owed: Owed, refusal: str) -> None:
        """It has its outcome; its lane waits until main has taken that in and removes it."""
        owed.busy = False
        owed.settled = True
        owed.refusal = refusal

    def _leave(self, owed: Owed, now: float) -> None:
        owed.busy = True
        owed.attempts += 1
        owed.first_tried = owed.first_tried if owed.first_tried is not None else now
        if owed.is_light:
            self._busy_lights[owed.act.light] += 1
            self._left_last[owed.act.light] = owed.id
            for other in list(self._lanes.get(beside(owed.act), ())):
                if other.idle and self._overtaken(other):
                    self.drop(other)
        self._look_at(owed.lane)

    def _look_at(self, lane: str) -> None:
        """Its acts have changed: its head may leave at its moment, or step aside at another."""
        acts = self._lanes.get(lane, [])
        self._note_begun(lane, acts)
        if acts and acts[0].idle:
            self._ready.put(acts[0].not_before, acts[0])
        if acts and (moment := self._aside_at(acts[0])) is not None:
            self._patient.put(moment, acts[0])

    def _note_begun(self, lane: str, acts: list[Owed]) -> None:
        """Of an acquire without an answer behind which a session stands: no other acquire leaves while it is owed."""
        begun = bool(acts) and acts[0].act.name is ActName.ACQUIRE and any(owed.act.session for owed in acts[1:])
        was = self._begun.pop(lane, None)
        if begun:
            self._begun[lane] = acts[0]
        if was is not self._begun.get(lane):
            self._let_go()

    def _is_head(self, owed: Owed) -> bool:
        acts = self._lanes.get(owed.lane)
        return acts is not None and acts[0] is owed

    def _may_leave(self, owed: Owed) -> bool:
        """Whether it may leave as far as its own lane goes: one act of a lane is under way at once."""
        return owed.idle and self._is_head(owed)

    def _is_held_up(self, owed: Owed) -> bool:
        """Whether another lane's act is in the way: one call for a light is under way at once, see also `_begun`."""
        if owed.is_light:
            return self._busy_lights[owed.act.light] > 0
        return owed.act.name is ActName.ACQUIRE and bool(self._begun) and self._begun.get(owed.lane) is not owed

    def _free(self, light: str) -> None:
        """A call for this light is no longer under way."""
        self._busy_lights[light] -= 1
        self._let_go()

    def _let_go(self) -> None:
        """What was held up may leave now, or is held up again."""
        held, self._held_up = self._held_up, []
        for owed in held:
            if self._may_leave(owed):
                self._ready.put(owed.not_before, owed)

    def _hurry_begun(self) -> None:
        """A driver waits for an acquire that may not leave before these: they are tried now, if nobody forbade it."""
        for lane, owed in list(self._begun.items()):
            if not owed.told_to_wait:
                owed.not_before = 0.0
                self._look_at(lane)

    def _step_aside(self, now: float) -> None:
        while (head := self._patient.pop(now)) is not None:
            if head.is_light:
                self.drop(head)
            else:
                self._take_out(head)
                self._put(head, beside(head.act))

    def _aside_at(self, head: Owed) -> float | None:
        """When it holds up nothing any more: a light whose time is over goes, an unanswered payment stands aside."""
        if head.is_light:
            return head.over if head.idle else None
        return self._patience(head)

    def _overtaken(self, head: Owed) -> bool:
        """A later call for this light has left from another lane: this one would tell of the past."""
        return head.is_light and head.id < self._left_last.get(head.act.light, 0)

    def _patience(self, head: Owed) -> float | None:
        """Until when a `pay` without an answer holds up what is behind it."""
        if head.act.name is not ActName.PAY or head.settled or head.first_tried is None or head.lane != head.act.lane:
            return None
        return head.first_tried + self._pay_wait_s

    def _put(self, owed: Owed, lane: str) -> None:
        owed.lane = lane
        acts = self._lanes.setdefault(lane, [])
        acts.append(owed)
        acts.sort(key=lambda one: (one.idle, one.id))
        self._look_at(lane)

    def _take_out(self, owed: Owed) -> None:
        acts = self._lanes[owed.lane]
        acts.remove(owed)
        if not acts:
            del self._lanes[owed.lane]
        self._look_at(owed.lane)


def _renamed(act: Act, renamed: Renamed) -> Act:
    """Only a lane that is called after the session changes its name."""
    old, new = renamed.old, renamed.new
    lane = act.lane.removesuffix(old) + new if act.lane.endswith(f":{old}") else act.lane
    if act.session != old:
        return replace(act, lane=lane)
    light = str(renamed.slot) if act.light else ""
    return replace(act, lane=lane, session=new, slot=renamed.slot, light=light)
