"""Puts the steps of the conversation in order, numbers them and tells them to whoever looks on.

Parts of the station work in threads of their own, so that a call may leave before the road has told what it was decided
for. What happens while a fact is being decided therefore waits for that fact's own steps.
"""

import functools
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ParamSpec

import msgspec

from agent.clock import At, Clock
from agent.events import rfc3339
from agent.http.feed import KEPT_NUMBERED, Feed
from agent.web.steps import STEP, Kind, Step, Who

JUST_S = 0.5

log = logging.getLogger(__name__)

Given = ParamSpec("Given")


@dataclass(slots=True, eq=False, kw_only=True)
class Draft:
    """A step before it has its number. `about` finds its visit: an act's key, an event's id, a card or a slot.

    `visit` is said by who knows it. `re` is the step that this one answers. `detail` is asked for once somebody reads
    the step, in any thread.
    """

    kind: Kind
    from_: Who
    to: Who
    title: str
    at: At
    about: str = ""
    visit: str | None = None
    slot: int | None = None
    ok: bool | None = None
    re: "Draft | None" = None
    detail: Callable[[], Mapping[str, Any]] = dict
    number: int = 0


def harmless(look_on: Callable[Given, None]) -> Callable[Given, None]:
    """The same, for threads that must not end because somebody who only looks on has failed: it is logged."""

    @functools.wraps(look_on)
    def guarded(*args: Given.args, **kwargs: Given.kwargs) -> None:
        try:
            look_on(*args, **kwargs)
        except Exception:  # the station does not stop for somebody who only looks on
            log.exception("a step of the conversation could not be shown")

    return guarded


class Recorder:
    """`note` from any thread; `deciding` and `decided` around each fact, from main. `visit_of` finds a step's visit."""

    def __init__(self, feed: Feed, clock: Clock, visit_of: Callable[[str], str | None]) -> None:
        self._feed = feed
        self._clock = clock
        self._visit_of = visit_of
        self._lock = threading.Lock()
        self._number = int(clock.now().boottime * 1000)  # more than any before a restart in this boot
        self._deciding = False
        self._latest: tuple[str | None, float] = (None, 0.0)
        self._waiting: list[Draft] = []

    def latest(self) -> str | None:
        """The visit of the fact that was just decided; None while one is, whose own it may be."""
        with self._lock:
            visit, decided = self._latest
            is_fresh = not self._deciding and self._clock.now().boottime - decided < JUST_S
            return visit if is_fresh else None

    def now(self) -> At:
        """This moment, for a draft."""
        return self._clock.now()

    def note(self, draft: Draft) -> None:
        """Something happened."""
        with self._lock:
            if self._deciding and len(self._waiting) < KEPT_NUMBERED:
                self._waiting.append(draft)
            else:
                self._tell(draft)

    def deciding(self) -> None:
        """A fact is being decided: what happens meanwhile comes behind it."""
        with self._lock:
            self._deciding = True

    def decided(self, drafts: Iterable[Draft], visit: str | None) -> None:
        """The own steps of a fact of this visit, and then what has happened meanwhile."""
        with self._lock:
            self._deciding = False
            self._latest = visit, self._clock.now().boottime
            waiting, self._waiting = self._waiting, []
            for draft in drafts:
                self._tell(draft)
            for draft in waiting:
                draft.visit = draft.visit or (visit if draft.kind == "light" else None)
                self._tell(draft)

    def _tell(self, draft: Draft) -> None:
        self._number = draft.number = self._number + 1
        before = draft.re
        step = Step(
            id=draft.number,
            visit=draft.visit or (before.visit if before else None) or self._visit_of(draft.about),
            at=rfc3339(draft.at.wall),
            t=round(draft.at.boottime, 3),
            from_=draft.from_,
            to=draft.to,
            kind=draft.kind,
            title=draft.title,
            slot=draft.slot,
            ok=draft.ok,
            ms=round((draft.at.boottime - before.at.boottime) * 1000) if before else None,
            re=before.number if before else None,
        )
        draft.visit = step.visit
        detail = draft.detail
        self._feed.publish_numbered(STEP, draft.number, lambda: msgspec.structs.replace(step, detail=detail()))
