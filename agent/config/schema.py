"""How a table of a config file is read: rules for its values, and every mistake collected with its key."""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agent.config.address import host_and_port, is_host

SHOWN = 40
LONGEST_TEXT = 1024
MOST_PIXELS = 10_000
MOST_TOLD = 200
"""Mistakes of one file that are told, each in its line."""
HIGHEST_PIN = 27


class Unfit(ValueError):
    """A value does not do; which one and what would, the rule says."""


class Mistakes:
    """Every mistake of one file, in the order found; a key is known by its path, like `slots[2].lock.pin`."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def add(self, key: str, text: str) -> None:
        """One more mistake; only the first of a key is told, what follows from it would only confuse."""
        self._told.setdefault(key, f"{key}{text}" if key else text)

    def __bool__(self) -> bool:
        return bool(self._told)

    def lines(self) -> tuple[str, ...]:
        """One line for each mistake, and one for those beyond `MOST_TOLD`: what has so many is no station's config."""
        told = tuple(self._told.values())
        more = len(told) - MOST_TOLD
        return told if more <= 0 else (*told[:MOST_TOLD], f"and {more} more mistakes; mend these first")


@dataclass(frozen=True, slots=True)
class Rule:
    """One value: `right` completes "should be ...", `take` returns the value as it is used or raises ValueError.

    `private`: the value is never repeated, it might be a secret in the wrong place.
    """

    right: str
    take: Callable[[object], Any]
    private: bool = False

    def complaint(self, value: object) -> str:
        """What is said about a value that does not do."""
        return f"{'' if self.private else f' = {shown(value)}'}: should be {self.right}"


@dataclass(frozen=True, slots=True)
class Section:
    """One table: the dataclass it becomes, which has the defaults, and the rule of each key."""

    made: type[Any]
    rules: Mapping[str, Rule]

    def read(self, table: object, path: str, mistakes: Mistakes, *, others: Sequence[str] = ()) -> dict[str, Any]:
        """What is well in `table`, with defaults for what it leaves out; `others` are keys that are read elsewhere."""
        if not isinstance(table, dict):
            mistakes.add(path, f" = {shown(table)}: should be a table, [{path}]")
            return {}
        tell_unknown(table, (*self.rules, *others), f"{path}.", mistakes)
        values: dict[str, Any] = {}
        for field in (field for field in fields(self.made) if field.name in self.rules):
            key, rule = f"{path}.{field.name}", self.rules[field.name]
            if field.name in table:
                try:
                    values[field.name] = rule.take(table[field.name])
                except ValueError:
                    mistakes.add(key, rule.complaint(table[field.name]))
            elif field.default is not MISSING:
                values[field.name] = field.default
            elif field.default_factory is not MISSING:
                values[field.name] = field.default_factory()
            else:
                mistakes.add(key, f" is missing: should be {rule.right}")
        return values


def tell_unknown(table: Mapping[str, object], known: Sequence[str], prefix: str, mistakes: Mistakes) -> None:
    """Refuses every key of `table` that nobody reads, with a guess at what was meant."""
    for key in [key for key in table if key not in known]:
        guess = difflib.get_close_matches(key.lower(), known, n=1)
        hint = f"did you mean {guess[0]}?" if guess else f"known here are {', '.join(known)}"
        mistakes.add(f"{prefix}{shortened(key)}", f" is unknown: {hint}")


def shown(value: object) -> str:
    """A value of the file for a message: short, on one line, whatever it is."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) >= 10**SHOWN:
        return "a number far too large"
    return f'"{shortened(value)}"' if isinstance(value, str) else shortened(str(value))


def shortened(text: str) -> str:
    """At most `SHOWN` characters, printable ones."""
    printable = "".join(c if c.isprintable() else "?" for c in text[: SHOWN + 1])
    return printable if len(printable) <= SHOWN else f"{printable[: SHOWN - 3]}..."


def _need(held: object) -> None:
    if not held:
        raise Unfit


def whole(low: int, high: int) -> Rule:
    """A whole number, both ends allowed."""

    def take(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Unfit
        return value

    return Rule(f"a whole number from {low} to {high}", take)


def real(low: float, high: float) -> Rule:
    """A number, both ends allowed; `2` is as good as `2.0`."""

    def take(value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise Unfit
        return float(value)

    return Rule(f"a number from {low:g} to {high:g}", take)


def _is_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Unfit
    return value


FLAG = Rule("true or false", _is_flag)


def choice(*options: str | int) -> Rule:
    """One of a few values."""

    def take(value: object) -> str | int:
        if isinstance(value, bool) or not isinstance(value, str | int) or value not in options:
            raise Unfit
        return value

    return Rule(" or ".join(f'"{option}"' if isinstance(option, str) else str(option) for option in options), take)


def text(right: str, fits: Callable[[str], object], *, private: bool = False) -> Rule:
    """Text that `fits`, at most `LONGEST_TEXT` characters, without control characters."""

    def take(value: object) -> str:
        if not isinstance(value, str):
            raise Unfit
        _need(len(value) <= LONGEST_TEXT and value.isprintable() and fits(value))
        return value

    return Rule(right, take, private)


def pattern(right: str, regex: str) -> Rule:
    """Text that is the regular expression from end to end."""
    return text(right, re.compile(regex).fullmatch)


FILE = text(
    'the whole path of a file, like "/etc/station-agent/file", or ""', lambda v: v[:1] in {"", "/"}, private=True
)


def folder(value: object) -> Path:
    """A folder by its whole path."""
    if not isinstance(value, str):
        raise Unfit
    _need(len(value) <= LONGEST_TEXT and value.isprintable() and value[:1] == "/")
    return Path(value)


HOST = text('a host, like "127.0.0.1" or "broker.example.com"', is_host)


def _listens(value: str) -> bool:
    return not value or bool(host_and_port(value))


LISTEN = text('host:port, like "127.0.0.1:8080" or "[::1]:8080", or ""', _listens)


def _url(value: object) -> str:
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or len(value) > LONGEST_TEXT:
        raise Unfit
    parts = urlsplit(value)
    _need(parts.scheme in {"http", "https"} and is_host(parts.hostname or "") and parts.port != 0)
    _need(not set("@?# \\") & set(value))
    return value.rstrip("/")


# a password in it would be a secret in the wrong place, so it is not repeated
URL = Rule('like "https://supplier.example/api": no user, no password, no "?" and no "#"', _url, private=True)


def _is_span(value: object) -> tuple[int, int]:
    match value:
        case [int(first), int(last)] if not isinstance(first, bool) and not isinstance(last, bool):
            _need(0 <= first <= last < MOST_PIXELS)
            return first, last
    raise Unfit


SPAN = Rule("the first and the last pixel, like [0, 7]", _is_span)


def rgb_pins(value: object) -> dict[str, tuple[int, int, int]]:
    """A table from a light's name to its three BCM numbers: red, green, blue."""
    if not isinstance(value, dict):
        raise Unfit
    return {name: _is_triple(pins) for name, pins in value.items()}


def _is_triple(value: object) -> tuple[int, int, int]:
    match value:
        case [int(red), int(green), int(blue)] if not any(isinstance(pin, bool) for pin in (red, green, blue)):
            _need(len({red, green, blue}) == len(value) and all(0 <= pin <= HIGHEST_PIN for pin in value))
            return red, green, blue
    raise Unfit


def mapping(right: str, known: Sequence[str], value_rule: Rule) -> Rule:
    """A table of few known keys with values of one kind."""

    def take(value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Unfit
        _need(value.keys() <= set(known))
        return {key: value_rule.take(entry) for key, entry in value.items()}

    return Rule(right, take)
