"""Pieces of the station's state (contract section 4) in words, for people at a terminal."""

from collections.abc import Mapping
from typing import Any


def owed_words(owed: Mapping[str, Any]) -> str:
    """What is still to be told, and to whom."""
    counts = {"to the supplier": owed["supplier"], "to the broker": owed["broker"], "refused": owed["refused"]}
    told = ", ".join(f"{count} {whom}" for whom, count in counts.items() if count) or "nothing"
    return f"{told}, the oldest since {owed['oldest']}" if owed["oldest"] else told


def link_words(link: Mapping[str, Any]) -> str:
    """Whether supplier or broker can be reached."""
    if link["since"] is None:
        return "not asked yet"
    return f"{'reachable' if link['reachable'] else 'not reachable'} since {link['since']}"
