"""Messages from the broker become facts, and are acknowledged once those are committed."""

import logging
import uuid
from collections.abc import Callable

from agent.broker.mail import Incoming, Token
from agent.events import UnreadableEvent, read_event
from agent.facts import EventReceived
from agent.happenings import Happen

log = logging.getLogger(__name__)

UNREADABLE_TYPE = "null"
"""The type that the document's problem names when an event has none."""


class Inbox:
    """`received` runs in the thread `broker`, `kept` in `main`."""

    def __init__(self, happen: Happen) -> None:
        self._happen = happen
        self._tokens: dict[str, Token] = {}
        self.acknowledge: Callable[[Token], None] = lambda _: None

    def received(self, incoming: Incoming) -> None:
        """A message came; a retained one is not for the workflow."""
        if incoming.retained:
            log.warning("a retained message on %s is ignored; clear it on the broker", incoming.topic)
            self.acknowledge(incoming.token)
            return
        fact_id = str(uuid.uuid4())
        self._tokens[fact_id] = incoming.token
        try:
            event = read_event(incoming.payload)
        except UnreadableEvent as error:
            log.warning("a message on %s is no CloudEvent: %s", incoming.topic, error)
            self._happen(
                EventReceived, id=fact_id, type=error.type or UNREADABLE_TYPE, source="", event_id=fact_id, data={}
            )
            return
        self._happen(
            EventReceived,
            id=fact_id,
            type=event.type,
            source=event.source,
            event_id=event.id,
            data=event.data,
            sent=event.time,
        )

    def kept(self, fact_id: str) -> None:
        """A fact is committed; if a message brought it, the broker may forget that message."""
        token = self._tokens.pop(fact_id, None)
        if token is not None:
            self.acknowledge(token)
