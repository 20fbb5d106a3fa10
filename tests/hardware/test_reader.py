"""The card reader over the emulated chip: whole UIDs, several cards, faults, and what all that costs."""

import logging
import random
import sys
from types import ModuleType
from typing import Any

import pytest

from hardware.emulated.cards import Field, ReaderFault
from hardware.emulated.mfrc522_chip import Mfrc522Chip
from hardware.emulated.spidev import SpiDev, spidev_module
from hardware.parts import Mangled, NoCard, OneCard, PartMissing, Reader, ReaderFailure, SeveralCards
from hardware.reader import open_reader
from hardware.reader_chip import _standing_in
from hardware.wiring import ReaderWiring

FOUR, SEVEN, TEN = "DEADBEEF", "04A1B2C3D4E5F6", "04A1B2C3D4E5F6010203"
TWIN = "04A1B211223344"
ALL = (FOUR, SEVEN, TEN, TWIN)


def polls(bench: Any, count: int) -> list[Any]:
    """As many sightings, 50 ms apart; a failure stands as its exception."""
    seen: list[Any] = []
    for _ in range(count):
        bench.clock.nap(0.05)
        try:
            seen.append(bench.reader.poll())
        except ReaderFailure as failure:
            seen.append(failure)
    return seen


def uids_of(sighting: Any) -> frozenset[str]:
    return frozenset({sighting.uid}) if isinstance(sighting, OneCard) else getattr(sighting, "uids", frozenset())


def test_it_keeps_the_promise_of_a_reader(bench: Any) -> None:
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
def test_a_resting_card_is_seen_whole_by_every_poll(bench: Any, uid: str) -> None:
    bench.field.place(uid)
    assert polls(bench, 20) == [OneCard(uid)] * 20


@pytest.mark.parametrize("uids", [ALL[:2], (SEVEN, TWIN), (SEVEN, TEN), (FOUR, "DEADBE6F"), ALL[:3], ALL])
def test_several_cards_are_told_apart_by_every_poll(bench: Any, uids: tuple[str, ...]) -> None:
    for uid in uids:
        bench.field.place(uid)
    assert polls(bench, 10) == [SeveralCards(frozenset(uids))] * 10


def test_many_cards_are_several_within_the_time(bench: Any) -> None:
    for number in range(40):
        bench.field.place(f"{number:08X}")
    before = bench.clock.now
    sighting = bench.reader.poll()
    assert isinstance(sighting, SeveralCards)
    assert 2 <= len(sighting.uids) <= 4
    assert bench.clock.now - before < 0.1


@pytest.mark.parametrize("seed", range(30))
def test_any_two_cards_are_two(bench: Any, seed: int) -> None:
    dice = random.Random(seed)
    uids = set()
    while len(uids) < 2:
        uid = dice.randbytes(dice.choice((4, 7, 10))).hex().upper()
        uids |= {uid} if not (len(uid) == 8 and uid.startswith("88")) else set()
    for uid in uids:
        bench.field.place(uid)
    assert polls(bench, 3) == [SeveralCards(frozenset(uids))] * 3


def test_cards_come_go_and_change_places(bench: Any) -> None:
    seen = []
    for put, take in ((FOUR, None), (SEVEN, FOUR), (TEN, None), (None, SEVEN), (None, TEN), (FOUR, None)):
        if take:
            bench.field.remove(take)
        if put:
            bench.field.place(put)
        seen += polls(bench, 1)
    both = SeveralCards(frozenset({SEVEN, TEN}))
    assert seen == [OneCard(FOUR), OneCard(SEVEN), both, OneCard(TEN), NoCard(), OneCard(FOUR)]


def test_budgets(bench: Any) -> None:
    polls(bench, 1)
    assert bench.transfers(bench.reader.poll) == 9
    for uid, most in ((FOUR, 40), (SEVEN, 60), (TEN, 80)):
        bench.field.place(uid)
        polls(bench, 1)
        assert bench.transfers(bench.reader.poll) <= most
        bench.field.remove(uid)
    assert bench.transfers(bench.reader.poll) <= 28
    polls(bench, 10)
    assert bench.transfers(bench.reader.poll) <= 10


