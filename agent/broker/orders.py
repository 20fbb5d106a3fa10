"""A command's topic and payload become what it asks for; whatever is wrong with them is said in its reply."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from agent.answers import Problem
from agent.broker.mail import Incoming
from agent.commands import CommandRefused, read_command
from agent.effects import ReplyTo
from agent.facts import Fact

LONGEST_PAYLOAD = 16 * 1024
LONGEST_TOPIC = 512
LONGEST_CORRELATION = 4096
ID = re.compile(r"[\x21-\x7e]{1,128}")
BAD_REQUEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What could be read of a command: `kind` and `values` make the fact it asks for; else `problem` says why not."""

    id: str = ""
    kind: type[Fact] | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    problem: Problem | None = None
    issued: float | None = None
    boot: str = ""


def read_order(name: str, payload: bytes, among: Collection[str]) -> Read:
    """Read the command `name`, which may be one of `among`; never raises."""
    if len(payload) > LONGEST_PAYLOAD:
        return refused(f"The payload has more than {LONGEST_PAYLOAD} bytes; send less.")
    try:
        found = msgspec.json.decode(payload)
    except (ValueError, RecursionError) as error:
        return refused(f"The payload is no JSON ({error}); send id, issuedAt and args.")
    if not isinstance(found, dict):
        return refused("The payload is no JSON object; send id, issuedAt and args.")
    given, boot = found.get("id"), found.get("bootId")
    if not isinstance(given, str) or not ID.fullmatch(given):
        return refused("The id should be 1 to 128 printable ASCII characters without spaces; send one of your own.")
    read = Read(id=given, issued=issued_at(found), boot=boot if isinstance(boot, str) else "")
    try:
        kind, values = read_command(name, found.get("args", {}), among=among)
    except CommandRefused as error:
        return replace(read, problem=error.problem)
    return replace(read, kind=kind, values=values)


def refused(detail: str) -> Read:
    """Nobody knows what was asked, nor by whom."""
    return Read(problem=Problem(status=BAD_REQUEST, title="Unreadable Command", detail=detail))


def issued_at(found: Mapping[str, Any]) -> float | None:
    """When it was issued, Unix seconds; None if that is not said, or not with its offset from UTC."""
    try:
        moment = datetime.fromisoformat(found["issuedAt"])
        return moment.timestamp() if moment.tzinfo else None
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def reply_to(incoming: Incoming, otherwise: str) -> ReplyTo:
    """Where the reply goes: the sender's response topic, or `otherwise` if that can be no topic."""
    topic = incoming.reply_topic
    well = 0 < len(topic) <= LONGEST_TOPIC and not set("+#\0") & set(topic)
    correlation = incoming.correlation if len(incoming.correlation) <= LONGEST_CORRELATION else b""
    return ReplyTo(topic=topic if well else otherwise, correlation=correlation)
