"""Config files that somebody wrote in a hurry, or with malice."""

import random
import tomllib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import tomli_w
from support.fuzz.mutate import bytes_of, mutated, value_of

from agent.config import LARGEST_FILE, ConfigError, fingerprint, load, masked
from agent.config.places import config_file
from agent.config.settings import Config

MOST_TEXT = 2 * LARGEST_FILE
"""Bytes of everything that is said about one file."""
LONGEST_LINE = 1000


class ConfigFile:
    """A file on disk, read whole."""

    def __init__(self, folder: Path, life: ExitStack) -> None:
        del life
        self._path = folder / "station.toml"
        texts = [config_file(name).read_bytes() for name in ("station.toml", "simulated.toml")]
        self._examples = [(text, tomllib.loads(text.decode())) for text in texts]

    def feed(self, dice: random.Random) -> None:
        """A config, or mistakes that are each told in a line."""
        text, tables = dice.choice(self._examples)
        self._path.write_bytes(content_of(text, tables, dice))
        lines: tuple[str, ...] = ()
        try:
            check(load(self._path))
        except ConfigError as error:
            lines = (*error.lines, "")
        assert all(len(line) <= LONGEST_LINE and "\n" not in line for line in lines), max(lines, key=len)[:2000]
        told = "\n".join(lines)
        assert len(told.encode()) <= MOST_TEXT, len(told)


def content_of(text: bytes, tables: dict[str, Any], dice: random.Random) -> bytes:
    """The file, with its bytes or its values changed."""
    if dice.random() < 0.4:
        return mutated(text, bytes_of, dice)
    if dice.random() < 0.02:
        return b"a=" + dice.choice((b"[", b"{a=")) * dice.choice((50, 2000, 60_000))
    changed = mutated(tables, value_of, dice)
    try:
        return tomli_w.dumps(changed).encode("utf-8", "surrogatepass")
    except (TypeError, AttributeError, RecursionError, ValueError):
        return mutated(text, bytes_of, dice)  # None, say, stands in no TOML


def check(config: Config) -> None:
    """A config that was taken can be shown and run."""
    masked(config)
    assert len(fingerprint(config)) < LONGEST_LINE
    assert 1 <= len(config.station.id) <= 64
    assert config.wiring.slots
    pins = [slot.lock for slot in config.wiring.slots]
    assert len(pins) == len({slot.number for slot in config.wiring.slots})
