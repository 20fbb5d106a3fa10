"""Whatever a config file holds, it is a config or a ConfigError."""

import tomllib
from typing import Any

import pytest
from config_files import LEAST
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config import ConfigError, parse
from agent.config.keys import LOCKS, SECTIONS, SLOT
from agent.config.places import config_file

SCALARS = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=60),
    st.sampled_from(["", "127.0.0.1", "motor", "fail-secure", "http://x", "/file", "rgb", "a:1"]),
    st.integers(0, 27),
)
NAMES = st.sampled_from(
    sorted({key for section in [*SECTIONS.values(), *LOCKS.values(), SLOT] for key in section.rules})
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))
TABLES = st.dictionaries(NAMES | st.text(max_size=9), VALUES, max_size=6)
SLOTS = st.lists(st.dictionaries(NAMES | st.just("lock"), VALUES | TABLES, max_size=5) | VALUES, max_size=3)
FILES = st.fixed_dictionaries({}, optional=dict.fromkeys((*SECTIONS, "hardware"), TABLES | VALUES)).flatmap(
    lambda sections: st.one_of(VALUES, SLOTS).map(lambda slots: sections | {"slots": slots})
)


def complaints(content: str, overrides: dict[str, Any]) -> tuple[str, ...]:
    try:
        parse(content, "fuzz", overrides)
    except ConfigError as error:
        return error.lines
    return ()


@given(FILES)
@settings(max_examples=60)
def test_whatever_a_file_holds_it_is_a_config_or_a_config_error(tables: dict[str, Any]) -> None:
    assert complaints("", tables)
    assert not any("\n" in line for line in complaints(LEAST, tables))


@given(st.text(alphabet=st.sampled_from('[]{}=".,#\n\t ae1_-') | st.characters(), max_size=200))
def test_whatever_a_text_holds_it_is_a_config_error(content: str) -> None:
    with pytest.raises(ConfigError):
        parse(content, "fuzz")


@given(st.integers(0, 200), st.integers(0, 200), st.text(max_size=3))
def test_a_damaged_example_is_a_config_or_a_config_error(start: int, length: int, put: str) -> None:
    example = config_file("simulated.toml").read_text(encoding="utf-8")
    place = start * len(example) // 200
    damaged = example[:place] + put + example[place + length :]
    try:
        config = parse(damaged, "fuzz")
    except ConfigError:
        return
    assert tomllib.loads(damaged)["station"]["id"] == config.station.id
