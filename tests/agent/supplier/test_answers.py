"""What each answer of the supplier comes to (contract section 3)."""

import json
from typing import Any

import pytest

from agent.answers import ActiveSession, Delivered, Grant, Outcome, Problem, Refused, Rejected, Undelivered
from agent.supplier.exchange import Answer
from agent.supplier.reading import MAX_TEXT, read_active, read_grant, read_status

CARD = "04A1B2C3D4E5F6"
SLOTS = frozenset({1, 2})
NOW = 1_700_000_000.0
SESSION = {"id": "S-1001", "card": CARD, "slotNumber": 1}


def _answer(value: Any, status: int = 200, **others: Any) -> Answer:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Answer(status=status, body=body, **others)


def _active(answer: Answer) -> Outcome:
    return read_active(answer, CARD, SLOTS, NOW)


def _grant(answer: Answer) -> Outcome:
    return read_grant(answer, CARD, NOW)


def _status(answer: Answer) -> Outcome:
    return read_status(answer, CARD, NOW)


READERS = [_active, _grant, _status]


@pytest.mark.parametrize(
    "answer",
    [_answer(b"", 404), _answer(b"", 204), _answer({"session": None}), _answer({"title": "Not Found"}, 404)],
    ids=["404", "204", "null", "404 with a problem"],
)
def test_no_session_is_active(answer: Answer) -> None:
    assert _active(answer) == Delivered(status=answer.status)


@pytest.mark.parametrize("session_id", ["S-1001", "a/b ?ü", "x" * 128, "..."])
def test_the_active_session_is_read(session_id: str) -> None:
    outcome = _active(_answer({"session": {**SESSION, "id": session_id, "tariff": 7}, "more": True}))
    assert outcome == Delivered(status=200, active=ActiveSession(id=session_id, card=CARD, slot=1))


def test_a_card_in_lower_case_is_the_same_card() -> None:
    outcome = _active(_answer({"session": {**SESSION, "card": CARD.lower()}}))
    assert outcome == Delivered(status=200, active=ActiveSession(id="S-1001", card=CARD, slot=1))


BAD_IDS = ["", ".", "..", "x" * 129]


@pytest.mark.parametrize(
    "value",
    [
        *({"session": {**SESSION, "id": bad}} for bad in [*BAD_IDS, 7, None]),
        {"session": {**SESSION, "card": "DEADBEEF"}},
        {"session": {**SESSION, "card": 7}},
        *({"session": {**SESSION, "slotNumber": bad}} for bad in [3, 0, -1, "1", 1.5, True, None, 10**30]),
        {"session": {"id": "S-1001", "card": CARD}},
        {"session": []},
        {},
        None,
        [],
        b"",
        b"<html>",
        b'{"session": nul',
        b"\xff\xfe",
        b'{"session": {"id": "\\ud800", "card": "04A1B2C3D4E5F6", "slotNumber": 1}}',
        b"[" * 60_000,
        b'{"session":null,"x":' + b"[" * 60_000,
    ],
)
def test_an_unusable_active_session_is_malformed(value: Any) -> None:
    outcome = _active(_answer(value))
    assert isinstance(outcome, Undelivered)
    assert outcome.malformed is not None
    assert outcome.malformed.status == 502
    assert outcome.connected
    assert CARD not in repr(outcome)
    assert "DEADBEEF" not in repr(outcome)


@pytest.mark.parametrize(
    ("value", "grant"),
    [
        ({"slot": {"number": 1}, "session": {"id": "S-1001"}}, Grant(slot=1, session="S-1001")),
        ({"slot": {"number": 1}}, Grant(slot=1)),
        ({"slot": {"number": 1}, "session": None}, Grant(slot=1)),
        ({"slot": {"number": 1}, "session": {}}, Grant(slot=1)),
        ({"slot": {"number": 1}, "session": {"id": None}}, Grant(slot=1)),
        ({"slot": {"number": 99, "floor": 2}}, Grant(slot=99)),
        ({"slot": {"number": 1.0}}, Grant(slot=1)),
    ],
)
@pytest.mark.parametrize("status", [200, 201])
def test_a_grant_is_read(value: Any, grant: Grant, status: int) -> None:
    assert _grant(_answer(value, status)) == Delivered(status=status, grant=grant)


