"""What one caller may take of a server: places, time and bytes."""

import http.client
import io
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.clock import boottime

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of a server. Times are seconds, sizes bytes.

    `connections` at once; `idle_s` between two requests; `request_s` from a request's first byte to its last, whatever
    its sender drips; `answer_s` for a caller to take one piece of an answer; `request_size` with line and headers.
    """

    connections: int = 128
    idle_s: float = 60.0
    request_s: float = 30.0
    answer_s: float = 60.0
    request_size: int = 256 * 1024


class TooLarge(http.client.HTTPException):
    """A request has more bytes than it may."""


class Incoming(io.RawIOBase):
    """What a caller sends, request by request. Raises TimeoutError and TooLarge."""

    def __init__(self, connection: socket.socket, limits: Limits, clock: Callable[[], float] = boottime) -> None:
        super().__init__()
        self._connection = connection
        self._limits = limits
        self._clock = clock
        self._until: float | None = None
        self._taken = 0

    def next_request(self) -> None:
        """The last request is answered."""
        self._until = None
        self._taken = 0

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Wait for more, as long as this request may still take."""
        wait_s = self._limits.idle_s if self._until is None else self._until - self._clock()
        if wait_s <= 0:
            raise TimeoutError("the request takes too long")
        self._connection.settimeout(wait_s)
        size = self._connection.recv_into(buffer)
        if self._until is None:
            self._until = self._clock() + self._limits.request_s
        self._taken += size
        if self._taken > self._limits.request_size:
            raise TooLarge(f"A request may have {self._limits.request_size} bytes.")
        return size
