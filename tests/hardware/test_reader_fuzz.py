"""A bus that lies: nothing but ReaderFailure ever escapes, and no UID that is not there is ever reported."""

import random
from typing import Any

import pytest
from support.emulated_reader import LIES, LyingBus, ReaderBench

from hardware.emulated.cards import ReaderFault
from hardware.parts import Mangled, NoCard, OneCard, ReaderFailure, SeveralCards, Sighting

pytestmark = pytest.mark.no_cover

FOUR, SEVEN, TEN, TWIN = "DEADBEEF", "04A1B2C3D4E5F6", "04A1B2C3D4E5F6010203", "04A1B211223344"
FIELDS = ((), (FOUR,), (SEVEN,), (TEN,), (SEVEN, TWIN), (FOUR, SEVEN, TEN))
SHARES = (0.002, 0.02, 0.2, 1.0)
POLL_S, MOST_POLL_S, MOST_REVIVE_S = 0.05, 0.1, 0.2
"""The last two are promised in hardware/parts.py."""


def uids_of(sighting: Sighting) -> frozenset[str]:
    match sighting:
        case OneCard(uid):
            return frozenset({uid})
        case SeveralCards(uids):
            return uids
        case _:
            return frozenset()


def timed(bench: ReaderBench, most_s: float, work: Any) -> Any:
    """What `work` gives, None if the reader fails; in time either way."""
    began = bench.clock.now
    try:
        return work()
    except ReaderFailure:
        return None
    finally:
        assert bench.clock.now - began <= most_s


def lied_to(seed: int, answers: int, share: float, uids: tuple[str, ...], lies: tuple[str, ...]) -> int:
    """Poll, and revive after each failure, until so many answers were given; says how many cards were named."""
    bench = ReaderBench()
    for uid in uids:
        bench.field.place(uid)
    dice, told = random.Random(seed), [LIES[name] for name in lies]
    bus = LyingBus(bench.chip, lambda _: dice.choice(told) if dice.random() < share else None, seed)
    reader = bench.opened(bus)
    named = 0
    while bus.answers < answers:
        bench.clock.nap(POLL_S)
        sighting = timed(bench, MOST_POLL_S, reader.poll)
        if sighting is None:
            timed(bench, MOST_REVIVE_S, reader.revive)
        else:
            assert uids_of(sighting) <= set(uids)
            named += len(uids_of(sighting))
    return named