@pytest.mark.parametrize(
    "value",
    [
        *({"slot": {"number": bad}} for bad in [0, -1, "1", 1.5, True, None, 2**31]),
        *({"slot": {"number": 1}, "session": {"id": bad}} for bad in [*BAD_IDS, 7]),
        {"slot": {"number": 1}, "session": "S-1001"},
        {"session": {"id": "S-1001"}},
        {"slot": None},
        None,
        b"",
        b"OK",
    ],
)
def test_an_unusable_grant_is_malformed(value: Any) -> None:
    outcome = _grant(_answer(value, 201))
    assert isinstance(outcome, Undelivered)
    assert outcome.malformed is not None


@pytest.mark.parametrize("answer", [_answer(b"", 204), _answer(b"<html>"), _answer(b" ", too_long=True)])
def test_a_status_is_all_that_counts_for_other_acts(answer: Answer) -> None:
    assert _status(answer) == Delivered(status=answer.status)


def test_a_broken_body_counts_only_where_it_is_read() -> None:
    broken = _answer(b"{", broken="the supplier's answer broke off")
    for read in (_active, _grant):
        assert read(broken) == Undelivered(reason="the supplier's answer broke off")
    assert _status(broken) == Delivered(status=200)


@pytest.mark.parametrize("status", [200, 400, 403])
def test_what_is_over_64_kib_is_malformed_where_it_is_read(status: int) -> None:
    long = _answer(b" " * 65536, status, too_long=True)
    for read in (_active, _grant):
        outcome = read(long)
        assert isinstance(outcome, Undelivered)
        assert outcome.malformed is not None
        assert "64 KiB" in outcome.malformed.detail


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_go_better_later_is_undelivered(read: Any, status: int) -> None:
    outcome = read(_answer(b"", status))
    assert outcome == Undelivered(reason=f"the supplier answered {status}")


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("status", [103, 300, 302, 304, 307, 308, 600, 999])
def test_redirects_and_unknown_statuses_cannot_be_used(read: Any, status: int) -> None:
    outcome = read(_answer({"session": None}, status))
    assert isinstance(outcome, Undelivered)
    assert outcome.malformed is not None
    assert str(status) in outcome.malformed.detail


@pytest.mark.parametrize("read", READERS)
def test_401_is_about_the_station(read: Any) -> None:
    assert read(_answer(b"who?", 401)) == Rejected(problem=Problem(status=401, detail="who?"))


def test_403_is_about_the_card_for_the_question_and_acquire_and_else_about_the_station() -> None:
    problem = Problem(status=403, detail="no")
    assert _active(_answer(b"no", 403)) == Refused(problem=problem)
    assert _grant(_answer(b"no", 403)) == Refused(problem=problem)
    assert _status(_answer(b"no", 403)) == Rejected(problem=problem)


@pytest.mark.parametrize("status", [400, 402, 404, 405, 409, 410, 418, 422, 451])
def test_other_4xx_refuse(status: int) -> None:
    refused = Refused(problem=Problem(status=status))
    assert _status(_answer(b"", status)) == refused
    assert _grant(_answer(b"", status)) == refused


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (
            {"type": "https://x/y", "title": "Bad", "status": 599, "detail": " why "},
            Problem(status=400, title="Bad", detail="why", type="https://x/y"),
        ),
        ({"title": "Bad"}, Problem(status=400, title="Bad")),
        ({"detail": 7, "title": "Bad"}, Problem(status=400, title="Bad")),
        ({"message": "no"}, Problem(status=400, detail='{"message": "no"}')),
        (b" plain\n", Problem(status=400, detail="plain")),
        (b"\xff", Problem(status=400, detail="\ufffd")),
        (b"x" * 5000, Problem(status=400, detail="x" * MAX_TEXT)),
        (b"[" * 60_000, Problem(status=400, detail="[" * MAX_TEXT)),
    ],
)
def test_problems_are_read_from_json_or_text(body: Any, problem: Problem) -> None:
    assert _grant(_answer(body, 400)) == Refused(problem=problem)


