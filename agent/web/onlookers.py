"""Whoever looks on at the station's lines and parts, and tells the conversation what they do."""

import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from agent.broker.outgoing import FIRST_FAILURE, HELD_BACK, Kind, Publish
from agent.report import look_name
from agent.supplier.exchange import Answer
from agent.supplier.watching import Request
from agent.web.masking import Cards, parsed, shown, text
from agent.web.recorder import Draft, Recorder, harmless
from agent.web.visits import by_card, by_slot
from hardware.lights import MAIN
from hardware.looks import DARK, Look, Rhythm

ON_THE_WAY = 100
"""How many requests and publishes are remembered until they are answered."""


class SupplierOnlooker:
    """Calls and their answers. In the threads of the exchanges."""

    def __init__(self, recorder: Recorder, cards: Cards) -> None:
        self._recorder = recorder
        self._cards = cards
        self._calls = _OnTheWay()

    @harmless
    def leaves(self, request: Request) -> None:
        """A request leaves."""
        cards = self._cards.note([request.card])
        detail = {"request": f"{request.method} {request.path}", "idempotencyKey": request.key or None}
        draft = Draft(
            kind="call",
            from_="station",
            to="supplier",
            title=text(f"{request.method} {request.path}", cards),
            at=self._recorder.now(),
            about=request.key or by_card(request.card),
            slot=request.slot or None,
            detail=lambda: shown(detail | {"body": request.body, "repeated": request.fresh}, cards),
        )
        self._calls.put(request, draft)
        self._recorder.note(draft)

    @harmless
    def is_over(self, request: Request, answer: Answer | None, trouble: str) -> None:
        """It was answered, or not."""
        cards = self._cards.note([request.card])
        status = answer.status if answer else 0
        none = request.name == "ask" and status == HTTPStatus.NOT_FOUND
        # now, for nobody knows how long it is
        detail = shown(answer_shown(answer) if answer else {"trouble": trouble}, cards)
        self._recorder.note(
            Draft(
                kind="answer",
                from_="supplier",
                to="station",
                title=text(f"no answer: {trouble}", cards) if answer is None else status_line(status),
                at=self._recorder.now(),
                slot=request.slot or None,
                ok=none or HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES,
                re=self._calls.take(request),
                detail=lambda: detail,
            )
        )


class BrokerOnlooker:
    """Events, replies and problems on their way out, and whether the broker took them. In the thread `broker`."""

    def __init__(self, recorder: Recorder, cards: Cards) -> None:
        self._recorder = recorder
        self._cards = cards
        self._flights = _OnTheWay()

    @harmless
    def published(self, publish: Publish, mid: int) -> None:
        """Something has left; the state, which says what is shown anyway, is left out."""
        if publish.kind is Kind.STATE:
            return
        said, cards = parsed(publish.payload), self._cards.note([])
        about = str(said.get("id", "")) if isinstance(said, dict) else ""
        name = publish.topic.rpartition("/")[2]
        if publish.kind is Kind.STATUS and isinstance(said, dict):
            name = f"status {said.get('state')}"
        draft = Draft(
            kind="reply" if publish.reply else "event",
            from_="station",
            to="broker",
            title="reply" if publish.reply else name,
            at=self._recorder.now(),
            about=about,
            slot=_slot_of(said),
            detail=lambda: {"topic": publish.topic, "retained": publish.retain, "payload": shown(said, cards)},
        )
        self._flights.put(mid, draft)
        self._recorder.note(draft)

    @harmless
    def answered(self, mid: int, reason: int) -> None:
        """The broker took it, or not."""
        draft = self._flights.take(mid)
        if draft is None:
            return
        ok = reason < FIRST_FAILURE
        self._recorder.note(
            Draft(
                kind="answer",
                from_="broker",
                to="station",
                title="acknowledged" if ok else f"refused: {HELD_BACK.get(reason, f'reason code {reason}')}",
                at=self._recorder.now(),
                ok=ok,
                re=draft,
                detail=lambda: {"reasonCode": reason},
            )
        )


class LightsOnlooker:
    """What a light shows, whenever that is another look. In the thread `lights`."""

    def __init__(self, recorder: Recorder, known: Callable[[str], str | None]) -> None:
        """`known` finds the visit of what a step is about."""
        self._recorder = recorder
        self._known = known
        self._looks: dict[str, Look] = {}
        self._last: dict[str, Draft] = {}

    @harmless
    def shown(self, looks: Mapping[str, Look], _at: float) -> None:
        """These looks are on the strip now."""
        for name in looks.keys() | self._looks.keys():
            before, look = self._looks.get(name, DARK), looks.get(name, DARK)
            if not _same(before, look):
                self._changed(name, look)
        self._looks = dict(looks)

    def _changed(self, name: str, look: Look) -> None:
        """It shows what was just decided; one that goes off by itself ends what it said before."""
        slot = None if name == MAIN else int(name)
        known = self._known(by_slot(slot or 0)) if look.colours else self._last[name].visit
        draft = Draft(
            kind="light",
            from_="station",
            to="driver",
            title=f"{f'light {slot}' if slot else 'main light'}: {look_name(look)}",
            at=self._recorder.now(),
            visit=self._recorder.latest() or known,
            slot=slot,
            detail=lambda: {"light": name, "colours": list(look.colours), "rhythm": str(look.rhythm)},
        )
        self._last[name] = draft
        self._recorder.note(draft)


def status_line(status: int) -> str:
    """A status with its name, if it has one."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def answer_shown(answer: Answer) -> dict[str, Any]:
    """What came back."""
    said: dict[str, Any] = {"status": answer.status, "body": parsed(answer.body)}
    return said | ({"broken": answer.broken} if answer.broken else {}) | ({"tooLong": True} if answer.too_long else {})


def _same(one: Look, other: Look) -> bool:
    """A steady light that is shown again shows nothing new."""
    steady = one.rhythm is other.rhythm is Rhythm.STEADY and one.colours == other.colours
    return steady or one == other


def _slot_of(said: object) -> int | None:
    data = said.get("data") if isinstance(said, dict) else None
    slot = data.get("slotNumber") if isinstance(data, dict) else None
    return slot if isinstance(slot, int) else None


class _OnTheWay:
    """What waits for its answer; what never gets one is forgotten, the oldest first. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drafts: dict[Any, Draft] = {}

    def put(self, name: object, draft: Draft) -> None:
        with self._lock:
            self._drafts[name] = draft
            if len(self._drafts) > ON_THE_WAY:
                del self._drafts[next(iter(self._drafts))]

    def take(self, name: object) -> Draft | None:
        with self._lock:
            return self._drafts.pop(name, None)
