"""The order in which acts leave: in order within a lane, lanes beside each other (contract section 3, "Order").

No threads and no clock of its own: whoever asks brings the time (CLOCK_BOOTTIME seconds). Backoff lives here, in
memory, and belongs to the head of its lane.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from agent.effects import Act, ActName, Renamed

BACKOFF_MAX_S = 60.0
RETRY_AFTER_MAX_S = 600.0
SETTLES = frozenset({ActName.ACQUIRE, ActName.START, ActName.END, ActName.PAY})
"""Acts whose outcome decides something: their lane waits until main has taken it in."""


def wait_s(attempts: int, retry_after_s: float | None, uniform: Callable[[float, float], float]) -> float:
    """A random wait between 0 and min(60, 2^attempts) seconds (full jitter), or what the supplier asked for."""
    backoff = uniform(0.0, min(BACKOFF_MAX_S, 2.0 ** min(attempts, 16)))
    return max(backoff, min(retry_after_s or 0.0, RETRY_AFTER_MAX_S))


@dataclass(slots=True, kw_only=True, eq=False)
class Owed:
    """One act on its way, standing in `lane`.

    It has been owed since `since` (Unix seconds). `left`: it may have reached the supplier, so a further attempt
    repeats it. `busy`: an attempt is under way. `settled`: it has its outcome; `refusal` says why if it was refused.
    `told`: that its answers cannot be used was told. `told_to_wait`: the supplier named the time of the next attempt.
    """

    id: int
    act: Act
    since: float = 0.0
    lane: str = ""
    left: bool = False
    busy: bool = False
    settled: bool = False
    told: bool = False
    told_to_wait: bool = False
    refusal: str = ""
    attempts: int = 0
    not_before: float = 0.0
    first_tried: float | None = None

    @property
    def idle(self) -> bool:
        """Whether it waits to leave."""
        return not self.busy and not self.settled

    @property
    def has_left(self) -> bool:
        """Whether the supplier may have seen it."""
        return self.left or not self.idle

    @property
    def is_light(self) -> bool:
        """Whether it tells what a light shows: that is about now, so it is tried once in its place and then beside."""
        return self.act.name is ActName.LEDS

    @property
    def over(self) -> float | None:
        """When a light's own duration has overtaken the call that tells of it, once that was tried."""
        duration = self.act.body.get("duration")
        if not self.is_light or self.first_tried is None or duration is None:
            return None
        return float(self.first_tried + duration / 1000)


class Lanes:
    """Every lane with something owed in it. `dropped` collects what went without being settled, for the journal."""

    def __init__(self, pay_wait_s: float, uniform: Callable[[float, float], float]) -> None:
        self._lanes: dict[str, list[Owed]] = {}
        self._by_key: dict[str, Owed] = {}
        self._newest: dict[str, int] = {}
        self._left_last: dict[str, int] = {}
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
            owed.act = act
            if owed.is_light:
                self._newest[act.light] = max(owed.id, self._newest.get(act.light, 0))
            self._put(owed, beside(act) if stood_beside else act.lane)

    def next(self, now: float) -> Owed | None:
        """The act that may leave now and has been ready longest; it is busy until `failed`, `settle` or `remove`."""
        self._step_aside(now)
        ready = [head for head in self._heads() if head.not_before <= now]
        if not ready:
            return None
        owed = min(ready, key=lambda head: (head.not_before, head.id))
        if owed.is_light:
            self._left_last[owed.act.light] = owed.id
        owed.busy = True
        owed.attempts += 1
        owed.first_tried = owed.first_tried if owed.first_tried is not None else now
        return owed

    def due(self, now: float) -> float | None:
        """Seconds until something may leave or step aside; None if nothing waits for time alone."""
        heads = self._heads()
        moments = [head.not_before for head in heads]
        moments += [moment for head in heads if (moment := head.over) is not None]
        moments += [moment for acts in self._lanes.values() if (moment := self._patience(acts[0])) is not None]
        return max(0.0, min(moments) - now) if moments else None

    def failed(self, owed: Owed, now: float, *, left: bool, retry_after_s: float | None) -> None:
        """Nobody knows whether it was done: again, later. A light's call steps aside and holds up nothing."""
        owed.busy = False
        owed.left = owed.left or left
        owed.told_to_wait = retry_after_s is not None
        owed.not_before = now + wait_s(owed.attempts, retry_after_s, self._uniform)
        if owed.is_light:
            if owed.id < self._newest[owed.act.light]:
                self.drop(owed)
            else:
                self._take_out(owed)
                self._put(owed, beside(owed.act))

    def settle(self, owed: Owed, refusal: str) -> None:
        """It has its outcome; its lane waits until main has taken that in and removes it."""
        owed.busy = False
        owed.settled = True
        owed.refusal = refusal

    def _heads(self) -> list[Owed]:
        """What may leave as far as order goes: one act of a lane, and one call for a light, are under way at once.

        No other acquire leaves while that of a session which began without the supplier is owed.
        """
        busy_lights = {owed.act.light for owed in self._by_key.values() if owed.is_light and owed.busy}
        begun = self._begun()
        heads = [acts[0] for acts in self._lanes.values() if acts[0].idle]
        heads = [head for head in heads if not (head.is_light and head.act.light in busy_lights)]
        return [head for head in heads if not begun or head.act.name is not ActName.ACQUIRE or head in begun]

    def _begun(self) -> list[Owed]:
        """Acquires without an answer behind which a session stands."""
        heads = ((acts[0], acts[1:]) for acts in self._lanes.values() if acts[0].act.name is ActName.ACQUIRE)
        return [head for head, behind in heads if any(owed.act.session for owed in behind)]

    def _hurry_begun(self) -> None:
        """A driver waits for an acquire that may not leave before these: they are tried now, if nobody forbade it."""
        for owed in self._begun():
            if not owed.told_to_wait:
                owed.not_before = 0.0

    def _step_aside(self, now: float) -> None:
        for acts in list(self._lanes.values()):
            head = acts[0]
            patience = self._patience(head)
            if head.idle and (self._overtaken(head) or (head.over is not None and head.over <= now)):
                self.drop(head)
            elif patience is not None and patience <= now:
                self._take_out(head)
                self._put(head, beside(head.act))

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

    def _take_out(self, owed: Owed) -> None:
        acts = self._lanes[owed.lane]
        acts.remove(owed)
        if not acts:
            del self._lanes[owed.lane]


def beside(act: Act) -> str:
    """The lane of its own to which an act steps aside."""
    return f"light:{act.light}" if act.name is ActName.LEDS else f"pay:{act.session}"


def _renamed(act: Act, renamed: Renamed) -> Act:
    """Only a lane that is called after the session changes its name."""
    old, new = renamed.old, renamed.new
    lane = act.lane.removesuffix(old) + new if act.lane.endswith(f":{old}") else act.lane
    if act.session != old:
        return replace(act, lane=lane)
    light = str(renamed.slot) if act.light else ""
    return replace(act, lane=lane, session=new, slot=renamed.slot, light=light)
