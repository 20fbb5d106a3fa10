"""Messages from the broker become facts, and are acknowledged once those are committed."""

import json
import uuid
from typing import Any

import pytest

from agent.broker.inbox import Inbox
from agent.broker.mail import Incoming, Token
from agent.clock import Clock
from agent.facts import EventReceived
from agent.happenings import Facts

TOPIC = "stations/ST-42/inbox"
EVENT: dict[str, Any] = {"specversion": "1.0", "id": "e-1", "source": "urn:power", "type": "com.example.x.v1"}


class Desk:
    def __init__(self) -> None:
        self.facts = Facts(Clock())
        self.acknowledged: list[int] = []
        self.clock = Clock()
        self.inbox = Inbox(self.facts.happen, self.clock.now, "ST-42")
        self.inbox.acknowledge = lambda token: self.acknowledged.append(token.mid)

    def comes(self, payload: bytes, mid: int = 1, *, retained: bool = False) -> None:
        self.inbox.received(
            Incoming(topic=TOPIC, payload=payload, retained=retained, token=Token(link=1, mid=mid, qos=1))
        )

    def fact(self) -> EventReceived:
        fact = self.facts.take(1.0)
        assert isinstance(fact, EventReceived)
        return fact


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_event_is_a_fact_and_is_acknowledged_once_that_is_kept(desk: Desk) -> None:
    desk.comes(json.dumps({**EVENT, "time": "2026-11-22T12:00:00Z", "data": {"a": 1}}).encode(), mid=7)
    desk.comes(json.dumps({**EVENT, "id": "e-2"}).encode(), mid=8)
    first, second = desk.fact(), desk.fact()
    assert (first.type, first.source, first.event_id, first.data) == (EVENT["type"], "urn:power", "e-1", {"a": 1})
    assert first.sent == 1795348800.0
    assert second.sent is None
    assert desk.acknowledged == []
    desk.inbox.kept(second.id)
    desk.inbox.kept("another fact")
    assert desk.acknowledged == [8]
    desk.inbox.kept(first.id)
    desk.inbox.kept(first.id)
    assert desk.acknowledged == [8, 7]


def test_a_retained_message_is_acknowledged_and_not_for_the_workflow(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.comes(json.dumps(EVENT).encode(), retained=True)
    assert desk.acknowledged == [1]
    assert desk.facts.take(0.0) is None
    assert f"a retained message on {TOPIC} is ignored" in caplog.text


@pytest.mark.parametrize(
    ("payload", "kind"),
    [(b"", "null"), (b"[]", "null"), (b'{"type": "com.example.y.v1"}', "com.example.y.v1"), (b"\xff", "null")],
)
def test_what_is_no_event_goes_the_same_way_so_that_its_sender_is_told(
    payload: bytes, kind: str, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.comes(payload)
    desk.comes(payload)
    first, second = desk.fact(), desk.fact()
    assert (first.type, first.source, first.data) == (kind, "", {})
    assert first.event_id != second.event_id, "each is told"
    assert uuid.UUID(first.event_id).version == 4
    assert "is no CloudEvent" in caplog.text
    assert desk.acknowledged == []
    desk.inbox.kept(first.id)
    assert desk.acknowledged == [1]


def test_until_there_is_a_broker_nothing_can_be_acknowledged() -> None:
    Inbox(Facts(Clock()).happen, Clock().now, "ST-42").received(
        Incoming(topic=TOPIC, payload=b"", retained=True, token=Token(link=1, mid=1, qos=1))
    )
