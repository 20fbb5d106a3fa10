"""The card reader over the emulated chip: whole UIDs, several cards, faults, and what all that costs."""

import random
import sys
from types import ModuleType
from typing import Any

import pytest
from support.emulated_reader import ReaderBench

from hardware.emulated.cards import ReaderFault
from hardware.parts import Mangled, NoCard, OneCard, PartMissing, Reader, SeveralCards
from hardware.reader import open_reader
from hardware.reader_chip import _standing_in
from hardware.wiring import ReaderWiring

FOUR, SEVEN, TEN = "DEADBEEF", "04A1B2C3D4E5F6", "04A1B2C3D4E5F6010203"
TWIN = "04A1B211223344"
ALL = (FOUR, SEVEN, TEN, TWIN)


def uids_of(sighting: Any) -> frozenset[str]:
    return frozenset({sighting.uid}) if isinstance(sighting, OneCard) else getattr(sighting, "uids", frozenset())


def test_it_keeps_the_promise_of_a_reader(bench: ReaderBench) -> None:
    reader: Reader = bench.reader
    assert reader.poll() == NoCard()


def test_a_stand_in_is_there_for_a_moment_only() -> None:
    import json

    with _standing_in("json", "no_such_module"):
        assert sys.modules["json"] is not json
        assert "no_such_module" in sys.modules
    assert sys.modules["json"] is json
    assert "no_such_module" not in sys.modules


@pytest.mark.parametrize("uid", [FOUR, SEVEN, TEN, "00000000", "FFFFFFFF", "04888888888888", "08123456"])
def test_a_resting_card_is_seen_whole_by_every_poll(bench: ReaderBench, uid: str) -> None:
    bench.field.place(uid)
    assert bench.polls(20) == [OneCard(uid)] * 20


@pytest.mark.parametrize("uids", [ALL[:2], (SEVEN, TWIN), (SEVEN, TEN), (FOUR, "DEADBE6F"), ALL[:3], ALL])
def test_several_cards_are_told_apart_by_every_poll(bench: ReaderBench, uids: tuple[str, ...]) -> None:
    for uid in uids:
        bench.field.place(uid)
    assert bench.polls(10) == [SeveralCards(frozenset(uids))] * 10


def test_many_cards_are_several_within_the_time(bench: ReaderBench) -> None:
    for number in range(40):
        bench.field.place(f"{number:08X}")
    before = bench.clock.now
    sighting = bench.reader.poll()
    assert isinstance(sighting, SeveralCards)
    assert 2 <= len(sighting.uids) <= 4
    assert bench.clock.now - before < 0.1


@pytest.mark.parametrize("seed", range(30))
def test_any_two_cards_are_two(bench: ReaderBench, seed: int) -> None:
    dice = random.Random(seed)
    uids = set()
    while len(uids) < 2:
        uid = dice.randbytes(dice.choice((4, 7, 10))).hex().upper()
        uids |= {uid} if not (len(uid) == 8 and uid.startswith("88")) else set()
    for uid in uids:
        bench.field.place(uid)
    assert bench.polls(3) == [SeveralCards(frozenset(uids))] * 3


def test_cards_come_go_and_change_places(bench: ReaderBench) -> None:
    seen = []
    for put, take in ((FOUR, None), (SEVEN, FOUR), (TEN, None), (None, SEVEN), (None, TEN), (FOUR, None)):
        if take:
            bench.field.remove(take)
        if put:
            bench.field.place(put)
        seen += bench.polls(1)
    both = SeveralCards(frozenset({SEVEN, TEN}))
    assert seen == [OneCard(FOUR), OneCard(SEVEN), both, OneCard(TEN), NoCard(), OneCard(FOUR)]


def test_budgets(bench: ReaderBench) -> None:
    bench.polls(1)
    assert bench.transfers(bench.reader.poll) == 8
    for uid, most in ((FOUR, 40), (SEVEN, 60), (TEN, 80)):
        bench.field.place(uid)
        bench.polls(1)
        assert bench.transfers(bench.reader.poll) <= most
        bench.field.remove(uid)
    assert bench.transfers(bench.reader.poll) <= 28
    bench.polls(10)
    assert bench.transfers(bench.reader.poll) <= 10


