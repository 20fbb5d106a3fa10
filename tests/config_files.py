"""Config files for tests: the least that is one, and what is said about one that is not."""

from typing import Any

import pytest

from agent.config import ConfigError, parse

LEAST = """
[station]
id = "ST-42"
[supplier]
url = "https://ev-power-supplier.com/api/v2"
[[slots]]
number = 1
lights = [8, 15]
[slots.lock]
pin = 17
"""


def mistakes(overrides: dict[str, Any], content: str = LEAST) -> tuple[str, ...]:
    """What is said about a config that would be good but for `overrides`."""
    with pytest.raises(ConfigError) as caught:
        parse(content, "station.toml", overrides)
    return caught.value.lines


def slot(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"number": number, "lights": [8 * number, 8 * number + 7], "lock": {"pin": 16 + number}} | more