def test_a_poll_naps_instead_of_asking_again_and_again(bench: Any) -> None:
    bench.field.place(TEN)
    polls(bench, 1)
    before = bench.clock.now
    bench.reader.poll()
    assert bench.clock.now - before < 0.02


@pytest.mark.parametrize("fault", [ReaderFault.ABSENT, ReaderFault.ABSENT_FF, ReaderFault.BUS_ERROR])
@pytest.mark.parametrize("card", [None, SEVEN])
def test_a_reader_that_is_gone_is_a_failure_at_once_until_it_is_back(
    bench: Any, fault: ReaderFault, card: str | None
) -> None:
    if card:
        bench.field.place(card)
    there = OneCard(card) if card else NoCard()
    assert polls(bench, 2) == [there] * 2
    bench.field.fault = fault
    assert all(isinstance(seen, ReaderFailure) for seen in polls(bench, 5))
    with pytest.raises(ReaderFailure, match="card reader"):
        bench.reader.revive()
    bench.field.fault = None
    bench.reader.revive()
    assert polls(bench, 2) == [there] * 2


@pytest.mark.parametrize("fault", [ReaderFault.STUCK_TX, ReaderFault.ANTENNA_OFF])
def test_a_chip_that_cannot_send_is_a_failure_within_5_s_and_revived(bench: Any, fault: ReaderFault) -> None:
    polls(bench, 2)
    bench.field.fault = fault
    assert any(isinstance(seen, ReaderFailure) for seen in polls(bench, 60))
    bench.field.fault = None
    bench.reader.revive()
    bench.field.place(FOUR)
    assert polls(bench, 2) == [OneCard(FOUR)] * 2


def test_a_reader_absent_from_the_start_is_opened_and_fails_at_the_first_poll(bench: Any) -> None:
    bench.field.fault = ReaderFault.ABSENT
    reader = open_reader(ReaderWiring(), bench.spidev, None, bench.clock.nap, bench.clock)
    with pytest.raises(ReaderFailure, match="VersionReg reads 0x00"):
        reader.poll()
    bench.field.fault = None
    assert reader.poll() == NoCard()


def test_a_chip_that_forgets_everything_is_healed_silently(bench: Any, caplog: pytest.LogCaptureFixture) -> None:
    bench.field.place(SEVEN)
    polls(bench, 2)
    for _ in range(5):
        bench.field.fault = ReaderFault.CHIP_RESET
        assert polls(bench, 3) == [OneCard(SEVEN)] * 3
    assert len(caplog.messages) == 1
    assert "set up again" in caplog.messages[0]


def test_a_lost_antenna_setting_is_no_removal(bench: Any) -> None:
    bench.field.place(SEVEN)
    polls(bench, 2)
    bench.field.fault = ReaderFault.ANTENNA_OFF
    bench.chip.transfer([0x14 << 1, 0x80])
    bench.field.fault = None
    assert polls(bench, 3) == [OneCard(SEVEN)] * 3


def test_a_lost_setting_in_an_empty_field_is_found_in_two_seconds(bench: Any) -> None:
    polls(bench, 2)
    bench.chip.transfer([0x14 << 1, 0x80])
    polls(bench, 41)
    bench.field.place(FOUR)
    assert polls(bench, 1) == [OneCard(FOUR)]