def test_a_poll_naps_instead_of_asking_again_and_again(bench: ReaderBench) -> None:
    bench.field.place(TEN)
    bench.polls(1)
    before = bench.clock.now
    bench.reader.poll()
    assert bench.clock.now - before < 0.02


def test_naps_are_hardly_longer_than_frames_and_answers_on_the_air(bench: ReaderBench) -> None:
    bench.polls(1)
    before = bench.clock.napped_s
    bench.reader.poll()
    empty = bench.clock.napped_s
    bench.field.place(SEVEN)
    assert bench.reader.poll() == OneCard(SEVEN)
    assert empty - before == pytest.approx(0.00065, abs=0.0001), "a WUPA and the timer"
    assert bench.clock.napped_s - empty == pytest.approx(0.0044, abs=0.0004), "on the air seven bytes take 4.0 ms"


def test_noise_is_no_other_card_no_two_cards_and_no_failure(bench: ReaderBench) -> None:
    bench.field.place(SEVEN)
    bench.field.fault = ReaderFault.NOISE
    seen = bench.polls(400)
    assert set(seen) <= {OneCard(SEVEN), Mangled(), NoCard()}
    assert Mangled() in seen
    assert OneCard(SEVEN) in seen
    bench.field.fault = None
    assert bench.polls(3)[1:] == [OneCard(SEVEN)] * 2


def test_noise_on_two_cards_never_makes_them_one(bench: ReaderBench) -> None:
    bench.field.place(SEVEN)
    bench.field.place(TWIN)
    bench.field.fault = ReaderFault.NOISE
    seen = bench.polls(400)
    assert all(uids_of(sighting) <= {SEVEN, TWIN} for sighting in seen)
    assert sum(isinstance(sighting, SeveralCards) for sighting in seen) > 10


def test_a_card_torn_away_is_mangled(bench: ReaderBench) -> None:
    bench.field.place(SEVEN)
    bench.field.fault = ReaderFault.TORN
    assert bench.polls(5) == [Mangled()] * 5
    bench.field.fault = None
    assert bench.polls(2) == [OneCard(SEVEN)] * 2


def test_a_weak_card_is_hardly_ever_absent(bench: ReaderBench) -> None:
    bench.field.place(SEVEN)
    bench.polls(1)
    bench.field.fault = ReaderFault.WEAK
    seen = bench.polls(1000)
    assert set(seen) <= {OneCard(SEVEN), Mangled(), NoCard()}
    absences = "".join("." if one == NoCard() else "x" for one in seen).split("x")
    assert max(len(absence) for absence in absences) < 10


@pytest.mark.parametrize(
    ("wiring", "lesson"),
    [
        (ReaderWiring(spi_device=1), r"/dev/spidev0\.1 is missing: put dtparam=spi=on into"),
        (ReaderWiring(spi_bus=1), r"/dev/spidev1\.0 is missing: put dtoverlay=spi1-1cs into"),
    ],
)
def test_a_missing_device_says_what_to_configure(bench: ReaderBench, wiring: ReaderWiring, lesson: str) -> None:
    with pytest.raises(PartMissing, match=lesson):
        open_reader(wiring, bench.spidev, None)


@pytest.mark.parametrize(
    ("error", "lesson"), [(PermissionError(13, "Permission denied"), "group spi"), (OSError(5, "broken"), "spi_bus")]
)
def test_a_device_that_cannot_be_opened_says_why(error: OSError, lesson: str) -> None:
    class Refusing:
        def open(self, *_: int) -> None:
            raise error

    module = ModuleType("spidev")
    vars(module)["SpiDev"] = Refusing
    with pytest.raises(PartMissing, match=lesson):
        open_reader(ReaderWiring(), module, None)


def test_an_error_that_never_becomes_an_answer_is_mangled(bench: ReaderBench) -> None:
    bench.polls(1)
    honest = bench.chip.transfer

    def transfer(sent: list[int]) -> list[int]:
        got: list[int] = honest(sent)
        return [0, 0x02, *got[2:]] if sent[0] == 0x80 | 0x04 << 1 else got

    bench.chip.transfer = transfer
    assert bench.polls(1) == [Mangled()]
