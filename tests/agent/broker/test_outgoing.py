"""The rules for sending, without a socket."""

from collections.abc import Sequence

import pytest
from support.mailbox import Box

from agent.broker.outgoing import WINDOW, Kind, Outgoing, Publish

STATE = "stations/ST-42/state"


class Wire:
    """Sends what is due and answers as it is told."""

    def __init__(self, box: Box) -> None:
        self.outgoing = Outgoing(box, STATE, pause=lambda refusals: 10.0 * refusals)
        self.sent: list[Publish] = []
        self.outgoing.connected()

    def send(self, now: float = 0.0) -> list[str]:
        due = self.outgoing.due(now)
        for publish in due:
            self.sent.append(publish)
            self.outgoing.sent(len(self.sent), publish, now)
        return [publish.payload.decode() for publish in due]

    def answer(self, *mids: int, reason: int = 0, now: float = 0.0) -> None:
        for mid in mids:
            self.outgoing.answered(mid, reason, now)


def wire(payloads: Sequence[object], **kinds: str) -> tuple[Box, Wire]:
    box = Box()
    box.put(*payloads, **kinds)
    return box, Wire(box)


def test_owed_messages_leave_in_order_within_the_window() -> None:
    box, line = wire(range(50))
    assert line.send() == [str(n) for n in range(WINDOW)]
    assert line.send() == []
    line.answer(1, 2)
    assert line.send() == ["20", "21"]
    assert box.delivered_payloads == ["0", "1"]


def test_the_brokers_smaller_window_counts() -> None:
    box, line = wire(range(9))
    line.outgoing.connected(receive_maximum=2)
    line.outgoing.set_state(b"s")
    assert line.send() == ["s", "0"]
    line.answer(1)
    assert line.send() == ["1"]
    assert not box.delivered_payloads


def test_an_empty_mailbox_is_not_asked_again_before_a_wake() -> None:
    box, line = wire([])
    line.send()
    asked = box.asked
    box.put("a")
    assert line.send() == []
    assert box.asked == asked
    line.outgoing.more()
    assert line.send() == ["a"]


def test_a_lost_connection_makes_everything_owed_again_in_order() -> None:
    box, line = wire("abc")
    line.send()
    line.answer(1)
    line.outgoing.connected()
    assert line.send() == ["b", "c"]
    line.answer(2, 3)
    assert box.delivered_payloads == ["a"], "answers of the old connection mean nothing"
    line.answer(4, 5)
    assert box.delivered_payloads == ["a", "b", "c"]


@pytest.mark.parametrize("reason", [135, 151])
def test_a_publish_without_rights_stays_owed_and_holds_up_what_is_behind(reason: int) -> None:
    box, line = wire("abc")
    line.send()
    line.answer(1, reason=reason)
    assert line.send(now=100.0) == [], "the answers to b and c are still to come"
    line.answer(2, 3)
    assert line.send(now=9.9) == []
    assert line.outgoing.patience(9.0, 60.0) == 1.0
    assert line.send(now=10.0) == ["a"]
    assert box.delivered_payloads == ["b", "c"]
    assert not box.set_aside


def test_after_a_refusal_one_goes_ahead_alone_and_pauses_grow() -> None:
    box, line = wire(range(5))
    line.send()
    line.answer(1, 2, 3, 4, 5, reason=135)
    assert line.send(now=10.0) == ["0"], "five refusals of one window are one"
    assert line.send(now=11.0) == []
    line.answer(6, reason=135, now=12.0)
    assert line.send(now=31.9) == []
    assert line.send(now=32.0) == ["0"]
    line.answer(7, now=32.0)
    assert line.send(now=32.0) == ["1", "2", "3", "4"]
    assert box.delivered_payloads == ["0"]


def test_a_delivery_from_the_refused_window_does_not_end_the_caution() -> None:
    _, line = wire("abc")
    line.send()
    line.answer(1, reason=135)
    line.answer(2)
    line.answer(3, reason=135)
    assert line.send(now=10.0) == ["a"]


def test_no_matching_subscribers_is_delivered() -> None:
    box, line = wire("a")
    line.send()
    line.answer(1, reason=16)
    assert box.delivered_payloads == ["a"]


@pytest.mark.parametrize("reason", [128, 131, 144, 149, 153])
def test_other_refusals_set_one_aside_and_block_nothing(reason: int) -> None:
    box, line = wire("ab")
    line.send()
    line.answer(1, reason=reason)
    line.answer(2)
    assert list(box.set_aside) == [1]
    assert str(reason) in box.set_aside[1]
    assert box.delivered_payloads == ["b"]


def test_what_is_larger_than_the_broker_takes_is_set_aside_unsent() -> None:
    box, line = wire(["x" * 500, "b"])
    line.outgoing.connected(largest_packet=400)
    assert line.send() == ["b"]
    assert list(box.set_aside) == [1]


def test_only_the_latest_state_leaves_retained() -> None:
    _, line = wire("a")
    line.outgoing.set_state(b"1")
    line.outgoing.set_state(b"2")
    assert line.send() == ["2", "a"]
    assert [publish.retain for publish in line.sent] == [True, False]
    line.outgoing.set_state(b"3")
    line.outgoing.set_state(b"4")
    assert line.send() == [], "one state at a time is on its way"
    line.answer(1)
    assert line.send() == ["4"]


def test_the_state_is_told_again_on_a_new_connection() -> None:
    _, line = wire([])
    line.outgoing.set_state(b"1")
    line.send()
    line.answer(1)
    line.outgoing.connected()
    assert line.send() == ["1"]


def test_a_refused_state_is_said_and_dropped(caplog: pytest.LogCaptureFixture) -> None:
    _, line = wire("a")
    line.outgoing.set_state(b"1")
    line.send()
    line.answer(1, reason=135)
    assert line.send() == []
    assert STATE in caplog.text


def test_overdue_and_idle() -> None:
    _, line = wire("a")
    assert line.outgoing.idle()
    line.send(now=5.0)
    assert not line.outgoing.idle()
    assert line.outgoing.flying(1)
    assert not line.outgoing.overdue(65.0, 60.0)
    assert line.outgoing.overdue(65.1, 60.0)
    assert line.outgoing.patience(65.0, 1.0) == 1.0


def test_an_answer_nobody_waits_for_means_nothing() -> None:
    box, line = wire("a")
    line.answer(9)
    assert not box.delivered_payloads


def test_kinds_that_tell_about_now_are_retained() -> None:
    assert Publish(Kind.STATUS, "t", b"").retain
    assert Publish(Kind.STATE, "t", b"").retain
