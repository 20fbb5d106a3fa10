"""Messages from the broker, events and commands, become facts, and are acknowledged once those are committed."""

import logging
import uuid
from collections.abc import Callable, Collection

from agent.broker.mail import Incoming, Token
from agent.broker.orders import read_order, reply_to
from agent.clock import At
from agent.commands import REMOTE
from agent.events import UnreadableEvent, read_event
from agent.facts import CommandReceived, EventReceived
from agent.happenings import Happen

log = logging.getLogger(__name__)

UNREADABLE_TYPE = "null"
"""The type that the document's problem names when an event has none."""


class Inbox:
    """`received` runs in the thread `broker`, `kept` in `main`."""

    def __init__(self, happen: Happen, now: Callable[[], At], station_id: str, known: Collection[str] = REMOTE) -> None:
        """`known`: the commands that may be asked for."""
        self._happen = happen
        self._known = known
        self._now = now
        self._commands = f"stations/{station_id}/commands/"
        self._replies = f"stations/{station_id}/replies"
        self._tokens: dict[str, Token] = {}
        self.acknowledge: Callable[[Token], None] = lambda _: None

    def received(self, incoming: Incoming) -> None:
        """A message came; a retained event is not for the workflow, a retained command is refused by it."""
        if incoming.topic.startswith(self._commands):
            self._command(incoming)
        elif incoming.retained:
            log.warning("a retained message on %s is ignored; clear it on the broker", incoming.topic)
            self.acknowledge(incoming.token)
        else:
            self._event(incoming)

    def _command(self, incoming: Incoming) -> None:
        fact_id, at = self._noted(incoming), self._now()
        read = read_order(incoming.topic.removeprefix(self._commands), incoming.payload, self._known)
        self._happen(
            CommandReceived,
            id=fact_id,
            at=at,
            command=read.id,
            reply=reply_to(incoming, self._replies),
            asked=read.kind(id=fact_id, at=at, **read.values) if read.kind else None,
            problem=read.problem,
            issued=read.issued,
            boot=read.boot,
            retained=incoming.retained,
        )

    def _noted(self, incoming: Incoming) -> str:
        fact_id = str(uuid.uuid4())
        self._tokens[fact_id] = incoming.token
        return fact_id

    def _event(self, incoming: Incoming) -> None:
        fact_id = self._noted(incoming)
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