def campaign(answers: int) -> None:
    """Spread over every field, every share and every kind of lie, alone and mixed."""
    kinds = [*((name,) for name in LIES), tuple(LIES)]
    runs = [(share, uids, lies) for share in SHARES for uids in FIELDS for lies in kinds]
    for seed, (share, uids, lies) in enumerate(runs):
        named = lied_to(seed, -(-answers // len(runs)), share, uids, lies)
        assert named or not uids or share > SHARES[0], "cards are seen all the same while most answers are honest"


def test_20_000_answers_of_a_lying_bus() -> None:
    campaign(20_000)


def test_20_000_random_answers() -> None:
    for seed, uids in enumerate(FIELDS[:4]):
        assert lied_to(seed, 5_000, 1.0, uids, ("dice",)) == 0


@pytest.mark.fuzz
@pytest.mark.timeout(3600)
def test_1_000_000_random_answers() -> None:
    for seed, uids in enumerate(FIELDS[:4]):
        assert lied_to(1000 + seed, 250_000, 1.0, uids, ("dice",)) == 0


@pytest.mark.fuzz
@pytest.mark.timeout(3600)
def test_1_000_000_answers_of_a_lying_bus() -> None:
    campaign(1_000_000)


class Scene:
    """A reader that has seen `uid` at rest, and something that happens at one transfer of its next polls."""

    def __init__(self, uid: str | None, at: int, meanwhile: Any = None, lie: str | None = None, until: int = 1) -> None:
        self.bench = ReaderBench()
        if uid:
            self.bench.field.place(uid)
        self.bus = LyingBus(self.bench.chip, self._lie_for)
        self.reader = self.bench.opened(self.bus)
        self._lies: range = range(0)
        self.polls(2 if uid else 12)
        first = self.bus.answers + at
        if lie:
            self._lies, self._lie = range(first, first + until), LIES[lie]
        if meanwhile:
            self.bus.meanwhile = lambda number: meanwhile(self.bench) if number == first else None

    def _lie_for(self, number: int) -> Any:
        return self._lie if number in self._lies else None

    def polls(self, count: int) -> list[Sighting | None]:
        seen = []
        for _ in range(count):
            self.bench.clock.nap(POLL_S)
            seen.append(timed(self.bench, MOST_POLL_S, self.reader.poll))
            if seen[-1] is None:
                timed(self.bench, MOST_REVIVE_S, self.reader.revive)
        return seen


MOST_TRANSFERS = 80
"""More than any poll of a card at rest takes, and fewer than three."""


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("uid", [None, TEN])
def test_one_lie_at_any_transfer_takes_no_card_away_for_long(uid: str | None, lie: str) -> None:
    there = OneCard(uid) if uid else NoCard()
    for at in range(MOST_TRANSFERS if uid else 12):
        first, *later = Scene(uid, at, lie=lie).polls(4)
        assert first in (there, Mangled(), None)
        assert later[1:] == [there] * 2


@pytest.mark.parametrize("dead", ["all 00", "all FF", "an OSError"])
@pytest.mark.parametrize("uid", [None, TEN])
def test_a_bus_that_dies_at_any_transfer_is_a_failure_at_once_and_no_removal(uid: str | None, dead: str) -> None:
    for at in range(MOST_TRANSFERS if uid else 12):
        scene = Scene(uid, at, lie=dead, until=10**9)
        seen = scene.polls(12)
        assert seen[-1] is None
        assert set(seen) <= {OneCard(uid) if uid else NoCard(), Mangled(), None}
        assert sum(sighting is not None for sighting in seen) <= MOST_TRANSFERS // 7


@pytest.mark.parametrize("uid", [FOUR, SEVEN, TEN])
def test_a_chip_that_resets_itself_at_any_transfer_is_healed(uid: str) -> None:
    def reset(bench: ReaderBench) -> None:
        bench.field.fault = ReaderFault.CHIP_RESET

    for at in range(MOST_TRANSFERS):
        first, *later = Scene(uid, at, reset).polls(3)
        assert first in (OneCard(uid), Mangled())
        assert later == [OneCard(uid)] * 2


@pytest.mark.parametrize("uid", [FOUR, SEVEN, TEN])
def test_a_card_torn_away_at_any_transfer_is_whole_or_mangled_and_then_gone(uid: str) -> None:
    for at in range(MOST_TRANSFERS):
        first, *later = Scene(uid, at, lambda bench: bench.field.remove(uid)).polls(4)
        assert first in (OneCard(uid), Mangled(), NoCard())
        assert later[-1:] == [NoCard()]


@pytest.mark.parametrize(("uid", "other"), [(FOUR, "DEADBE6F"), (SEVEN, TWIN), (SEVEN, TEN), (TEN, SEVEN)])
def test_cards_swapped_at_any_transfer_are_never_mixed_up(uid: str, other: str) -> None:
    def swap(bench: ReaderBench) -> None:
        bench.field.remove(uid)
        bench.field.place(other)

    for at in range(MOST_TRANSFERS):
        seen = Scene(uid, at, swap).polls(4)
        assert all(uids_of(sighting) <= {uid, other} for sighting in seen if sighting)
        assert seen[-1] == OneCard(other)


@pytest.mark.parametrize("level", range(256))
def test_a_bus_stuck_at_any_byte_is_a_failure_within_3_s(level: int) -> None:
    bench = ReaderBench()
    bench.field.place(SEVEN)
    stuck: list[Any] = []
    reader = bench.opened(LyingBus(bench.chip, lambda _: stuck[0] if stuck else None))
    assert timed(bench, MOST_POLL_S, reader.poll) == OneCard(SEVEN)
    stuck.append(lambda _dice, honest, _before: [level] * len(honest))
    seen = []
    for _ in range(60):
        bench.clock.nap(POLL_S)
        seen.append(timed(bench, MOST_POLL_S, reader.poll))
    assert seen[-1] is None
    assert set(seen) <= {NoCard(), Mangled(), None}
