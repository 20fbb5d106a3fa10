"""What can be read of a command, and where its reply goes."""

import json
from collections.abc import Collection
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.broker.mail import Incoming, Token
from agent.broker.orders import LONGEST_PAYLOAD, Read, issued_at, read_order, reply_to
from agent.commands import BY_A_WORKFLOW, REMOTE
from agent.facts import (
    AvailabilityAsked,
    ClearFaultAsked,
    DiagnosticsAsked,
    EndAsked,
    LightsAsked,
    LockAsked,
    PingAsked,
    RestartAsked,
    UnlockAsked,
)


def read(name: str, args: object = None, among: Collection[str] = REMOTE, **others: Any) -> Read:
    found = {"id": "c-1", "issuedAt": "2026-11-28T10:00:00Z", "args": {} if args is None else args, **others}
    return read_order(name, json.dumps(found).encode(), among)


@pytest.mark.parametrize(
    ("name", "args", "kind", "values"),
    [
        ("ping", {}, PingAsked, {}),
        ("unlock", {"slotNumber": 2}, UnlockAsked, {"slot": 2, "force": False}),
        ("unlock", {"slotNumber": 2, "force": True}, UnlockAsked, {"slot": 2, "force": True}),
        ("end", {"sessionId": "S-1"}, EndAsked, {"session": "S-1"}),
        (
            "lights",
            {"target": "main", "action": "flicker", "color": "red", "duration": 3000},
            LightsAsked,
            {"target": "main", "action": "flicker", "colour": "red", "duration_s": 3.0},
        ),
        ("lights", {"target": 1, "action": "off"}, LightsAsked, {"target": "1", "action": "off"}),
        ("availability", {"available": False}, AvailabilityAsked, {"slot": 0, "available": False}),
        ("availability", {"slotNumber": 1, "available": True}, AvailabilityAsked, {"slot": 1, "available": True}),
        ("clear-fault", {"code": "X", "slotNumber": 1}, ClearFaultAsked, {"code": "X", "slot": 1}),
        ("restart", {}, RestartAsked, {}),
        ("diagnostics", {}, DiagnosticsAsked, {}),
    ],
)
def test_every_command(name: str, args: object, kind: type, values: dict[str, Any]) -> None:
    found = read(name, args)
    assert (found.id, found.kind, found.problem) == ("c-1", kind, None)
    assert found.issued == 1795860000.0
    assert {key: found.values[key] for key in values} == values


def test_lock_is_only_for_a_workflow_elsewhere() -> None:
    args = {"slotNumber": 1, "card": "04A1B2C3D4E5F6", "sessionId": "S-1"}
    found = read("lock", args, BY_A_WORKFLOW)
    assert (found.kind, found.values) == (LockAsked, {"slot": 1, "card": "04A1B2C3D4E5F6", "session": "S-1"})
    assert read("lock", args).problem is not None
    for wrong in ({"card": "04"}, {"card": "04a1b2c3"}, {"sessionId": ".."}, {"sessionId": ""}, {"slotNumber": 0}):
        assert read("lock", {**args, **wrong}, BY_A_WORKFLOW).problem is not None


def test_all_commands_are_in_the_test_before() -> None:
    assert set(REMOTE) == {"ping", "unlock", "end", "lights", "availability", "clear-fault", "restart", "diagnostics"}


def test_no_arguments_are_as_good_as_empty_ones() -> None:
    assert read_order("ping", b'{"id": "c-1"}', REMOTE).kind is PingAsked


@pytest.mark.parametrize(
    ("name", "args", "says"),
    [
        ("unlok", {}, "no command 'unlok'"),
        ("owed-drop", {"id": "act-1"}, "no command 'owed-drop'"),
        ("unlock", {}, "slotNumber"),
        ("unlock", {"slotNumber": "1"}, "Expected `int`"),
        ("unlock", {"slotNumber": 1, "forse": True}, "forse"),
        ("unlock", [], "Expected `object`"),
        ("lights", {"target": "main", "action": "on"}, "needs a color"),
        ("lights", {"target": "main", "action": "on", "color": "green"}, "color"),
        ("lights", {"target": "main", "action": "on", "color": "red", "duration": 60_001}, "60000"),
        ("lights", {"target": "side", "action": "off"}, "target"),
        ("availability", {}, "available"),
    ],
)
def test_what_is_wrong_is_said_and_the_id_kept(name: str, args: object, says: str) -> None:
    found = read(name, args)
    assert (found.id, found.kind) == ("c-1", None)
    assert found.problem is not None
    assert found.problem.status == 400
    assert says in found.problem.detail


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"1",
        b"{}",
        b'{"id": 1}',
        b'{"id": ""}',
        b'{"id": "a b"}',
        b'{"id": "' + b"x" * 129 + b'"}',
        b"\xff",
        b'"\xe2(',
        b"[" * 10_000,
        b'{"id": "c-1", "args": "' + b"x" * LONGEST_PAYLOAD + b'"}',
    ],
)
def test_without_a_readable_id_it_is_nobodys(payload: bytes) -> None:
    found = read_order("ping", payload, REMOTE)
    assert (found.id, found.kind) == ("", None)
    assert found.problem is not None
    assert found.problem.title == "Unreadable Command"


@pytest.mark.parametrize("value", [None, 5, "", "yesterday", "2026-11-28T10:00:00", "9999-99-99T00:00:00Z", []])
def test_a_time_that_says_nothing_is_none(value: object) -> None:
    assert issued_at({"issuedAt": value}) is None


def test_what_is_wrong_is_said_in_short() -> None:
    problem = read("ping", {"x" * 10_000: 1}).problem
    assert problem is not None
    assert len(problem.detail) < 250


def test_the_boot_comes_along() -> None:
    assert read("ping", bootId="b").boot == "b"
    assert read("ping", bootId=7).boot == ""


@pytest.mark.parametrize(
    ("topic", "goes"),
    [("a/b", "a/b"), ("", "r"), ("a/+", "r"), ("#", "r"), ("a\0", "r"), ("x" * 600, "r")],
)
def test_a_reply_goes_to_any_topic_that_is_one(topic: str, goes: str) -> None:
    incoming = Incoming("t", b"", False, Token(1, 1, 1), topic, b"c" * 5000)
    assert reply_to(incoming, "r").topic == goes
    assert reply_to(incoming, "r").correlation == b""


@given(name=st.text(max_size=50), payload=st.binary(max_size=200) | st.from_type(dict).map(lambda _: b"{}"))
def test_nothing_that_comes_raises(name: str, payload: bytes) -> None:
    read_order(name, payload, REMOTE)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@given(name=st.sampled_from(REMOTE), args=JSON, issued=JSON)
def test_no_arguments_raise(name: str, args: object, issued: object) -> None:
    read_order(name, json.dumps({"id": "c", "args": args, "issuedAt": issued}).encode(), REMOTE)
