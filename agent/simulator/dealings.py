"""What the simulated supplier does and says when it is called: `config/supplier-api.yaml`, promise by promise."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from agent.simulator.records import (
    Call,
    PaymentRecord,
    Record,
    Said,
    SessionRecord,
    SlotRecord,
    StationRecord,
    Ticket,
)

NO_SLOTS = "No charging slots available"
KEPT_ANSWERS = 2000
KEPT_SESSIONS = 1000
KEPT_TICKETS = 100
MAX_STATIONS = 100
UNSETTLED = frozenset({401, 408, 425, 429})
REFUSED_ON_REQUEST = "The simulated supplier was told to refuse this."


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """What suppliers do differently, all within the contract.

    `names_session`: whether acquire answers with the session's id.
    """

    none_active: Literal["404", "204", "null"] = "404"
    no_slots: Literal["problem", "text"] = "problem"
    names_session: bool = True


def new_session_id() -> str:
    """An id that no earlier supplier gave: the station's keys are made from it."""
    return f"S-{uuid.uuid4().hex[:12]}"


class Dealings:
    """Answers calls and changes `record` accordingly; for one thread at a time. `slots` are those of every station."""

    def __init__(
        self,
        record: Record,
        slots: Sequence[int],
        manners: Manners,
        now: Callable[[], float],
        new_id: Callable[[], str] = new_session_id,
    ) -> None:
        self.manners = manners
        self._record = record
        self._slots = sorted(slots)
        self._now = now
        self._new_id = new_id

    def answer(self, call: Call, refuse: int) -> Said:
        """The first answer if the key was seen before, else do it; `refuse`: refuse with this status instead."""
        answers = self._record.answers
        if call.key in answers:
            self._record.repeats.keys += 1
            return answers[call.key]
        said = self._session_act(call, refuse) if call.session else self._station_call(call, refuse)
        if call.key and said.status not in UNSETTLED:
            answers[call.key] = said
            while len(answers) > KEPT_ANSWERS:
                del answers[next(iter(answers))]
        return said

    def active(self, station: str) -> list[SessionRecord]:
        """The sessions that have not ended there, oldest first."""
        return [s for s in self._record.sessions.values() if s.station == station and s.stage != "ended"]

    def _station_call(self, call: Call, refuse: int) -> Said:
        station = self._station(call.station)
        if station is None:
            return _problem(HTTPStatus.NOT_FOUND, "The supplier takes no more stations.")
        if refuse:
            return _problem(refuse, REFUSED_ON_REQUEST)
        doers = {"ask": self._ask, "acquire": self._acquire, "support": self._support}
        return doers.get(call.name, _show)(call, station)

    def _station(self, name: str) -> StationRecord | None:
        stations = self._record.stations
        if name not in stations and len(stations) >= MAX_STATIONS:
            return None
        station = stations.setdefault(name, StationRecord())
        for number in self._slots:
            station.slots.setdefault(number, SlotRecord())
        return station

    def _ask(self, call: Call, _station: StationRecord) -> Said:
        of_card = [session for session in self.active(call.station) if session.card == call.card]
        if of_card:
            newest = of_card[-1]
            return Said(status=200, body={"session": {"id": newest.id, "card": newest.card, "slotNumber": newest.slot}})
        match self.manners.none_active:
            case "204":
                return Said(status=204)
            case "null":
                return Said(status=200, body={"session": None})
            case "404":
                return _problem(HTTPStatus.NOT_FOUND, "No session of this card is active.")

    def _acquire(self, call: Call, station: StationRecord) -> Said:
        standing = self._record.cards.get(call.card, "registered")
        if standing in ("blocked", "unregistered"):
            return _problem(HTTPStatus.FORBIDDEN, f"The card is {standing}.")
        taken = {session.slot for session in self.active(call.station)}
        number = next((number for number in sorted(station.slots) if number not in taken), None)
        if number is None:
            text = self.manners.no_slots == "text"
            return Said(status=400, text=NO_SLOTS) if text else _problem(HTTPStatus.BAD_REQUEST, NO_SLOTS)
        session = SessionRecord(id=self._new_id(), card=call.card, station=call.station, slot=number)
        self._record.sessions[session.id] = session
        self._forget_old_sessions()
        named = {"session": {"id": session.id}} if self.manners.names_session else {}
        return Said(status=201, body={"slot": {"number": number}, **named})

    def _support(self, call: Call, _station: StationRecord) -> Said:
        error = (call.body or {}).get("error", {})
        self._record.tickets.append(Ticket(station=call.station, error=error, time=self._now()))
        del self._record.tickets[:-KEPT_TICKETS]
        return Said(status=204)

    def _session_act(self, call: Call, refuse: int) -> Said:
        session = self._record.sessions.get(call.session)
        if session is None:
            return _problem(HTTPStatus.NOT_FOUND, "There is no such session.")
        if call.name in session.answers:
            self._record.repeats.sessions += 1
            return session.answers[call.name]
        if refuse:
            return _problem(refuse, REFUSED_ON_REQUEST)
        said = {"start": _start, "end": _end, "pay": self._pay}[call.name](session)
        if said.status < HTTPStatus.BAD_REQUEST:
            session.answers[call.name] = said
        return said

    def _pay(self, session: SessionRecord) -> Said:
        if session.stage != "ended":
            return _problem(HTTPStatus.CONFLICT, "End the session first.")
        if not session.was_started:
            return _problem(HTTPStatus.GONE, "There is nothing to pay: the session never started.")
        if self._record.cards.get(session.card) == "without-credit":
            session.payment = "refused"
            return _problem(HTTPStatus.PAYMENT_REQUIRED, "The card has no credit.")
        session.payment = "paid"
        self._record.payments.append(PaymentRecord(session=session.id, card=session.card, time=self._now()))
        del self._record.payments[:-KEPT_SESSIONS]
        return Said(status=200, body={"session": {"id": session.id}, "payment": "paid"})

    def _forget_old_sessions(self) -> None:
        sessions = self._record.sessions
        ended = [session.id for session in sessions.values() if session.stage == "ended"]
        for session in ended[: max(0, len(sessions) - KEPT_SESSIONS)]:
            del sessions[session]


def _start(session: SessionRecord) -> Said:
    if session.stage == "ended":
        return _problem(HTTPStatus.CONFLICT, "The session has ended.")
    session.stage = "started"
    session.was_started = True
    return Said(status=200, body={"session": {"id": session.id}})


def _end(session: SessionRecord) -> Said:
    session.stage = "ended"
    return Said(status=200, body={"session": {"id": session.id}})


def _show(call: Call, station: StationRecord) -> Said:
    """The station says what one of its lights or locks does."""
    if call.light == "main":
        station.light = call.body
        return Said(status=204)
    slot = station.slots.get(call.slot)
    if slot is None:
        return _problem(HTTPStatus.NOT_FOUND, "The station has no such slot.")
    if call.name == "leds":
        slot.light = call.body
    else:
        slot.lock = "locked" if call.name == "lock" else "unlocked"
    return Said(status=204)


def _problem(status: int, detail: str) -> Said:
    title = HTTPStatus(status).phrase
    return Said(status=status, body={"type": "about:blank", "title": title, "status": int(status), "detail": detail})
