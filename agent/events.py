"""CloudEvents 1.0 in structured JSON: the station's events as messages, and the inbox's payloads as events.

Contract section 4; https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md.
Nothing here reads a clock or makes up an id: the same arguments give the same bytes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import REQUIRED_ATTRIBUTES, CloudEvent

from agent.answers import Problem
from agent.effects import Message

PREFIX = "com.ev-power-supplier.charging-station."
FAULTED = PREFIX + "faulted.v1"
CARD_SCANNED = PREFIX + "card-scanned.v1"
MISSPELT = {"com.ev-power-supplier.charging.station-faulted.v1": FAULTED}
"""The use case's document spells one type differently from the one its schedule listens to."""

EVENT_CONTENT = JSONFormat.CONTENT_TYPE
PROBLEM_CONTENT = "application/problem+json"

LONGEST_PAYLOAD = 64 * 1024
DEEPEST_NESTING = 32
LONGEST_ATTRIBUTE = 1024


class UnreadableEvent(ValueError):
    """A payload is no CloudEvent 1.0; answer it on `errors` and go on. `type` is its type if that could be read."""

    def __init__(self, reason: str, type: str = "") -> None:  # noqa: A002 - the attribute's name in CloudEvents
        super().__init__(reason)
        self.type = type


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingEvent:
    """An event as it came, checked. It is known by `source` and `id`; `time` is Unix seconds if the event names one."""

    type: str
    source: str
    id: str
    data: Mapping[str, Any]
    subject: str = ""
    time: float | None = None


def rfc3339(wall: float) -> str:
    """`wall` (Unix seconds) as RFC 3339 in UTC with milliseconds, such as `2026-11-23T08:00:00.000Z`."""
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Events:
    """Makes one station's messages. `source` is `[events] source`, the same for all stations of a supplier."""

    def __init__(self, source: str, station_id: str) -> None:
        self._source = source
        self._station = f"stations/{station_id}"

    def message(
        self,
        name: str,
        data: Mapping[str, Any],
        *,
        event_id: str,
        wall: float,
        slot: int | None = None,
        clock_synced: bool = True,
        version: int = 1,
    ) -> Message:
        """The event `name` (`session-started`) at `wall` (Unix seconds), about `slot` or the whole station.

        `clock_synced` false marks a `wall` that must not be believed.
        """
        attributes: dict[str, Any] = {
            "specversion": "1.0",
            "id": event_id,
            "source": self._source,
            "type": f"{PREFIX}{name}.v{version}",
            "subject": self._station if slot is None else f"{self._station}/slots/{slot}",
            "time": datetime.fromtimestamp(wall, UTC),
        }
        if not clock_synced:
            attributes["clocksynced"] = False
        payload = JSONFormat().write(CloudEvent(attributes, dict(data)))
        return Message(topic=f"{self._station}/events/{name}", payload=payload, content_type=EVENT_CONTENT)

    def problem_message(self, problem: Problem, *, reason: str = "") -> Message:
        """Problem details (RFC 9457) for `errors`; `reason` adds in a sentence what exactly was wrong."""
        said = {"type": problem.type, "status": problem.status, "title": problem.title, "detail": problem.detail}
        if reason:
            said["reason"] = reason
        payload = json.dumps(said).encode()
        return Message(topic=f"{self._station}/errors", payload=payload, content_type=PROBLEM_CONTENT)


def read_event(payload: bytes) -> IncomingEvent:
    """Read a CloudEvent 1.0 of at most 64 KiB whose data is an object. Raises UnreadableEvent, never anything else."""
    found = _read_object(payload)
    given = found.get("type")
    type_ = given if isinstance(given, str) else ""

    def unreadable(reason: str) -> NoReturn:
        raise UnreadableEvent(reason, type_)

    for required in REQUIRED_ATTRIBUTES:
        if required not in found:
            unreadable(f"The event has no {required}; send a CloudEvent 1.0 in structured JSON.")
    data = found.pop("data", None)
    if not isinstance(data, dict):
        unreadable("The event's data is no JSON object; send one.")
    for name, value in found.items():
        if isinstance(value, str) and len(value) > LONGEST_ATTRIBUTE:
            unreadable(f"The event's {name[:64]} is longer than {LONGEST_ATTRIBUTE} characters; shorten it.")
    try:
        if "time" in found:
            found["time"] = datetime.fromisoformat(found["time"])
        # Given a copy: the SDK puts a time of its own where none is.
        event = CloudEvent(dict(found), data)
        stamp = found["time"].timestamp() if "time" in found else None
    except (BaseCloudEventException, TypeError, ValueError, OverflowError) as error:
        raise UnreadableEvent(
            "The event's attributes are not those of CloudEvents 1.0; correct them.", type_
        ) from error
    return IncomingEvent(
        type=MISSPELT.get(event.get_type(), event.get_type()),
        source=event.get_source(),
        id=event.get_id(),
        data=data,
        subject=event.get_subject() or "",
        time=stamp,
    )


def _read_object(payload: bytes) -> dict[str, Any]:
    if len(payload) > LONGEST_PAYLOAD:
        raise UnreadableEvent(f"The payload has more than {LONGEST_PAYLOAD} bytes; send less.")
    try:
        found = json.loads(payload)
        # Infinities and lone surrogates pass json.loads and would break whoever writes the event down.
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise UnreadableEvent("The payload is no JSON; send a CloudEvent 1.0 in structured JSON.") from error
    if not isinstance(found, dict):
        raise UnreadableEvent("The payload is no JSON object; send a CloudEvent 1.0 in structured JSON.")
    if _deeper_than(found, DEEPEST_NESTING):
        raise UnreadableEvent(f"The payload nests deeper than {DEEPEST_NESTING} levels; flatten it.")
    return found


def _deeper_than(value: object, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_deeper_than(each, levels - 1) for each in inner)
