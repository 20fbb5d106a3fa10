"""A chip that fails, forgets, lies or is none: found, set up again, or told as a failure."""

import logging

import pytest
from support.emulated_reader import ReaderBench

from hardware.emulated.cards import Field, ReaderFault
from hardware.emulated.mfrc522_chip import Mfrc522Chip
from hardware.emulated.spidev import spidev_module
from hardware.parts import Mangled, NoCard, OneCard, ReaderFailure
from hardware.reader import open_reader
from hardware.wiring import ReaderWiring

FOUR, SEVEN, TEN = "DEADBEEF", "04A1B2C3D4E5F6", "04A1B2C3D4E5F6010203"
TWIN = "04A1B211223344"
ALL = (FOUR, SEVEN, TEN, TWIN)


@pytest.mark.parametrize("fault", [ReaderFault.ABSENT, ReaderFault.ABSENT_FF, ReaderFault.BUS_ERROR])
@pytest.mark.parametrize("card", [None, SEVEN])
def test_a_reader_that_is_gone_is_a_failure_at_once_until_it_is_back(
    bench: ReaderBench, fault: ReaderFault, card: str | None
) -> None:
    if card:
        bench.field.place(card)
    there = OneCard(card) if card else NoCard()
    assert bench.polls(2) == [there] * 2
    bench.field.fault = fault
    assert all(isinstance(seen, ReaderFailure) for seen in bench.polls(5))
    with pytest.raises(ReaderFailure, match="card reader"):
        bench.reader.revive()
    bench.field.fault = None
    bench.reader.revive()
    assert bench.polls(2) == [there] * 2


@pytest.mark.parametrize("fault", [ReaderFault.STUCK_TX, ReaderFault.ANTENNA_OFF])
def test_a_chip_that_cannot_send_is_a_failure_within_5_s_and_revived(bench: ReaderBench, fault: ReaderFault) -> None:
    bench.polls(2)
    bench.field.fault = fault
    assert any(isinstance(seen, ReaderFailure) for seen in bench.polls(60))
    bench.field.fault = None
    bench.reader.revive()
    bench.field.place(FOUR)
    assert bench.polls(2) == [OneCard(FOUR)] * 2


def test_a_reader_absent_from_the_start_is_opened_and_fails_at_the_first_poll(bench: ReaderBench) -> None:
    bench.field.fault = ReaderFault.ABSENT
    reader = open_reader(ReaderWiring(), bench.spidev, None, bench.clock.nap, bench.clock)
    with pytest.raises(ReaderFailure, match="VersionReg reads 0x00"):
        reader.poll()
    bench.field.fault = None
    assert reader.poll() == NoCard()


def test_a_chip_that_forgets_everything_is_healed_silently(
    bench: ReaderBench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.field.place(SEVEN)
    bench.polls(2)
    for _ in range(5):
        bench.field.fault = ReaderFault.CHIP_RESET
        assert bench.polls(3) == [OneCard(SEVEN)] * 3
    assert len(caplog.messages) == 1
    assert "set up again" in caplog.messages[0]
    assert bench.reader.repairs == 5


def test_a_lost_antenna_setting_is_no_removal(bench: ReaderBench) -> None:
    bench.field.place(SEVEN)
    bench.polls(2)
    bench.field.fault = ReaderFault.ANTENNA_OFF
    bench.chip.transfer([0x14 << 1, 0x80])
    bench.field.fault = None
    assert bench.polls(3) == [OneCard(SEVEN)] * 3


def test_a_lost_setting_in_an_empty_field_is_found_in_two_seconds(bench: ReaderBench) -> None:
    bench.polls(2)
    bench.chip.transfer([0x14 << 1, 0x80])
    bench.polls(41)
    bench.field.place(FOUR)
    assert bench.polls(1) == [OneCard(FOUR)]


def test_settings_that_never_stay_are_a_failure(bench: ReaderBench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.polls(1)
    monkeypatch.setattr("hardware.reader_chip.ReaderChip.is_well", lambda _: False)
    with pytest.raises(ReaderFailure, match="forgets its settings"):
        bench.reader.revive()


def test_a_chip_that_is_lost_in_every_look_is_a_failure(bench: ReaderBench) -> None:
    bench.polls(1)
    bench.field.fault = ReaderFault.STUCK_TX
    with pytest.raises(ReaderFailure, match="again and again"):
        bench.reader.poll()


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


def test_closing_switches_the_field_off_and_may_be_repeated(bench: ReaderBench) -> None:
    bench.field.place(FOUR)
    bench.polls(1)
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


def test_reviving_pulses_the_reset_line(bench: ReaderBench) -> None:
    line = Line()
    reader = open_reader(ReaderWiring(), bench.spidev, line, bench.clock.nap, bench.clock)
    before = bench.clock.now
    reader.revive()
    assert line.story == ["off", "on"]
    assert bench.clock.now - before < 0.2
    assert reader.poll() == NoCard()


def test_a_reset_line_that_cannot_be_driven_is_a_failure(bench: ReaderBench) -> None:
    reader = open_reader(ReaderWiring(), bench.spidev, Line(RuntimeError("no such pin")), bench.clock.nap, bench.clock)
    with pytest.raises(ReaderFailure, match=r"no such pin.*reset_pin"):
        reader.revive()


def test_one_impossible_answer_is_looked_behind_at_once(bench: ReaderBench) -> None:
    bench.field.place(SEVEN)
    bench.polls(1)
    honest, lies = bench.chip.transfer, [[0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]]

    def transfer(sent: list[int]) -> list[int]:
        got: list[int] = honest(sent)
        return lies.pop() if lies and sent[0] == 0x80 | 0x04 << 1 else got

    bench.chip.transfer = transfer
    assert bench.polls(1) == [OneCard(SEVEN)]
    assert not lies


def test_settings_are_looked_at_when_an_answer_is_mangled(bench: ReaderBench) -> None:
    bench.field.place(SEVEN)
    bench.polls(1)
    bench.chip.transfer([0x15 << 1, 0x00])
    bench.field.fault = ReaderFault.TORN
    assert bench.polls(1) == [Mangled()]
    assert bench.chip.transfer([0x80 | 0x15 << 1, 0])[1] == 0x40


def test_a_version_that_goes_away_is_a_failure(bench: ReaderBench) -> None:
    bench.polls(1)
    bench.chip._core.registers[0x37] = 0x00
    assert any(isinstance(seen, ReaderFailure) for seen in bench.polls(45))


def test_nothing_is_set_before_the_oscillator_runs(bench: ReaderBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hardware.emulated.mfrc522_chip._WAKE_S", 0.012)
    before = bench.clock.now
    bench.reader.revive()
    assert bench.clock.now - before > 0.012 + 0.005
    assert bench.polls(1) == [NoCard()]
