"""Replies to commands: written down with what they tell, sent wherever their senders want them, the same for ever."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from agent.commands import answer_report
from agent.effects import REPLY_CONTENT, Effects, Message, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What one fact's effects come to: commands to write down, replies by command id, and the messages they are."""

    orders: tuple[Order, ...] = ()
    answered: tuple[tuple[str, bytes], ...] = ()
    messages: tuple[Message, ...] = ()
    waiting: Mapping[str, Order]


class Replies:
    """The commands that have no reply yet, by the fact that each was."""

    def __init__(self, orders: Iterable[Order]) -> None:
        self._waiting: Mapping[str, Order] = {order.fact: order for order in orders}

    def due(self, effects: Effects) -> Due:
        """What these effects come to. Changes nothing."""
        waiting = {**self._waiting, **{order.fact: order for order in effects.orders}}
        answered: list[tuple[str, bytes]] = []
        messages: list[Message] = []
        for answer in effects.answers:
            order = waiting.pop(answer.to, None)
            if order:
                payload = msgspec.json.encode({"id": order.id or None, **answer_report(answer)})
                answered.append((order.id, payload))
                messages += [reply(to.topic, payload, to.correlation) for to in order.replies]
        return Due(
            orders=tuple(order for order in effects.orders if order.id),
            answered=tuple((name, payload) for name, payload in answered if name),
            messages=tuple(messages),
            waiting=waiting,
        )

    def adopt(self, due: Due) -> None:
        """That is written down."""
        self._waiting = due.waiting


def reply(topic: str, payload: bytes, correlation: bytes) -> Message:
    """One reply, for whoever waits at `topic`."""
    return Message(topic=topic, payload=payload, content_type=REPLY_CONTENT, correlation=correlation)
