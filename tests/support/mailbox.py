"""A mailbox in memory, with the promises of `agent.broker.mail.Mailbox`."""

import threading

from agent.broker.mail import Parcel


class Box:
    """Keeps parcels until they are delivered or set aside; ids count from 1."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._parcels: dict[int, Parcel] = {}
        self._in_flight: set[int] = set()
        self._count = 0
        self.delivered_payloads: list[str] = []
        self.set_aside: dict[int, str] = {}
        self.asked = 0
        self.breaks = 0

    def put(self, *payloads: object, topic: str = "stations/ST-42/events/x", content_type: str = "") -> None:
        with self._lock:
            for payload in payloads:
                self._count += 1
                self._parcels[self._count] = Parcel(self._count, topic, str(payload).encode(), content_type)

    @property
    def owed(self) -> int:
        with self._lock:
            return len(self._parcels)

    def take(self, limit: int) -> list[Parcel]:
        with self._lock:
            self.asked += 1
            if self.breaks:
                self.breaks -= 1
                raise OSError("the disk is gone")
            waiting = [parcel for parcel in self._parcels.values() if parcel.id not in self._in_flight][:limit]
            self._in_flight.update(parcel.id for parcel in waiting)
            return waiting

    def delivered(self, parcel_id: int) -> None:
        with self._lock:
            self._in_flight.remove(parcel_id)
            self.delivered_payloads.append(self._parcels.pop(parcel_id).payload.decode())

    def aside(self, parcel_id: int, reason: str) -> None:
        with self._lock:
            self._in_flight.remove(parcel_id)
            del self._parcels[parcel_id]
            self.set_aside[parcel_id] = reason

    def release(self) -> None:
        with self._lock:
            self._in_flight.clear()
