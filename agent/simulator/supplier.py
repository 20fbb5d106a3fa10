"""The simulated supplier's books: what happened, kept in memory and on disk. No HTTP here.

They are written down at each change, before the answer leaves, so that a kill loses nothing.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

from agent.simulator.dealings import Dealings, Manners, new_session_id
from agent.simulator.records import Call, Entry, Record, Said, Standing

__all__ = ["Books", "BooksUnreadable", "Call", "Entry", "Manners", "Said", "Standing"]

KEPT_CALLS = 500
MAX_LOGGED_BODY = 4096
"""Bytes of JSON; of longer bodies the log only says that they came."""

Heard = Callable[[Entry], None]


class BooksUnreadable(Exception):
    """The books on disk cannot be read; the message says what to do with them."""


class Books:
    """Answers calls and keeps the books; from any number of threads.

    `slots` are the slot numbers of every station that calls. Any card is registered unless `cards` says otherwise. With
    a `path` the books go on from what stands there. `now` is Unix time in seconds. `changed` is
    called at each change and must not wait. Raises BooksUnreadable.
    """

    def __init__(
        self,
        slots: Sequence[int],
        *,
        path: Path | None = None,
        cards: Mapping[str, Standing] | None = None,
        manners: Manners | None = None,
        now: Callable[[], float] = time.time,
        new_id: Callable[[], str] = new_session_id,
    ) -> None:
        self._path = path
        self._now = now
        self._lock = Lock()
        self._heard: list[Heard] = []
        self.changed: Callable[[], None] = lambda: None
        self._record = _read(path) if path else Record()
        self._record.cards.update({card.upper(): standing for card, standing in (cards or {}).items()})
        self._dealings = Dealings(self._record, slots, manners or Manners(), now, new_id)

    def subscribe(self, heard: Heard) -> Callable[[], None]:
        """Call `heard` after each call, in the thread that handled it; it must not raise. Returns how to end that."""
        self._heard.append(heard)
        return lambda: self._heard.remove(heard)

    def behave(self, manners: Manners) -> None:
        """From now on answer in these manners."""
        with self._lock:
            self._dealings.manners = manners

    def set_card(self, card: str, standing: Standing) -> None:
        """From now on the card counts as this."""
        with self._lock:
            self._record.cards[card.upper()] = standing
            self._save()

    def handle(self, call: Call, *, refuse: int = 0, answered: bool = True) -> Said:
        """Do what is asked, once, and say so. `refuse`: refuse it with this status, unless it was done before.

        `answered`: False if the answer is going to be lost.
        """
        with self._lock:
            before = msgspec.structs.astuple(self._record.repeats)
            said = self._dealings.answer(call, refuse)
            repeat = msgspec.structs.astuple(self._record.repeats) != before
            entry = self._log(call, said.status, repeat=repeat, answered=answered)
            self._save()
        self._tell(entry)
        return said

    def note(self, call: Call, status: int) -> None:
        """Log a call that was answered without asking the books."""
        with self._lock:
            entry = self._log(call, status, repeat=False, answered=True)
            self._save()
        self._tell(entry)

    def view(self) -> dict[str, Any]:
        """Everything as plain JSON values: slots, lights, sessions, payments, tickets, calls, repeats, cards."""
        with self._lock:
            record = self._record
            view: dict[str, Any] = msgspec.to_builtins(
                {
                    "slots": [
                        {"station": station, "number": number, "session": self._holder(station, number)}
                        | {"lock": slot.lock, "light": slot.light}
                        for station, of_station in record.stations.items()
                        for number, slot in of_station.slots.items()
                    ],
                    "lights": {station: of_station.light for station, of_station in record.stations.items()},
                    "sessions": [
                        {"id": s.id, "card": s.card, "station": s.station, "slot": s.slot}
                        | {"stage": s.stage, "payment": s.payment}
                        for s in record.sessions.values()
                    ],
                    "payments": record.payments,
                    "tickets": record.tickets,
                    "calls": record.calls,
                    "repeats": record.repeats,
                    "cards": record.cards,
                }
            )
        return view

    def _holder(self, station: str, number: int) -> str | None:
        return next((s.id for s in self._dealings.active(station) if s.slot == number), None)

    def _log(self, call: Call, status: int, *, repeat: bool, answered: bool) -> Entry:
        entry = Entry(
            time=self._now(),
            name=call.name,
            method=call.method,
            path=call.path,
            key=call.key,
            card=call.card,
            session=call.session,
            body=call.body if len(msgspec.json.encode(call.body)) <= MAX_LOGGED_BODY else None,
            status=status,
            repeat=repeat,
            answered=answered,
        )
        self._record.calls.append(entry)
        del self._record.calls[:-KEPT_CALLS]
        return entry

    def _tell(self, entry: Entry) -> None:
        for heard in list(self._heard):
            heard(entry)

    def _save(self) -> None:
        self.changed()  # whoever wants to see it waits for the lock
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(f"{self._path.name}.new")
        fresh.write_bytes(msgspec.json.encode(self._record))
        fresh.replace(self._path)


def _read(path: Path) -> Record:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except FileNotFoundError:
        return Record()
    except (OSError, ValueError) as error:
        raise BooksUnreadable(
            f"{path} cannot be read ({error}): move it away, or let `simulate --fresh` forget it."
        ) from error
