"""What may be shown of a value: cards masked in every spelling, and no more of it than a page can use."""

from collections.abc import Collection, Iterable, Mapping
from threading import Lock
from typing import Any
from urllib.parse import unquote

import msgspec

from agent.report import masked
from agent.supplier.reading import told

DEEPEST = 8
MOST_ITEMS = 50
MOST_BYTES = 4096
"""Of one detail, as JSON."""
SHORTEST_CARD = 8
"""Hex digits of a UID of 4 bytes."""
REMEMBERED = 64
"""How many cards."""
NAMED = ("card", "uid")
"""What a key contains whose text is a card, whoever's it is."""
BETWEEN = str.maketrans("", "", "-:. _,\\")


class Cards:
    """The cards that were seen lately: any of them may be named by anybody at any time. Any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[str, None] = {}

    def note(self, cards: Iterable[str]) -> frozenset[str]:
        """These were seen just now, UIDs in upper-case hex; gives all that are to be masked."""
        with self._lock:
            for card in cards:
                if card:
                    self._known.pop(card, None)
                    self._known[card] = None
            while len(self._known) > REMEMBERED:
                del self._known[next(iter(self._known))]
            return frozenset(self._known)


def shown(value: object, cards: Collection[str]) -> Any:
    """`value` as JSON may hold it: `cards` masked in all its texts, and whatever stands under the name of a card."""
    found = _shown(value, cards, DEEPEST)
    encoded = msgspec.json.encode(found)
    return found if len(encoded) <= MOST_BYTES else {"cut": encoded[: MOST_BYTES // 2].decode(errors="ignore")}


def text(said: str, cards: Collection[str]) -> str:
    """`said`, bounded, without these cards."""
    plain = unquote(said).translate(BETWEEN).upper().replace("0X", "").replace("X", "")
    for card in cards:
        if card in plain:
            said = told(said, card)
    return told(said, "")


def parsed(body: bytes) -> object:
    """A payload as JSON if it is some, else as text; None for an empty one."""
    if not body:
        return None
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return body.decode(errors="replace")


def _shown(value: object, cards: Collection[str], levels: int) -> Any:
    match value:
        case str():
            return text(value, cards)
        case bytes():
            return _shown(parsed(value), cards, levels)
        case Mapping() if levels:
            items = list(value.items())[:MOST_ITEMS]
            return {text(str(key), cards): _under(str(key), item, cards, levels - 1) for key, item in items}
        case list() | tuple() if levels:
            return [_shown(item, cards, levels - 1) for item in value[:MOST_ITEMS]]
        case None | bool() | int() | float():
            return value
        case _:
            return "..."


def _under(key: str, value: object, cards: Collection[str], levels: int) -> Any:
    if isinstance(value, str) and len(value) >= SHORTEST_CARD and any(name in key.lower() for name in NAMED):
        return masked(value)
    return _shown(value, cards, levels)
