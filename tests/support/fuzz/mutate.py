"""Good examples, made bad: values of JSON shape, text and bytes. Everything is drawn from the dice that are given."""

import json
import random
from collections.abc import Callable
from typing import Any, TypeVar

Value = TypeVar("Value")

ODD_TEXTS = (
    "",
    " ",
    "\0",
    "\n\r\x1b[2J",
    "\ud800",
    "\udfff\ud800",
    "\u2028\u202e",
    "ä\u0301\U0001f697",
    "\ufeff",
    "..",
    ".",
    "../../etc/passwd",
    "%00%2e%2e%2f",
    "+/#",
    "$SYS",
    "null",
    "NaN",
    "0",
    "-1",
    "1e999",
    "'; DROP TABLE owed; --",
    "04A1B2C3D4E5F6",
    "\u0663",  # a digit, but none of ASCII's
    "2026-11-28T07:00:00Z",
    "9999-12-31T23:59:59.999999-23:59",
    "0001-01-01T00:00:00+23:59",
)
ODD_NUMBERS = (
    0,
    -1,
    1,
    2,
    1.0,
    1.5,
    -0.0,
    2**31,
    2**31 - 1,
    2**53 + 1,
    2**63,
    2**64,
    -(2**63) - 1,
    10**400,
    1e308,
    5e-324,
    float("inf"),
    float("-inf"),
    float("nan"),
)
ODD = (None, True, False, [], {}, [[]], {"": {}})
LONGEST = 70_000
"""Longer than anything that the station takes."""
DEEPEST = 2_000


def scalar(dice: random.Random) -> Any:
    """Something that is probably of the wrong type, size or meaning."""
    return dice.choice((lambda: dice.choice(ODD_TEXTS), lambda: dice.choice(ODD_NUMBERS), lambda: dice.choice(ODD)))()


def large(dice: random.Random) -> Any:
    """Something much too long or much too deep."""
    length = dice.choice((100, 201, 1_025, 5_000, LONGEST))
    kind = dice.randrange(4)
    if kind == 0:
        return dice.choice(("A", "ä", "\0", "\ud800", "\U0001f697")) * length
    if kind == 1:
        return [dice.choice(ODD)] * (length // 10)
    if kind == 2:
        return {f"k{number}": number for number in range(length // 10)}
    return nested(dice.choice((5, 33, 64, 300)), dice)


def nested(levels: int, dice: random.Random) -> Any:
    """Lists or objects in each other."""
    value: Any = scalar(dice)
    for _ in range(levels):
        value = [value] if dice.random() < 0.5 else {"a": value}
    return value


def value_of(value: Any, dice: random.Random) -> Any:
    """`value` with one place of it changed: a key more, less or other, another type, something huge."""
    if isinstance(value, dict) and value and dice.random() < 0.85:
        return _object_of(value, dice)
    if isinstance(value, list) and value and dice.random() < 0.8:
        place = dice.randrange(len(value))
        return [*value[:place], value_of(value[place], dice), *value[place + dice.randrange(2) :]]
    if isinstance(value, str) and dice.random() < 0.5:
        return text_of(value, dice)
    if type(value) is int and dice.random() < 0.3:
        return value + dice.choice((-1, 1, 255, 2**32))
    return large(dice) if dice.random() < 0.1 else scalar(dice)


def _object_of(value: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    key = dice.choice(list(value))
    kind = dice.randrange(6)
    if kind == 0:
        return {name: inner for name, inner in value.items() if name != key}
    if kind == 1:
        return {**value, str(dice.choice(ODD_TEXTS)): scalar(dice)}
    if kind == 2:
        return {text_of(name, dice) if name == key else name: inner for name, inner in value.items()}
    return {**value, key: value_of(value[key], dice)}


def text_of(text: str, dice: random.Random) -> str:
    """`text` with a part of it changed."""
    place = dice.randrange(len(text) + 1)
    kind = dice.randrange(6)
    if kind == 0:
        return text[:place]
    if kind == 1:
        return text[:place] + dice.choice(ODD_TEXTS) + text[place:]
    if kind == 2:
        return text.swapcase()
    if kind == 3:
        return text[:place] + chr(dice.choice((0, 0x7F, 0xDFFF, 0x10FFFF, dice.randrange(0x3000)))) + text[place + 1 :]
    if kind == 4:
        return (text * dice.choice((2, 40, 2_000)))[:LONGEST]
    return text[place:] + text[:place]


def bytes_of(data: bytes, dice: random.Random) -> bytes:
    """`data` with bits flipped, parts cut out, doubled, blown up or put in."""
    place, other = sorted((dice.randrange(len(data) + 1), dice.randrange(len(data) + 1)))
    blown_up = data[place : place + 1] * dice.choice((10, 1_000, 1_000, LONGEST))
    put_in = dice.choice(
        (b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\r\n\r\n", b"{", b'"', b"\\u", dice.randbytes(64))
    )
    return dice.choice(
        (
            _flipped(data, dice),
            data[:place],
            data[:place] + data[other:],
            data[:other] + data[place:],
            data[:place] + put_in + data[place:],
            data[:place] + blown_up + data[place:],
            dice.randbytes(dice.randrange(200)),
        )
    )


def _flipped(data: bytes, dice: random.Random) -> bytes:
    flipped = bytearray(data)
    for _ in range(dice.choice((1, 1, 3, 20)) if data else 0):
        flipped[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(flipped)


def mutated(value: Value, change: Callable[[Value, random.Random], Value], dice: random.Random) -> Value:
    """`value` changed no, one or several times."""
    for _ in range(dice.choice((0, 1, 1, 1, 2, 4))):
        value = change(value, dice)
    return value


def as_json(value: Any, dice: random.Random) -> bytes:
    """A value as JSON, mostly; then perhaps bytes of it changed too."""
    if dice.random() < 0.02:
        opening = dice.choice((b"[", b'{"a":', b'{"data":['))
        return opening * DEEPEST
    data = json.dumps(mutated(value, value_of, dice), ensure_ascii=dice.random() < 0.7)
    encoded = data.encode("utf-8", "surrogatepass")
    return mutated(encoded, bytes_of, dice) if dice.random() < 0.3 else encoded
