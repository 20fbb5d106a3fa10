"""`station.toml`: read, checked as a whole, and shown without its secrets (contract section 2)."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.config.address import is_loopback
from agent.config.consistency import check
from agent.config.keys import HARDWARE, LOCKS, SECTIONS, SLOT
from agent.config.schema import Mistakes, tell_unknown
from agent.config.settings import Config
from hardware import wiring

LARGEST_FILE = 64 * 1024
MASK = "********"
FAIL_SECURE = ("fail-secure", "fail_secure", "strike", "unlocks")
SECRET_FILES = ("token_file", "password_file", "key_file", "client_key_file")


class ConfigError(Exception):
    """A config file cannot be used; the message has one line for each mistake, and `lines` has them apart."""

    def __init__(self, origin: str, lines: tuple[str, ...]) -> None:
        super().__init__("\n  ".join((f"{origin}:", *lines)))
        self.lines = lines


def load(path: Path, overrides: Mapping[str, Any] | None = None) -> Config:
    """Reads a config file, at most 64 KiB of UTF-8. `overrides`: see `parse`. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigError(str(path), (f"cannot be read: {error.strerror}; name another file with --config",)) from None
    if len(content) > LARGEST_FILE:
        raise ConfigError(str(path), (f"is larger than {LARGEST_FILE} bytes, so it is no station's config",))
    try:
        return parse(content.decode("utf-8"), str(path), overrides)
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), (f"is no UTF-8 text at byte {error.start}; save it as UTF-8",)) from None


def parse(content: str, origin: str, overrides: Mapping[str, Any] | None = None) -> Config:
    """The config in `content`; `origin` names it in errors, which all come at once. Raises ConfigError.

    `overrides` is laid over the file, table by table, before anything is checked.
    """
    try:
        tables = tomllib.loads(content)
    except RecursionError:
        raise ConfigError(origin, ("is nested too deeply; station.toml has two levels",)) from None
    except ValueError as error:
        raise ConfigError(origin, (f"is no TOML: {error}",)) from None
    mistakes = Mistakes()
    tables = _laid_over(tables, overrides or {})
    known = _read(tables, mistakes)
    check(known, mistakes)
    if mistakes:
        raise ConfigError(origin, mistakes.lines())
    return _made(known)


def masked(config: Config) -> dict[str, Any]:
    """The config to be shown: plain values, section by section; where secrets are kept is masked."""
    return {name: _shown(section) for name, section in asdict(config).items()}


def fingerprint(config: Config) -> str:
    """Tells configs apart that a station would run differently; where its secrets are kept does not count."""
    plain = {name: _shown(section) for name, section in asdict(config).items()}
    counts = {name: {key: value for key, value in plain[name].items() if key not in SECRET_FILES} for name in plain}
    return hashlib.sha256(json.dumps(counts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _shown(section: dict[str, Any]) -> dict[str, Any]:
    plain = {key: str(value) if isinstance(value, Path) else value for key, value in section.items()}
    return plain | {key: MASK for key in SECRET_FILES if section.get(key)}


def _laid_over(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    laid = dict(base)
    for key, value in over.items():
        below = laid.get(key)
        laid[key] = _laid_over(below, value) if isinstance(value, Mapping) and isinstance(below, dict) else value
    return laid


def _read(tables: Mapping[str, Any], mistakes: Mistakes) -> dict[str, Any]:
    tell_unknown(tables, ("hardware", "slots", *SECTIONS), "", mistakes)
    known: dict[str, Any] = {
        name: section.read(tables.get(name, {}), name, mistakes) for name, section in SECTIONS.items()
    }
    known["hardware"] = HARDWARE.read(tables.get("hardware", {}), "hardware", mistakes)
    known["slots"] = _read_slots(tables.get("slots"), mistakes)
    mqtt = tables.get("mqtt", {})
    if isinstance(mqtt, dict) and "tls" not in mqtt and "host" in known["mqtt"]:
        known["mqtt"]["tls"] = not is_loopback(known["mqtt"]["host"])
    return known


def _read_slots(slots: object, mistakes: Mistakes) -> list[dict[str, Any]]:
    if not isinstance(slots, list) or not slots:
        mistakes.add("slots", " is missing: should be one [[slots]] for each slot")
        return []
    return [_read_slot(slot, f"slots[{place}]", mistakes) for place, slot in enumerate(slots, start=1)]


def _read_slot(slot: object, path: str, mistakes: Mistakes) -> dict[str, Any]:
    known = SLOT.read(slot, path, mistakes, others=("lock",))
    lock = slot.get("lock") if isinstance(slot, dict) else {}
    if lock is None:
        mistakes.add(f"{path}.lock", " is missing: should be a table [slots.lock]")
    elif _is_fail_secure(lock):
        mistakes.add(
            f"{path}.lock",
            ": a fail-secure solenoid (power opens it) cannot keep a free slot open; "
            "should be one that power holds locked",
        )
    elif isinstance(slot, dict):
        kind = lock.get("kind") if isinstance(lock, dict) else None
        known["lock"] = LOCKS["motor" if kind == "motor" else "solenoid"].read(lock, f"{path}.lock", mistakes)
    return known


def _is_fail_secure(lock: object) -> bool:
    return isinstance(lock, dict) and (lock.get("kind") in FAIL_SECURE or lock.get("power") in FAIL_SECURE)


def _made(known: dict[str, Any]) -> Config:
    parts = known["hardware"] | {
        "reader": wiring.ReaderWiring(**known["reader"]),
        "lights": wiring.LightsWiring(**known["lights"]),
        "slots": tuple(_made_slot(slot) for slot in known["slots"]),
    }
    made = {name: section.made(**known[name]) for name, section in SECTIONS.items() if name not in {"reader", "lights"}}
    return Config(wiring=wiring.Wiring(**parts), **made)


def _made_slot(slot: dict[str, Any]) -> wiring.SlotWiring:
    return wiring.SlotWiring(**slot | {"lock": LOCKS[slot["lock"]["kind"]].made(**slot["lock"])})
