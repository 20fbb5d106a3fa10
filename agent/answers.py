"""What the supplier can say, already read and checked: the values that `supplier.py` returns and facts carry."""

from dataclasses import dataclass
from http import HTTPStatus

NO_SLOTS = "No charging slots available"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Problem details (RFC 9457) of an answer, or of something that could not be handled."""

    status: int
    title: str = ""
    detail: str = ""
    type: str = "about:blank"

    @property
    def says_no_slots(self) -> bool:
        """Every slot is taken: this status and exactly this text, nothing else."""
        return self.status == HTTPStatus.BAD_REQUEST and self.detail.strip() == NO_SLOTS


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveSession:
    """The session that `GET .../session/{cardId}` names."""

    id: str
    card: str
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What acquire gave: a slot and, if the supplier made one, a session (empty: ask GET for it)."""

    slot: int
    session: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """2xx (or 404/204/`session: null` to GET): the supplier has done it. Exactly one outcome of each exchange."""

    status: int
    active: ActiveSession | None = None
    grant: Grant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A refusal ends the act: repeating it unchanged would be refused again."""

    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """Nobody knows whether it was done: repeat it under the same key.

    `connected`: a connection had been made, so the supplier may have seen it. `retry_after_s`: what the supplier asked
    for, at most 600. `malformed`: an answer came but cannot be used; it is told on `errors` once.
    """

    reason: str
    connected: bool = True
    retry_after_s: float | None = None
    malformed: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """401, or 403 where it is about the station: the act stays owed, fault `StationRejected`."""

    problem: Problem


Outcome = Delivered | Refused | Undelivered | Rejected
