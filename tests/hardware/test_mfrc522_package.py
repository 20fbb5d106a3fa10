"""The emulator is honest: the unmodified mfrc522 package runs over it and shows the bugs known from the field."""

from collections.abc import Iterator
from types import ModuleType

import pytest
from support.emulated_reader import ReaderBench
from support.mfrc522_packages import unmodified

pytestmark = pytest.mark.filterwarnings("ignore:Bitwise inversion:DeprecationWarning")


@pytest.fixture
def package(bench: ReaderBench, capsys: pytest.CaptureFixture[str]) -> Iterator[ModuleType]:
    with unmodified(bench.spidev) as package:
        yield package
    assert capsys.readouterr().out == ""


def test_its_set_up_takes_ten_transfers(bench: ReaderBench, package: ModuleType) -> None:
    assert bench.transfers(package.SimpleMFRC522) == 10


def test_an_empty_poll_costs_2013_transfers(bench: ReaderBench, package: ModuleType) -> None:
    reader = package.SimpleMFRC522()
    assert bench.transfers(lambda: reader.READER.MFRC522_Request(0x26)) == 2013
    assert reader.read_id_no_block() is None


def test_a_resting_card_reads_id_none_id_none(bench: ReaderBench, package: ModuleType) -> None:
    reader = package.SimpleMFRC522()
    bench.field.place("DEADBEEF")
    assert [reader.read_id_no_block() for _ in range(4)] == [956397711138, None, 956397711138, None]


def test_a_card_is_read_in_about_67_transfers(bench: ReaderBench, package: ModuleType) -> None:
    reader = package.SimpleMFRC522()
    bench.field.place("DEADBEEF")
    assert 60 <= bench.transfers(reader.read_id_no_block) <= 75


def test_seven_byte_uids_are_cut_so_that_two_cards_share_an_id(bench: ReaderBench, package: ModuleType) -> None:
    reader = package.SimpleMFRC522()
    for uid in ("04A1B2C3D4E5F6", "04A1B211223344"):
        bench.field.place(uid)
        assert reader.read_id_no_block() == 584193258143
        bench.field.remove(uid)


def test_two_cards_are_never_read(bench: ReaderBench, package: ModuleType) -> None:
    reader = package.SimpleMFRC522()
    bench.field.place("DEADBEEF")
    bench.field.place("12345678")
    assert [reader.read_id_no_block() for _ in range(4)] == [None] * 4


def test_a_foreign_card_is_an_authentication_error_told_twice(
    bench: ReaderBench, package: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    reader = package.SimpleMFRC522()
    bench.field.place("DEADBEEF")
    card, _ = reader.read_no_block()
    assert card == 956397711138
    assert caplog.messages == ["AUTH ERROR!!", "AUTH ERROR(status2reg & 0x08) != 0"]


def test_its_crc_agrees_with_the_chip(package: ModuleType) -> None:
    reader = package.MFRC522()
    assert reader.CalulateCRC([0x50, 0x00]) == [0x57, 0xCD]
