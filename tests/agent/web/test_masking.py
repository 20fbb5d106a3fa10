"""What a page may show of a value."""

import json

import pytest

from agent.web.masking import MOST_BYTES, REMEMBERED, Cards, parsed, shown, text

CARD = "04A1B2C3D4E5F6"
SPELLED = (
    CARD,
    CARD.lower(),
    "04:A1:B2:C3:D4:E5:F6",
    "04-a1-b2-c3-d4-e5-f6",
    "%30%34A1B2C3D4E5F6",
    "0x04,0xA1,0xB2,0xC3,0xD4,0xE5,0xF6",
)


@pytest.mark.parametrize("spelled", SPELLED)
def test_a_known_card_is_masked_in_every_text(spelled: str) -> None:
    card = "0x..E5F6" if spelled.startswith("0x") else "..E5F6"
    assert text(f"card {spelled} is blocked", [CARD]) == f"card {card} is blocked"
    assert shown({"a": [{"b": f"<{spelled}>"}]}, [CARD]) == {"a": [{"b": f"<{card}>"}]}
    assert shown({spelled: 1}, [CARD]) == {card: 1}


def test_what_stands_under_the_name_of_a_card_is_one() -> None:
    said = {"card": "DEADBEEF", "cardId": "11223344", "uid": "04112233445566", "session": {"Card": CARD}, "cards": 2}
    assert shown(said, []) == {
        "card": "..BEEF",
        "cardId": "..3344",
        "uid": "..5566",
        "session": {"Card": "..E5F6"},
        "cards": 2,
    }
    assert shown({"card": "..E5F6"}, []) == {"card": "..E5F6"}


def test_nothing_else_is_touched() -> None:
    said = {
        "id": "S-7d1f03a2c9be",
        "n": 1,
        "x": None,
        "ok": True,
        "f": 1.5,
        "key": "0b7e1f9a-0000-4000-8000-000000000000",
    }
    assert shown(said, [CARD]) == said


def test_what_is_large_or_deep_is_cut() -> None:
    many = shown({str(number): "x" * 200 for number in range(1000)}, [])
    assert set(many) == {"cut"}
    assert len(json.dumps(many)) < MOST_BYTES
    assert len(shown(list(range(1000)), [])) == 50
    deep: object = CARD
    for _ in range(100):
        deep = [deep]
    assert CARD not in json.dumps(shown(deep, []))
    assert len(text("y" * 100_000, [])) == 1024
    assert shown(object(), []) == "..."


def test_a_card_in_what_is_cut_is_masked_first() -> None:
    assert CARD[:8] not in json.dumps(shown({"text": "x" * 1020 + CARD}, [CARD]))


@pytest.mark.parametrize(
    ("body", "found"),
    [(b"", None), (b'{"a": 1}', {"a": 1}), (b"no slots", "no slots"), (b"\xff", "\ufffd"), (b"[" * 9000, "[" * 9000)],
)
def test_payloads_are_json_or_text(body: bytes, found: object) -> None:
    assert parsed(body) == found


def test_bytes_are_shown_as_what_they_say() -> None:
    assert shown({"payload": f'{{"card": "{CARD}"}}'.encode()}, []) == {"payload": {"card": "..E5F6"}}


def test_cards_that_were_seen_lately_are_remembered_and_no_more() -> None:
    cards = Cards()
    assert cards.note(["A", ""]) == {"A"}
    for number in range(REMEMBERED):
        cards.note([str(number)])
    assert cards.note(["0"]) == {str(number) for number in range(REMEMBERED)}
    cards.note(["new"])
    assert "0" in cards.note([])
    assert "1" not in cards.note([])
