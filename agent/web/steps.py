"""The steps of the conversation between driver, station, supplier and broker, as the page shows them."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Who = Literal["driver", "station", "supplier", "broker", "slot"]
Kind = Literal[
    "tap",
    "decision",
    "call",
    "answer",
    "event",
    "inbox",
    "command",
    "reply",
    "light",
    "lock",
    "fault",
    "agent",
]
STEP = "step"
"""What steps are called in the feed."""


class Step(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """One arrow of the sequence diagram; nothing in it shows a card. `from_` is `from` in JSON.

    `at` is RFC 3339, `t` CLOCK_BOOTTIME seconds. `re` is the step that this one answers, `ms` how long that took.
    """

    id: int
    visit: str | None = None
    at: str
    t: float
    from_: Who
    to: Who
    kind: Kind
    title: str
    slot: int | None = None
    ok: bool | None = None
    ms: int | None = None
    re: int | None = None
    detail: Mapping[str, Any] = {}
