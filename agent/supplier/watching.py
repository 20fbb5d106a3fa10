"""What somebody who looks on is told of the exchanges with the supplier."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from agent.supplier.exchange import Answer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Request:
    """One request to the supplier. `path` follows its URL; `card` is the UID that may stand in what comes back.

    `name` is the act's, or `ask`. `fresh`: it goes over a connection of its own, as every repeat does.
    """

    name: str
    method: str
    path: str
    card: str
    body: Mapping[str, Any] | None = None
    key: str = ""
    slot: int = 0
    fresh: bool = False


class Watcher(Protocol):
    """Called in the thread of the exchange: neither may wait or raise."""

    def leaves(self, request: Request) -> None:
        """The request leaves now."""
        ...

    def is_over(self, request: Request, answer: Answer | None, trouble: str) -> None:
        """It was answered, or (None) not: `trouble` says why."""
        ...