def test_the_card_is_masked_in_problems() -> None:
    said = {"title": f"{CARD} unknown", "detail": f"card {CARD.lower()} is blocked", "type": f"urn:{CARD}"}
    outcome = _grant(_answer(said, 403))
    assert outcome == Refused(
        problem=Problem(status=403, title="..E5F6 unknown", detail="card ..E5F6 is blocked", type="urn:..E5F6")
    )


@pytest.mark.parametrize(
    "spelled",
    [
        CARD.lower(),
        "04:a1:b2:c3:d4:e5:f6",
        "04-A1-B2-C3-D4-E5-F6",
        "04 A1 B2 C3 D4 E5 F6",
        "%3041B2C3D4E5F6".replace("%3041", "%30%34%41%31"),
        "04%3aA1%3aB2%3aC3%3aD4%3aE5%3aF6",
        "0x04, 0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6",
    ],
)
def test_the_card_is_masked_however_it_is_spelled(spelled: str) -> None:
    outcome = _grant(_answer({"detail": f"No {spelled}!"}, 403))
    assert isinstance(outcome, Refused)
    assert outcome.problem.detail.removeprefix("No ").removeprefix("0x") == "..E5F6!"


def test_a_card_that_the_bound_cuts_in_two_is_masked_too() -> None:
    outcome = _grant(_answer(("x" * (MAX_TEXT - 12) + CARD).encode(), 400))
    assert isinstance(outcome, Refused)
    assert outcome.problem.detail == "x" * (MAX_TEXT - 12) + "..E5F6"


def test_what_broke_an_answer_off_is_masked_and_bounded() -> None:
    outcome = _active(_answer(b"", broken=f"no chunk begins with {CARD}{'x' * 5000}"))
    assert isinstance(outcome, Undelivered)
    assert outcome.reason.startswith("no chunk begins with ..E5F6x")
    assert len(outcome.reason) == MAX_TEXT


def test_a_problem_of_an_act_without_card_stays_as_it_is() -> None:
    assert read_status(_answer(b"gone", 410), "", NOW) == Refused(problem=Problem(status=410, detail="gone"))


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"detail": "No charging slots available"}, True),
        (400, b" No charging slots available \r\n", True),
        (400, {"detail": "no charging slots available"}, False),
        (400, {"title": "No charging slots available", "detail": ""}, False),
        (400, b"No charging slots available!", False),
        (409, {"detail": "No charging slots available"}, False),
    ],
)
def test_no_slots_is_this_status_and_exactly_this_text(status: int, body: Any, expected: bool) -> None:
    outcome = _grant(_answer(body, status))
    assert isinstance(outcome, Refused)
    assert outcome.problem.says_no_slots is expected


@pytest.mark.parametrize(
    ("retry_after", "date", "seconds"),
    [
        ("7", "", 7.0),
        (" 0 ", "", 0.0),
        ("601", "", 600.0),
        ("9" * 5000, "", 600.0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", "", 30.0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", "Tue, 14 Nov 2023 22:13:40 GMT", 10.0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", "rubbish", 30.0),
        ("Tue, 14 Nov 2023 22:00:00 GMT", "", 0.0),
        ("Tue, 14 Nov 2090 22:00:00 GMT", "", 600.0),
        ("-1", "", None),
        ("1.5", "", None),
        ("\u0661", "", None),
        ("soon", "", None),
        ("", "", None),
        ("Tue, 14 Nov 99999999999 22:00:00 GMT", "", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_bounded(retry_after: str, date: str, seconds: float | None) -> None:
    for status in (503, 302):
        outcome = _status(_answer(b"", status, retry_after=retry_after, date=date))
        assert isinstance(outcome, Undelivered)
        assert outcome.retry_after_s == seconds
