"""Replies to commands, from a fact to the journal: written down with what they tell, and never made anew."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.lane import Lane

from agent.broker.inbox import Inbox
from agent.broker.mail import Incoming, Token
from agent.facts import CommandReceived, Fact, LockSettled, UnlockAsked


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[Lane]:
    lane = Lane(tmp_path / "journal.db")
    yield lane
    lane.close()


def comes(lane: Lane, name: str, args: object, *, command: str = "c-1", reply: str = "r/1") -> None:
    """A command comes from the broker and goes all the way."""
    inbox = Inbox(lane.facts.happen, lane.clock.now, "ST-42")
    issued = "2026-11-28T10:00:00Z"
    payload = json.dumps({"id": command, "issuedAt": issued, "args": args}).encode()
    inbox.received(Incoming(f"stations/ST-42/commands/{name}", payload, False, Token(1, 1, 1), reply, b"corr"))
    fact: Fact | None = lane.facts.take(1)
    assert isinstance(fact, CommandReceived)
    lane.road.take(replace(fact, issued=lane.clock.now().wall))  # the lane's clock is its own


def replies(lane: Lane) -> list[tuple[str, bytes, dict[str, object]]]:
    found = lane.look.execute("SELECT topic, correlation, payload FROM messages WHERE content_type='application/json'")
    return [(topic, correlation, json.loads(payload)) for topic, correlation, payload in found]


def test_a_reply_is_committed_with_what_was_done(lane: Lane) -> None:
    comes(lane, "ping", {})
    assert replies(lane) == [("r/1", b"corr", {"id": "c-1", "ok": True, "result": {"stationId": "ST-42"}})]
    assert lane.look.execute("SELECT id, answer IS NULL FROM commands").fetchall() == [("c-1", 0)]


def test_the_same_id_is_done_once_and_answered_the_same_to_whoever_asks(lane: Lane) -> None:
    comes(lane, "unlock", {"slotNumber": 9})
    comes(lane, "unlock", {"slotNumber": 1}, reply="r/2")
    (first, second) = lane.look.execute("SELECT topic, payload FROM messages").fetchall()
    assert first[1] == second[1]
    assert (first[0], second[0]) == ("r/1", "r/2")
    assert lane.road.station.slots[1].move == 0


def test_an_answer_that_comes_later_goes_to_all_who_asked(lane: Lane) -> None:
    comes(lane, "unlock", {"slotNumber": 1})
    comes(lane, "unlock", {"slotNumber": 1}, reply="r/2")
    assert replies(lane) == []
    lane.happens(LockSettled, slot=1, move=1, locked=False)
    result = {"id": "c-1", "ok": True, "result": {"slotNumber": 1, "seen": "unlocked"}}
    assert replies(lane) == [("r/1", b"corr", result), ("r/2", b"corr", result)]


def test_after_a_restart_it_is_still_owed(tmp_path: Path) -> None:
    lane = Lane(tmp_path / "journal.db")
    comes(lane, "unlock", {"slotNumber": 1})
    station = lane.road.station
    lane.close()
    again = Lane(tmp_path / "journal.db", station=station)
    again.happens(LockSettled, slot=1, move=1, locked=None)
    assert [topic for topic, _, _ in replies(again)] == ["r/1"]
    comes(again, "unlock", {"slotNumber": 1}, reply="r/3")
    assert [topic for topic, _, _ in replies(again)] == ["r/1", "r/3"]
    again.close()


def test_on_a_full_disk_the_same_id_is_still_done_once(lane: Lane) -> None:
    lane.full()
    comes(lane, "unlock", {"slotNumber": 1})
    move = lane.road.station.slots[1].move
    comes(lane, "unlock", {"slotNumber": 1}, reply="r/2")
    assert lane.road.station.slots[1].move == move == 1
    lane.full(False)
    lane.happens(LockSettled, slot=1, move=1, locked=False)
    assert {topic for topic, _, _ in replies(lane)} == {"r/1", "r/2"}


def test_a_command_without_an_id_is_answered_and_not_remembered(lane: Lane) -> None:
    comes(lane, "ping", {}, command="")
    ((topic, _, answer),) = replies(lane)
    assert (topic, answer["id"], answer["ok"]) == ("r/1", None, False)
    assert lane.look.execute("SELECT count(*) FROM commands").fetchone() == (0,)


def test_diagnostics_bring_what_main_knows(lane: Lane) -> None:
    comes(lane, "diagnostics", {})
    assert replies(lane)[0][2]["result"] == {"well": True}


def test_restart_is_asked_for_once_it_is_written_down(lane: Lane) -> None:
    comes(lane, "restart", {})
    comes(lane, "restart", {})
    assert lane.restarts == [True]


def test_on_site_the_same_things_are_asked_without_any_of_this(lane: Lane) -> None:
    lane.happens(UnlockAsked, slot=9)
    assert replies(lane) == []
    assert lane.answers[0].problem is not None
