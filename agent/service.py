"""What `systemctl status` says of the station: one line for people, sent when it changes."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from agent.logs import one_line
from agent.notify import notify


class ServiceStatus:
    """Tells systemd the station's state in words (sd_notify(3), `STATUS=`)."""

    def __init__(self) -> None:
        self._told = ""

    def tell(self, status: Mapping[str, Any]) -> None:
        """Tell it if the words have changed; `status` is the whole station in the shape of contract section 4."""
        line = summary(status)
        if line != self._told:
            self._told = line
            notify(f"STATUS={line}")


def summary(status: Mapping[str, Any]) -> str:
    """The station in one line: "2 slots, 1 charging; supplier reachable; 3 owed"."""
    parts = [*_out_of_order(status), _slots(status), _link("supplier", status["supplier"])]
    if not status["broker"]["reachable"]:
        parts.append(_link("broker", status["broker"]))
    owed = status["owed"]
    waiting, aside = owed["supplier"] + owed["broker"], owed["refused"]
    parts += [f"{waiting} owed"] if waiting else []
    parts += [f"{aside} set aside"] if aside else []
    return one_line("; ".join(parts))


def _out_of_order(status: Mapping[str, Any]) -> list[str]:
    graver = [each for each in status["faults"] if each["severity"] == "out-of-order" and each["scope"] == "station"]
    causes = [f"{each['code']} since {each['raisedAt']}" for each in graver]
    if causes:
        return [f"out of order: {', '.join(causes)}"]
    return [] if status["available"] else ["not available"]


def _slots(status: Mapping[str, Any]) -> str:
    counts = Counter(slot["status"] for slot in status["slots"])
    total = len(status["slots"])
    words = [f"{total} slot" if total == 1 else f"{total} slots"]
    return ", ".join([*words, *(f"{count} {state}" for state, count in sorted(counts.items()) if state != "free")])


def _link(name: str, link: Mapping[str, Any]) -> str:
    if link["reachable"]:
        return f"{name} reachable"
    return f"{name} unreachable since {link['since']}" if link["since"] else f"{name} not tried yet"
