"""What happens in one episode, drawn from one seed before it begins: nothing that happens changes what is planned."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from support.campaign.troubles import KINDS

DRIVERS = {
    "Ada": "04A1B2C3D4E5F6",
    "Ben": "04A1B211223344",
    "Cleo": "DEAD4711",
    "Dan": "04112233445566778899",
    "Eve": "C0FFEE42",
}
"""By name, their cards; the last four digits tell them apart in the log."""

EPISODES_A_STATION = 8
"""How many episodes one station lives through, with its journal; then another is set up, with other options."""

CALLS = ("ask", "acquire", "leds", "lock", "start", "end", "pay", "unlock")
LINES = ("is starting", "is charging", "is ending", "is opening", "is free", "event session-", "turned away", "tapped")
BOLTS = ("between", "locked", "unlocked")
OFTEN = {"supplier-net": 4, "broker-net": 2, "broker": 2, "inbox": 2}
"""Groups of troubles that come more often than others."""
KEPT_WAITING = 0.15
"""How many of the episodes are about a driver whom the supplier keeps waiting, and about nothing else."""
LONGEST_S = 10.0
"""How long a trouble lasts at most: longer than any driver should have to wait."""
PROMPT = {"move_timeout_ms": 200, "request_timeout_s": 1.5}
"""What makes every station of a campaign quick."""


@dataclass(frozen=True, slots=True)
class Step:
    """At this second of the episode, this is done to this."""

    at: float
    do: str
    what: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        settings = " ".join(f"{key}={value}" for key, value in self.settings.items())
        return f"{self.do} {self.what} {settings}".rstrip()


@dataclass(frozen=True, slots=True)
class Plan:
    """One episode: what happens, and who proves in the end that the station works."""

    seed: int
    number: int
    steps: tuple[Step, ...]
    prover: str


def station_options(seed: int, number: int) -> dict[str, Any]:
    """The station of this episode: what is configured, and `manners` of its supplier."""
    rng = random.Random(f"{seed}/station/{number // EPISODES_A_STATION}")
    return {
        **PROMPT,
        "driver_wait_s": rng.choice([0.6, 1.0, 1.5]),
        "retap_guard_s": rng.choice([0.01, 0.3]),
        "unpaid_release": rng.choice(["release", "hold"]),
        "offline_start": rng.choice(["deny", "known-cards"]),
        "protocol": rng.choice([5, 5, 4]),
        "manners": {
            "none_active": rng.choice(["404", "204", "null"]),
            "no_slots": rng.choice(["problem", "text"]),
            "names_session": rng.random() < 0.75,
        },
    }


def make_plan(seed: int, number: int) -> Plan:
    """Everything that will be done in this episode."""
    rng = random.Random(f"{seed}/{number}")
    length = rng.uniform(4, 13)
    present = rng.sample(list(DRIVERS), rng.choice([2, 2, 3, 3, 4, 5]))
    kept_waiting = rng.random() < KEPT_WAITING
    steps = [step for name in present[kept_waiting:] for step in visits(rng, name, length)]
    steps += meetings(rng, present, length)
    steps += standings(rng, present, length)
    if kept_waiting:
        steps += withheld(rng, present[0])
    else:
        steps += troubles(rng, length)
        steps += deaths(rng, length)
    ordered = sorted(steps, key=lambda step: step.at)
    return Plan(seed, number, tuple(ordered), rng.choice(list(DRIVERS)))


def visits(rng: random.Random, name: str, length: float) -> Iterator[Step]:
    """One driver's taps: short ones, a card that is only waved, one that rests, and the impatient second tap."""
    at = rng.uniform(0, 3)
    while at < length:
        rests = rng.choice([rng.uniform(0.1, 0.4)] * 7 + [rng.uniform(0.02, 0.08), *[rng.uniform(1, 3)] * 2])
        yield Step(at, "place", name)
        yield Step(at + rests, "remove", name)
        pause = rng.uniform(0.05, 0.7) if rng.random() < 0.15 else rng.uniform(0.7, 2.5)
        at += rests + pause


def withheld(rng: random.Random, name: str) -> Iterator[Step]:
    """A driver wants out, and the answer to something that he waits for does not come while he stands there."""
    at = rng.uniform(0, 1)
    trouble = rng.choice(["supplier-errors", "supplier-lost-answers"])
    for tap in (at, at + rng.uniform(2, 3)):
        yield Step(tap, "place", name)
        yield Step(tap + 0.3, "remove", name)
    yield Step(at + 1.5, "begin", trouble, {"calls": [rng.choice(["ask", "end", "pay"])]})
    yield Step(at + LONGEST_S, "end", trouble)


def meetings(rng: random.Random, present: list[str], length: float) -> Iterator[Step]:
    """Two cards at once."""
    if rng.random() < 0.3:
        at = rng.uniform(0, length)
        for name in rng.sample(present, 2):
            yield Step(at, "place", name)
            yield Step(at + rng.uniform(0.1, 0.6), "remove", name)


def standings(rng: random.Random, present: list[str], length: float) -> Iterator[Step]:
    """What a card counts as at the supplier, from some moment on."""
    for standing, chance in (("without-credit", 0.4), ("blocked", 0.2)):
        if rng.random() < chance:
            yield Step(rng.uniform(0, length / 2), "standing", rng.choice(present), {"standing": standing})


def troubles(rng: random.Random, length: float) -> Iterator[Step]:
    """Up to five troubles of different groups, each for a while."""
    count = rng.choice([0, 1, 1, 2, 2, 2, 3, 3, 4, 5])
    groups = sorted({kind.group for kind in KINDS.values()})
    often = [group for group in groups for _ in range(OFTEN.get(group, 1))]
    for group in dict.fromkeys(rng.choices(often, k=count)):
        name = rng.choice(sorted(name for name, kind in KINDS.items() if kind.group == group))
        begins = rng.uniform(0, 0.8 * length)
        lasts = rng.choice([rng.uniform(0.3, 3), rng.uniform(3, LONGEST_S)])
        yield Step(begins, "begin", name, KINDS[name].settings(rng))
        yield Step(min(length, begins + lasts), "end", name)


def deaths(rng: random.Random, length: float) -> Iterator[Step]:
    """kill -9 at some moment, several in a row, or at something that happens; and clean stops."""
    for _ in range(rng.choice([0, 0, 1, 1, 2, 2, 3, 6, 9])):
        at = rng.uniform(0, length)
        away = {"away_s": round(rng.choice([0.0, 0.0, rng.uniform(0, 1.5)]), 2)}
        match rng.choice(["kill", "burst", "call", "call", "line", "line", "bolt", "stop"]):
            case "kill":
                yield Step(at, "kill", "agent", away)
            case "burst":
                for _ in range(rng.randint(2, 4)):
                    yield Step(at, "kill", "agent", away)
                    at += rng.uniform(0.05, 1.2)
            case "call":
                yield Step(at, "trap", "call", {"name": rng.choice(CALLS), **away})
            case "line":
                yield Step(at, "trap", "line", {"name": rng.choice(LINES), **away})
            case "bolt":
                yield Step(at, "trap", "bolt", {"name": rng.choice(BOLTS), **away})
            case _:
                yield Step(at, "stop", "agent", away)
