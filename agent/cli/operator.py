"""`station-agent command`: the operator's end of the commands over MQTT."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import click

from agent.broker.operator import Command, send_command
from agent.cli.errors import Failed, WrongUsage
from agent.commands import REMOTE, CommandRefused, read_command
from agent.config.address import is_loopback
from agent.config.settings import MqttSettings
from agent.desk import ANSWER_S

PATIENCE_S = ANSWER_S + 5.0
PORTS = {"mqtt": 1883, "mqtts": 8883}
WORDS: Mapping[str, tuple[str, ...]] = {
    "unlock": ("slotNumber",),
    "end": ("sessionId",),
    "lights": ("target", "action", "color", "duration"),
    "clear-fault": ("code", "slotNumber"),
}
"""What the words after a command's name are called in its arguments."""
NUMBERS = frozenset({"slotNumber", "duration"})
SERVICE = {"on": True, "off": False}


def command(station: str | None, words: Sequence[str], settings: MqttSettings, command_id: str, *, force: bool) -> None:
    """Send it, print its result as JSON. Raises WrongUsage, BrokerError, Failed."""
    if station is None:
        station, *words = words
    if not words:
        raise WrongUsage(f"Say what it should do: {', '.join(REMOTE)}.")
    name, args = words[0], arguments(words[0], words[1:], force=force)
    try:
        read_command(name, args, among=REMOTE)
    except CommandRefused as error:
        raise WrongUsage(str(error)) from error
    asked = Command(station=station, name=name, args=args, id=command_id or str(uuid.uuid4()))
    reply = send_command(settings, asked, PATIENCE_S)
    if not reply.get("ok"):
        problem = reply.get("problem") or {}
        raise Failed(f"{problem.get('title', 'Not Done')}: {problem.get('detail', 'the station did not say why.')}")
    click.echo(json.dumps(reply.get("result", {}), indent=2, ensure_ascii=False))


def arguments(name: str, words: Sequence[str], *, force: bool) -> dict[str, Any]:
    """What the words mean; one that is JSON is taken as it is. Raises WrongUsage."""
    if name not in REMOTE:
        raise WrongUsage(f"There is no command {name[:40]!r}; known are {', '.join(REMOTE)}.")
    if len(words) == 1 and words[0].startswith("{"):
        return _json(words[0])
    if name == "availability":
        return _availability(words)
    names = WORDS.get(name, ())
    if len(words) > len(names):
        raise WrongUsage(f"{name} takes {' '.join(names) or 'nothing'}; {words[len(names)]!r} is too much.")
    args: dict[str, Any] = {key: _value(key, word) for key, word in zip(names, words, strict=False)}
    return {**args, "force": True} if force else args


def _availability(words: Sequence[str]) -> dict[str, Any]:
    if not words or words[-1] not in SERVICE or len(words) > 2:  # noqa: PLR2004  a slot and a word
        raise WrongUsage("availability takes on or off, behind a slot's number or alone.")
    slot = {"slotNumber": _value("slotNumber", words[0])} if len(words) > 1 else {}
    return {**slot, "available": SERVICE[words[-1]]}


def _value(key: str, word: str) -> str | int:
    return int(word) if key in NUMBERS and word.isdecimal() else word


def _json(word: str) -> dict[str, Any]:
    try:
        found = json.loads(word)
    except ValueError as error:
        raise WrongUsage(f"The arguments are no JSON: {error}.") from error
    return dict(found)


def broker_settings(url: str, username: str, files: Mapping[str, str], *, insecure: bool, five: bool) -> MqttSettings:
    """From a URL like mqtts://broker.example:8883. Raises WrongUsage."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname or parts.password or parts.path.strip("/"):
        raise WrongUsage("--broker should be like mqtts://broker.example:8883, without a password in it.")
    tls = parts.scheme == "mqtts"
    if not (tls or insecure or is_loopback(parts.hostname)):
        raise WrongUsage("mqtt:// to another machine can be read and changed on the way: use mqtts://, or --insecure.")
    return MqttSettings(
        host=parts.hostname,
        port=parts.port or PORTS[parts.scheme],
        tls=tls,
        username=username,
        protocol=5 if five else 4,
        insecure=insecure,
        password_file=files["password_file"],
        ca_file=files["ca_file"],
        client_cert_file=files["client_cert_file"],
        client_key_file=files["client_key_file"],
    )