def test_settings_that_never_stay_are_a_failure(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    polls(bench, 1)
    monkeypatch.setattr("hardware.reader_chip.ReaderChip.is_well", lambda _: False)
    with pytest.raises(ReaderFailure, match="forgets its settings"):
        bench.reader.revive()


def test_a_chip_that_is_lost_in_every_look_is_a_failure(bench: Any) -> None:
    polls(bench, 1)
    bench.field.fault = ReaderFault.STUCK_TX
    with pytest.raises(ReaderFailure, match="again and again"):
        bench.reader.poll()


def test_noise_is_no_other_card_no_two_cards_and_no_failure(bench: Any) -> None:
    bench.field.place(SEVEN)
    bench.field.fault = ReaderFault.NOISE
    seen = polls(bench, 400)
    assert set(seen) <= {OneCard(SEVEN), Mangled(), NoCard()}
    assert Mangled() in seen
    assert OneCard(SEVEN) in seen
    bench.field.fault = None
    assert polls(bench, 3)[1:] == [OneCard(SEVEN)] * 2


def test_noise_on_two_cards_never_makes_them_one(bench: Any) -> None:
    bench.field.place(SEVEN)
    bench.field.place(TWIN)
    bench.field.fault = ReaderFault.NOISE
    seen = polls(bench, 400)
    assert all(uids_of(sighting) <= {SEVEN, TWIN} for sighting in seen)
    assert sum(isinstance(sighting, SeveralCards) for sighting in seen) > 10


def test_a_card_torn_away_is_mangled(bench: Any) -> None:
    bench.field.place(SEVEN)
    bench.field.fault = ReaderFault.TORN
    assert polls(bench, 5) == [Mangled()] * 5
    bench.field.fault = None
    assert polls(bench, 2) == [OneCard(SEVEN)] * 2


def test_a_weak_card_is_hardly_ever_absent(bench: Any) -> None:
    bench.field.place(SEVEN)
    polls(bench, 1)
    bench.field.fault = ReaderFault.WEAK
    seen = polls(bench, 1000)
    assert set(seen) <= {OneCard(SEVEN), Mangled(), NoCard()}
    absences = "".join("." if one == NoCard() else "x" for one in seen).split("x")
    assert max(len(absence) for absence in absences) < 10


class Liar(SpiDev):
    """A bus that replaces a share of all answers by dice."""

    def __init__(self, chip: Mfrc522Chip, seed: int, share: float) -> None:
        super().__init__(chip, (0, 0))
        self._dice = random.Random(seed)
        self._share = share
        self.answers = 0

    def xfer2(self, values: list[int]) -> list[int]:
        self.answers += 1
        honest = super().xfer2(values)
        return list(self._dice.randbytes(len(values))) if self._dice.random() < self._share else honest


@pytest.mark.parametrize("share", [0.002, 0.02, 0.2, 1.0])
@pytest.mark.parametrize("uids", [(), (FOUR,), (SEVEN, TWIN)])
def test_no_answer_of_the_bus_makes_a_wrong_uid_or_another_exception(
    bench: Any, share: float, uids: tuple[str, ...]
) -> None:
    for uid in uids:
        bench.field.place(uid)
    module = ModuleType("spidev")
    liar = Liar(bench.chip, seed=int(share * 1000) + len(uids), share=share)
    vars(module)["SpiDev"] = lambda: liar
    bench.reader = open_reader(ReaderWiring(), module, None, bench.clock.nap, bench.clock)
    while liar.answers < 5000:
        for sighting in polls(bench, 1):
            assert uids_of(sighting) <= set(uids)
            if isinstance(sighting, ReaderFailure):
                try:
                    bench.reader.revive()
                except ReaderFailure:
                    continue


@pytest.mark.parametrize(("version", "told"), [(0x91, 0), (0x92, 0), (0x88, 1), (0x12, 1), (0xB2, 1)])
def test_clones_work_and_are_told_once(version: int, told: int, caplog: pytest.LogCaptureFixture) -> None:
    field = Field()
    field.place(FOUR)
    reader = open_reader(ReaderWiring(), spidev_module(Mfrc522Chip(field, version=version)), None)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert reader.poll() == OneCard(FOUR)
            reader.revive()
    assert len(caplog.messages) == told


def test_closing_switches_the_field_off_and_may_be_repeated(bench: Any) -> None:
    bench.field.place(FOUR)
    polls(bench, 1)
    bench.reader.close()
    bench.reader.close()
    spi = bench.spidev.SpiDev()
    spi.open(0, 0)
    assert spi.xfer2([0x80 | 0x14 << 1, 0])[1] & 3 == 0
    with pytest.raises(ReaderFailure, match="SPI bus fails"):
        bench.reader.poll()
    with pytest.raises(ReaderFailure, match="SPI bus fails"):
        bench.reader.revive()


class Line:
    """A reset line that remembers; with `broken` it raises it."""

    def __init__(self, broken: Exception | None = None) -> None:
        self.story: list[str] = []
        self._broken = broken

    def on(self) -> None:
        self.story.append("on")

    def off(self) -> None:
        if self._broken:
            raise self._broken
        self.story.append("off")


def test_reviving_pulses_the_reset_line(bench: Any) -> None:
    line = Line()
    reader = open_reader(ReaderWiring(), bench.spidev, line, bench.clock.nap, bench.clock)
    before = bench.clock.now
    reader.revive()
    assert line.story == ["off", "on"]
    assert bench.clock.now - before < 0.2
    assert reader.poll() == NoCard()


def test_a_reset_line_that_cannot_be_driven_is_a_failure(bench: Any) -> None:
    reader = open_reader(ReaderWiring(), bench.spidev, Line(RuntimeError("no such pin")), bench.clock.nap, bench.clock)
    with pytest.raises(ReaderFailure, match=r"no such pin.*reset_pin"):
        reader.revive()


@pytest.mark.parametrize(
    ("wiring", "lesson"),
    [
        (ReaderWiring(spi_device=1), r"/dev/spidev0\.1 is missing: put dtparam=spi=on into"),
        (ReaderWiring(spi_bus=1), r"/dev/spidev1\.0 is missing: put dtoverlay=spi1-1cs into"),
    ],
)
def test_a_missing_device_says_what_to_configure(bench: Any, wiring: ReaderWiring, lesson: str) -> None:
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


def test_an_error_that_never_becomes_an_answer_is_mangled(bench: Any) -> None:
    polls(bench, 1)
    honest = bench.chip.transfer

    def transfer(sent: list[int]) -> list[int]:
        got: list[int] = honest(sent)
        return [0, 0x02, *got[2:]] if sent[0] == 0x80 | 0x04 << 1 else got

    bench.chip.transfer = transfer
    assert polls(bench, 1) == [Mangled()]


def test_one_impossible_answer_is_looked_behind_at_once(bench: Any) -> None:
    bench.field.place(SEVEN)
    polls(bench, 1)
    honest, lies = bench.chip.transfer, [[0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]]

    def transfer(sent: list[int]) -> list[int]:
        got: list[int] = honest(sent)
        return lies.pop() if lies and sent[0] == 0x80 | 0x04 << 1 else got

    bench.chip.transfer = transfer
    assert polls(bench, 1) == [OneCard(SEVEN)]
    assert not lies


def test_settings_are_looked_at_when_an_answer_is_mangled(bench: Any) -> None:
    bench.field.place(SEVEN)
    polls(bench, 1)
    bench.chip.transfer([0x15 << 1, 0x00])
    bench.field.fault = ReaderFault.TORN
    assert polls(bench, 1) == [Mangled()]
    assert bench.chip.transfer([0x80 | 0x15 << 1, 0])[1] == 0x40


def test_a_version_that_goes_away_is_a_failure(bench: Any) -> None:
    polls(bench, 1)
    bench.chip._core.registers[0x37] = 0x00
    assert any(isinstance(seen, ReaderFailure) for seen in polls(bench, 45))


def test_nothing_is_set_before_the_oscillator_runs(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hardware.emulated.mfrc522_chip._WAKE_S", 0.012)
    before = bench.clock.now
    bench.reader.revive()
    assert bench.clock.now - before > 0.012 + 0.005
    assert polls(bench, 1) == [NoCard()]
